"""DLMS COSEM payloads: A-XDR data, the three APDUs, and the object table (IEC 62056-5-3, 6-2)."""
