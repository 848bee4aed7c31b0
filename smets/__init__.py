"""Device state machines: data items, behaviours and handlers, without input or output."""
