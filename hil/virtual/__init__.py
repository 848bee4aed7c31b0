"""Virtual dongles: a simulated air, the ZigBee stack on it, and the EZSP side a host talks to."""
