"""The communications hub: communications hub function and gas proxy function."""
