"""Payloads by name: the values of a message under the names of its use case, and back.

`dlms`, `gbz` and `asn1` read and build the three payload families from the same tables of
templates, objects, clusters and declarations; `payload` chooses between them.
"""
