"""The ASN.1 payloads of the vectors, written element by element: tag, length, contents.

Lengths are counted by `der`, which shares nothing with the project; certificates are those of
the vectors' PKI. The signing request is put together here and its signature is filler.
"""

from typing import NamedTuple

from gbcs.ids import Cra

COMMAND, RESPONSE, ALERT = Cra.COMMAND, Cra.RESPONSE, Cra.ALERT


class Payload(NamedTuple):
    """A payload, and the message it is in."""

    code: int
    cra: Cra
    octets: bytes


def der(tag: int, *parts: bytes | str, form: int = 0) -> bytes:
    """One element. Parts are octets or hex digits; `form` is how many octets the length takes."""
    contents = b"".join(bytes.fromhex(part) if isinstance(part, str) else part for part in parts)
    size = len(contents)
    octets = form or (1 if size < 128 else 2 if size < 256 else 3)
    if octets == 1:
        return bytes((tag, size)) + contents
    return bytes((tag, 0x7F + octets)) + size.to_bytes(octets - 1, "big") + contents


def seq(*parts: bytes | str, form: int = 0) -> bytes:
    """A SEQUENCE."""
    return der(0x30, *parts, form=form)


SUPPLIER_DS = seq("020102 03020780")
SUPPLIER_KA = seq("020102 03020308")
SUPPLIER_TOP_UP = seq("020102 03020308 020101")
ROOT = seq("020100 03020204")
NOON = "180F" + b"20240301120000Z".hex()
NEVER = "180F" + b"99991231235959Z".hex()
PARTY, KEY = "0408 90B3D51F30AB0001", "0408 4A11111111111111"
OTHER_PARTY, OTHER_KEY = "0408 90B3D51F30AB0003", "0408 4B22222222222222"
DEVICE = "0408 00DB12345678AB01"
LOG_ENTRY = seq(DEVICE, "020101")
HASH = "0420" + "5A" * 32
TOP_UP_FLOOR = seq(seq("020100 0202 00C8"))
PPMID_KEY = "3059 3013 06072A8648CE3D0201 06082A8648CE3D030107 0342 0004" + "11" * 64
REQUEST = seq(
    seq("020100 3000", PPMID_KEY, der(0xA0, seq("06092A864886F70D01090E", der(0x31, seq(
        seq("0603551D0F 0101FF 0404 03020780"),
        seq("0603551D11 0101FF", der(4, seq(der(0xA0, "06082B06010505070804", der(0xA0, seq(
            "060D2A863A0001848FB90F01020201", DEVICE)))))))))),
    ),
    "300A 06082A8648CE3D040302",
    der(3, "00", seq(der(2, "11" * 32), der(2, "22" * 32))),
)  # fmt: skip


def _outcome(*rows: bytes, mode: str = "020102", form: int = 0) -> bytes:
    changes = seq(seq("020102 020100"), seq("020108 02087FFFFFFFFFFFFFFF", TOP_UP_FLOOR))
    return seq("0202 0BB8", mode, changes, seq(*rows, form=form), form=form)


def _row(cell: bytes, status: str = "0A0100") -> bytes:
    return seq(cell, status, PARTY, KEY, OTHER_PARTY, OTHER_KEY)


def _replace(control: bytes, cells: list[bytes], certificate: bytes, path: list[bytes], *rest: str) -> bytes:
    rows = (seq(certificate, cell) for cell in cells)
    return seq(control, seq(*rows), seq(*path), *rest)


