"""What all devices of the home network share on the ZigBee side, without a radio."""
