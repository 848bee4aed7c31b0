"""Tariffs in one readable structure, for electricity and for gas, and the values of their messages."""
