"""Serial numbers that are not positive: refused, whatever warnings are set to."""

from __future__ import annotations

import warnings

import pytest

from gbcs.errors import ParseError
from gbcs.security.certificates import read_certificate
from tests.gbcs.crafted import SUPPLIER_DS


@pytest.mark.parametrize("first", [0x80, 0xFF])
@pytest.mark.parametrize("setting", ["ignore", "error"])
def test_a_negative_serial_number_is_no_certificate(first: int, setting: str) -> None:
    der = bytearray(SUPPLIER_DS.der)
    at = der.index(bytes.fromhex("A003020102 0210")) + 7
    assert int.from_bytes(der[at : at + 16], "big") == SUPPLIER_DS.certificate.serial_number
    der[at] = first
    with warnings.catch_warnings():
        warnings.simplefilter(setting)  # type: ignore[arg-type]
        with pytest.raises(ParseError, match="serial number"):
            read_certificate(bytes(der))
