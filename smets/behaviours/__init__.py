"""Rules shared by devices, each its own object: clock, tariff, prepayment, supply and others."""