def payloads(organisation: bytes, device: bytes) -> dict[str, Payload]:
    """Every structure at least once, both ways, and what is awkward but legal."""
    signed = seq("020102", der(0xA2, "020102 03020780"), "83020BB8")
    everything = seq(
        "020109 8010", "A5" * 16, "810101", der(0xA2, "020100 03020204"), "8308 7FFFFFFFFFFFFFFF 840100",
        der(0xA5, seq("020100 020100"), seq("020101 020105")),
        der(0xA6, seq("020102 020107"), seq("020103 020100", TOP_UP_FLOOR)),
    )  # fmt: skip
    cell = seq("03020308 020101", PARTY, KEY)
    return {
        "credentials-command": Payload(0x0008, COMMAND, seq(SUPPLIER_DS, seq("020102 020103 02017F"))),
        "credentials-command-top-up": Payload(0x011B, COMMAND, seq(SUPPLIER_TOP_UP, seq("02012A"))),
        "credentials-command-default-given": Payload(
            0x0008, COMMAND, seq(seq("020102 03020780 020100"), seq("020102"))
        ),
        "credentials-command-no-role": Payload(0x0008, COMMAND, seq(SUPPLIER_DS, "3000")),
        "credentials-response": Payload(
            0x0008,
            RESPONSE,
            seq(
                seq("020102 0A0100 020107", seq(seq("03020780", PARTY, KEY), cell)),
                seq("020108 0A0119"),
                seq("020103 0A0100 020100 3000"),
            ),
        ),
        "credentials-response-long-lengths": Payload(
            0x011B,
            RESPONSE,
            seq(seq("020102 0A0100 020107", seq(cell, cell, cell, cell, form=3), form=3), form=3),
        ),
        "credentials-response-unknown": Payload(
            0x011B,
            RESPONSE,
            seq(seq("020163 0A0142"), seq("0204 80000000 0A027FFF"), seq("0205 00FFFFFFFF 0A0103")),
        ),
        "credentials-response-bits": Payload(
            0x0008,
            RESPONSE,
            seq(
                seq(
                    "020102 0A0100 020107",
                    seq(
                        seq("030100", PARTY, KEY),
                        seq("03020106", PARTY, KEY),
                        seq("0303070080", PARTY, KEY),
                        seq("03020388", PARTY, KEY),
                    ),
                )
            ),
        ),
        "replace-command": Payload(0x0102, COMMAND, _replace(signed, [SUPPLIER_DS], organisation, [])),
        "replace-command-everything": Payload(
            0x0109,
            COMMAND,
            _replace(everything, [ROOT, SUPPLIER_TOP_UP], organisation, [organisation, device], NOON),
        ),
        "replace-command-cancel": Payload(
            0x0104, COMMAND, _replace(seq("020104 830105"), [], organisation, [], NEVER)
        ),
        "replace-command-long-tags": Payload(
            0x0102,
            COMMAND,
            _replace(
                seq("020102", der(0x81, "00", form=2), der(0xA2, "020102 03020780", form=3), "83020BB8"),
                [SUPPLIER_KA],
                organisation,
                [],
            ),
        ),
        "replace-response": Payload(0x0107, RESPONSE, seq("0500", _outcome(_row(SUPPLIER_DS)))),
        "replace-response-failed": Payload(
            0x0126,
            RESPONSE,
            seq(
                "0500",
                _outcome(_row(SUPPLIER_KA, "0A010A"), _row(ROOT, "0A017F"), mode="02010B", form=3),
                form=3,
            ),
        ),
        "replace-response-later": Payload(0x0102, RESPONSE, seq("0500")),
        "replace-response-long-null": Payload(0x0102, RESPONSE, seq("058100")),
        "replace-alert": Payload(0x00CB, ALERT, seq("0203008F66", NOON, _outcome(_row(SUPPLIER_TOP_UP)))),
        "replace-alert-load-controller": Payload(
            0x0124,
            ALERT,
            seq("0203008F67", NOON, _outcome(_row(seq("020108 03020780"), "0A0105"), mode="02010A")),
        ),
        "issue-command": Payload(0x000A, COMMAND, seq("03020780")),
        "issue-response": Payload(0x000A, RESPONSE, REQUEST),
        "issue-response-failed": Payload(0x000A, RESPONSE, der(2, "02")),
        "install-command": Payload(0x000B, COMMAND, device),
        "install-response": Payload(0x000B, RESPONSE, der(2, "00")),
        "install-response-unknown": Payload(0x000B, RESPONSE, der(2, "FF")),
        "provide-command": Payload(0x000C, COMMAND, seq("03020308")),
        "provide-response": Payload(0x000C, RESPONSE, device),
        "provide-response-failed": Payload(0x000C, RESPONSE, der(2, "02")),
        "join-command": Payload(0x000D, COMMAND, seq("020100", DEVICE, "020105")),
        "join-command-b": Payload(0x000E, COMMAND, seq("020102", DEVICE, "020109")),
        "join-command-c": Payload(0x00AF, COMMAND, seq("020103", DEVICE, "020105", device)),
        "join-response": Payload(0x00AB, RESPONSE, der(2, "0D")),
        "unjoin-command": Payload(0x000F, COMMAND, bytes.fromhex(DEVICE)),
        "unjoin-command-long-length": Payload(0x0010, COMMAND, der(4, DEVICE[4:], form=5)),
        "unjoin-response": Payload(0x0010, RESPONSE, der(2, "01")),
        "activate-command": Payload(0x0012, COMMAND, seq(HASH, "0209 00FFFFFFFFFFFFFFFF")),
        "activate-command-later": Payload(0x0012, COMMAND, seq(HASH, "020203E8", NOON)),
        "activate-response": Payload(0x0012, RESPONSE, seq("020102 0404 01020304")),
        "activate-response-later": Payload(0x0012, RESPONSE, der(5)),
        "activate-alert": Payload(
            0x00CA, ALERT, seq("0203008F66", NOON, "020203E8", seq("020100 0404 FFFFFFFF"))
        ),
        "log-command": Payload(0x0013, COMMAND, der(5)),
        "log-response": Payload(0x0013, RESPONSE, seq("020100", seq(LOG_ENTRY, seq(DEVICE, "020106")))),
        "log-response-failed": Payload(0x0013, RESPONSE, seq("020101")),
        "clock-command": Payload(0x007F, COMMAND, seq(NOON, NEVER)),
        "clock-response": Payload(0x007F, RESPONSE, seq("180F" + b"00010101000000Z".hex(), "020102")),
        "restore-command": Payload(0x008C, COMMAND, seq(seq(LOG_ENTRY))),
        "restore-command-empty": Payload(0x008C, COMMAND, seq("3000")),
        "restore-response": Payload(
            0x008C, RESPONSE, seq(seq(seq(LOG_ENTRY, "020100"), seq(LOG_ENTRY, "020104")))
        ),
        "backup-alert": Payload(0x00B2, ALERT, seq("0203008071", NOON, seq(LOG_ENTRY, LOG_ENTRY))),
        "version-command": Payload(0x0129, COMMAND, der(5)),
        "version-response": Payload(0x0129, RESPONSE, seq("0404 00010203 020101")),
        "activated-alert": Payload(0x012B, ALERT, seq("0203008F8B", NOON, "0404 00010203 020100")),
        "transferred-alert": Payload(0x0128, ALERT, seq("0203008F89", NOON, DEVICE, "0404 00010203 020103")),
    }
