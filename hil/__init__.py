"""Everything that touches the world: links, radios, stores on disk, benches, reports."""
