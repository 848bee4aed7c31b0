"""ASN.1 DER payloads of GBCS: credentials, joins, firmware (GBCS ASN.1 module)."""
