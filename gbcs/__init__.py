"""GBCS messages and the cryptography that protects them: octets to meaning and back."""
