"""Mutation testing: small changes of a module, and whether its tests notice each of them."""
