"""Behaviours: what devices do by themselves, each an object with its own tests."""
