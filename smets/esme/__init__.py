"""The electricity meter: its data items, object bindings and wiring of behaviours."""
