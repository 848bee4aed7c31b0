"""Replaying reference pairs: an emulated device executes a command, the answers are compared."""
