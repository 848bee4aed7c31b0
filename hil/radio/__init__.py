"""Radios: one interface for both roles, on bellows' EZSP layer; the coordinator also on zigpy.

`interface` needs neither library; the rest is imported where it is used.
"""
