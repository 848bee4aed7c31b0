"""ZCL inside GBCS: data types, clusters, GBZ payloads, their fields and templates."""
