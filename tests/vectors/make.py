"""Makes the vectors of this folder: `python -m tests.vectors.make` writes them.

Payloads are written here octet by octet; the project wraps, signs, MACs and encrypts them with
keys derived from a seed. `check.py` looks at the result without the project's code.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

from gbcs.ids import Cra, EntityId, KeyUsage, Role
from gbcs.message import Message, OtherInformation
from gbcs.party import AccessControlBroker, RemoteParty
from gbcs.pki import TestPki
from gbcs.security.encryption import ContentKey, seal
from gbcs.security.keys import SharedSecrets
from gbcs.security.mac import message_mac
from gbcs.security.memory import MemoryKeyStore
from gbcs.security.store import Credential
from gbcs.time import Utc
from tests.vectors import payloads_asn1, payloads_gbz

FOLDER = Path(__file__).resolve().parent
SEED = b"vectors"
START = Utc.of(2024, 3, 1)
SUPPLIER = EntityId.parse("90-B3-D5-1F-30-AB-00-01")
BROKER = EntityId.parse("90-B3-D5-1F-30-AB-00-02")
UNKNOWN = EntityId.parse("90-B3-D5-1F-30-AB-00-03")
METER = EntityId.parse("00-DB-12-34-56-78-AB-01")
COUNTER = 0x0000_0001_0000_07D0
CODE = 0x0FFF  # no use case has it: the first octet of the payload tells the family

READ = "D9 200007D0 00 01 01 0003 0100020800FF 02 01 00"
GBZ = "0109 02 00 0702 0005 00 00 00 000A 01 0705 0005 00 01 00 0100"
DER = "3027 0420" + "5A" * 32 + "0203 01E240"
WILDCARDS = "FFFF FF FF FF FF FF FF FF 8000 FF"
MOMENT = "07E8 03 01 FF 0C 00 00 00 8000 FF"

# One datum each: what A-XDR can say, awkward but legal.
DATA = {
    "null": "00",
    "array-empty": "01 00",
    "array-long-count": "01 8103 110111021103",
    "array-empty-long-count": "01 82 0000",
    "array-of-arrays": "01 02 01 02 110111FF 01 01 00",
    "structure-empty": "02 00",
    "structure-long-count": "02 82 0002 1101 09 03 010203",
    "nested-16-deep": "0101" * 16 + "00",
    "boolean-false": "03 00",
    "boolean-true": "03 FF",
    "boolean-true-01": "03 01",
    "boolean-true-80": "03 80",
    "bits-none": "04 00",
    "bits-3": "04 03 E0",
    "bits-3-padding-set": "04 03 FF",
    "bits-9-padding-set": "04 09 0081",
    "bits-long-length": "04 8103 E0",
    "bits-200": "04 81C8" + "5A" * 25,
    "double-long-least": "05 80000000",
    "double-long-unsigned-most": "06 FFFFFFFF",
    "octets-none": "09 00",
    "octets-none-long-length": "09 8100",
    "octets-long-length": "09 83 000003 010203",
    "octets-length-of-9-octets": "09 88 0000000000000003 010203",
    "octets-128": "09 8180" + "A5" * 128,
    "octets-256": "09 820100" + "3C" * 256,
    "octets-like-a-message": "09 05 DF09010000",
    "visible": "0A 03 414243",
    "visible-none": "0A 00",
    "visible-not-ascii": "0A 02 41FE",
    "visible-escape": "0A 04 1B5B326A",
    "visible-long-length": "0A 8103 414243",
    "utf8-pound": "0C 03 C2A335",
    "utf8-line-separator": "0C 07 22 5C 0A E280A8 7F",
    "utf8-cut-short": "0C 03 41E282",
    "utf8-surrogate": "0C 03 EDA080",
    "utf8-overlong": "0C 02 C080",
    "bcd": "0D 99",
    "integer-least": "0F 80",
    "long-least": "10 8000",
    "unsigned-most": "11 FF",
    "long-unsigned-most": "12 FFFF",
    "long64-least": "14 8000000000000000",
    "long64-most": "14 7FFFFFFFFFFFFFFF",
    "long64-unsigned-zero": "15 0000000000000000",
    "long64-unsigned-most": "15 FFFFFFFFFFFFFFFF",
    "long64-unsigned-above-double": "15 0020000000000001",
    "enum-most": "16 FF",
    "float32": "17 3FC00000",
    "float32-not-a-number": "17 7FC00001",
    "float64-minus-zero": "18 8000000000000000",
    "date-time": "19 07E8 03 01 05 0C 00 00 00 8000 00",
    "date": "1A FFFF FE FD FF",
    "time": "1B 0C00 FF FF",
    "compact-none": "13 06 00",
    "compact-none-long-length": "13 06 8100",
    "compact-numbers": "13 12 04 00010002",
    "compact-long-length": "13 12 820004 00010002",
    "compact-long64": "13 15 08 FFFFFFFFFFFFFFFF",
    "compact-booleans": "13 03 04 00FF0180",
    "compact-bits": "13 04 06 03E0 03FF 8100",
    "compact-floats": "13 17 08 3FC00000 7FC00001",
    "compact-texts": "13 0C 08 02C2A3 02C080 8100",
    "compact-structures": "13 02 03 06 09 01 0002 11 12 00000001 02AABB 0102 00000002 8101CC 0304",
    "compact-arrays": "13 01 0002 01 0003 11 0C 010203040506 0708090A0B0C",
    "compact-of-128-types": "13 02 8180" + "11" * 128 + "8180" + "07" * 128,
    "compact-in-structure": "02 02 13 02 02 12 0F 06 0001FF 000200 01 00",
}

# Whole payloads.
APDUS = {
    "request-no-items": "D9 200007D0 00 00 00",
    "request-get": READ,
    "request-set": "D9 200007D0 00 01 02 0001 0000600101FF 02 01 0A 02 4142",
    "request-action": "D9 200007D0 00 01 03 0046 000060030AFF 01 01 0F 00",
    "request-get-selection": "D9 200007D0 00 01 04 0007 0100630100FF 02 02"
    "02 02 06 00000001 06 00000005 01 00",
    "request-set-selection": "D9 200007D0 00 01 05 0007 0100630100FF 02 00 00 01 11 01",
    "request-two-items": "D9 00000000 00 02 01 0003 0100020800FF 02 03 0046 000060030AFF FF 02 00 0F 01",
    "request-date-time": f"D9 200007D0 0C {MOMENT} 01 01 0003 0100020800FF 02 01 00",
    "request-long-counts": "D9 200007D0 00 8101 01 0003 0100020800FF 02 820001 00",
    "response-no-items": "DA 200007D0 00 00 00 00",
    "response-get": "DA 200007D0 00 00 01 15 0000000000000000 01 01 00",
    "response-fault": "DA 200007D0 00 00 03 00 00 00 03 02 00 02 03 02 FA",
    "response-date-time": f"DA FFFFFFFF 0C {WILDCARDS} 00 01 00 01 03 00",
    "response-long-counts": "DA 200007D0 00 00 8400000001 1100 8101 01 00",
    "notification": f"0F 200007D0 00 02 02 12 8F32 09 0C {MOMENT}",
    "notification-date-time": f"0F 00000000 0C {WILDCARDS} 01 00",
    "notification-executed": f"0F 200007D0 00 02 03 12 8F66 09 0C {MOMENT} "
    "09 13 0019 00000001000007CF 0014 00000D0000FF 0A",
    "notification-no-structure": "0F 200007D0 00 00",
}

PROTECTION = (
    "01 01 02 02 16 02 02 05 09 08 0400000000000000 09 08 0000000000000000 "
    "09 08 0000000000000000 09 00 02 02 16 02 02 02 09 01 02 09 00"
)
PLAINTEXT = "01 02 06 00000005 15 FFFFFFFFFFFFFFFF"


@cache
def pki() -> tuple[TestPki, tuple[Credential, ...]]:
    """The keys the vectors are made with, and the unknown party's certificates."""
    made = TestPki.create(SEED, START)
    made.organisation(Role.SUPPLIER, SUPPLIER)
    made.organisation(Role.ACCESS_CONTROL_BROKER, BROKER)
    made.device(METER)
    return made, made.organisation(Role.OTHER, UNKNOWN)


def store() -> MemoryKeyStore:
    """All certificates and private keys."""
    return pki()[0].store


def vectors() -> dict[str, bytes]:
    """Every vector by its path in this folder, without suffix."""
    made = {f"apdu/{name}": _bare(text) for name, text in APDUS.items()}
    for name, text in DATA.items():
        payload = f"D9 200007D0 00 01 02 0001 0000600101FF 02 01 {text}"
        made[f"data/{name}"] = _bare(payload)
    for name, (code, cra, octets) in asn1_payloads().items():
        made[f"asn1/{name}"] = _message(cra, octets, OtherInformation(code)).octets
    for name, (code, cra, octets) in payloads_gbz.payloads().items():
        made[f"gbz/{name}"] = _message(cra, octets, OtherInformation(code)).octets
    made |= {f"gbz/{name}": message.octets for name, message in _sealed_gbz().items()}
    made |= {f"envelope/{name}": message.octets for name, message in _envelopes().items()}
    made |= {f"protected/{name}": message.octets for name, message in _protected().items()}
    return made


def asn1_payloads() -> dict[str, payloads_asn1.Payload]:
    """The ASN.1 payloads of `asn1/`."""
    made, unknown = pki()
    device = made.store.find(METER, KeyUsage.KEY_AGREEMENT)
    assert device is not None
    return payloads_asn1.payloads(unknown[1].der, device.der)


def _bare(payload: str) -> bytes:
    """A pre-command with this payload, of the kind its first octet tells."""
    octets = bytes.fromhex(payload)
    cra = {0xD9: Cra.COMMAND, 0xDA: Cra.RESPONSE, 0x0F: Cra.ALERT}[octets[0]]
    return _message(cra, octets, OtherInformation(CODE)).octets


def _message(cra: Cra, payload: bytes, other: OtherInformation, **more: object) -> Message:
    parties = (SUPPLIER, METER) if cra is Cra.COMMAND else (METER, SUPPLIER)
    return Message(cra, COUNTER, *parties, other, payload, **more).encoded()  # type: ignore[arg-type]


def _envelopes() -> dict[str, Message]:
    keys = store()
    supplier, broker = RemoteParty(SUPPLIER, keys), AccessControlBroker(BROKER, keys)
    meter = RemoteParty(METER, keys)
    read, zcl, der = (bytes.fromhex(text) for text in (READ, GBZ, DER))
    answer = bytes.fromhex(APDUS["response-get"])
    alert = bytes.fromhex(APDUS["notification"])
    plain = OtherInformation(0x001A)
    moment, wildcards = bytes.fromhex(MOMENT), bytes.fromhex(WILDCARDS)
    certificate = pki()[1][1].der

    def command(payload: bytes, other: OtherInformation = plain, **more: object) -> Message:
        return _message(Cra.COMMAND, payload, other, **more)

    def response(payload: bytes, other: OtherInformation = plain, **more: object) -> Message:
        return _message(Cra.RESPONSE, payload, other, **more)

    def maced(message: Message) -> Message:
        return _device_mac(message)

    long_forms = (("ciphered_service", 4), ("other_information", 3), ("content", 5))
    forms = long_forms[1:]
    return {
        "a-precommand": command(read),
        "a-counter-zero": Message(Cra.COMMAND, 0, SUPPLIER, METER, plain, read).encoded(),
        "a-counter-most": Message(Cra.COMMAND, 2**64 - 1, SUPPLIER, METER, plain, read).encoded(),
        "a-gbz": command(zcl, OtherInformation(0x0071)),
        "a-der": command(der, OtherInformation(0x0012)),
        "a-no-payload": command(b"", OtherInformation(CODE)),
        "a-long-lengths": command(read, length_forms=forms),
        "a-length-of-127-octets": command(zcl, OtherInformation(0x0071), length_forms=(("content", 127),)),
        "b-no-signature": response(answer, has_signature_length=True),
        "b-command-no-signature": command(read, has_signature_length=True),
        "b-signed-command": supplier.sign(command(read)),
        "b-signed-response": meter.sign(response(answer, date_time=moment)),
        "b-signed-alert": meter.sign(_message(Cra.ALERT, alert, OtherInformation(0x1000))),
        "b-long-lengths": meter.sign(response(answer, length_forms=forms)),
        "b-date-time-wildcards": meter.sign(response(answer, date_time=wildcards)),
        "c-command": broker.mac(command(read)),
        "c-signed-command": broker.mac(supplier.sign(command(read))),
        "c-long-lengths": broker.mac(supplier.sign(command(read, length_forms=long_forms))),
        "c-response": maced(response(answer)),
        "c-date-time-wildcards": maced(response(answer, date_time=wildcards)),
        "c-alert": maced(_message(Cra.ALERT, alert, OtherInformation(0x1001))),
        "c-two-octet-length": broker.mac(
            command(bytes.fromhex(f"D9 200007D0 00 01 02 0001 0000600101FF 02 01 {DATA['octets-256']}"))
        ),
        "other-party": command(read, OtherInformation(0x001A, UNKNOWN)),
        "other-party-counter": command(read, OtherInformation(0x001A, UNKNOWN, 0)),
        "other-originator-counter": maced(response(answer, OtherInformation(0x001A, UNKNOWN, 7, 0))),
        "other-certificate": broker.mac(
            command(read, OtherInformation(0x001A, UNKNOWN, 7, None, certificate))
        ),
        "other-certificate-9-octets": command(read, OtherInformation(0x001A, UNKNOWN, 7, None, bytes(9))),
    }


def _device_mac(message: Message) -> Message:
    """The message of a device with its MAC."""
    keys = store()
    parties = [keys.find(party, KeyUsage.KEY_AGREEMENT) for party in (message.originator, message.recipient)]
    assert parties[0] is not None
    assert parties[1] is not None
    secret = SharedSecrets(keys).between(parties[0], parties[1])
    return _with_mac(message, secret)


def _with_mac(message: Message, secret: bytes) -> Message:
    draft = replace(message, mac_header=True, has_signature_length=True, mac=None).encoded()
    return replace(draft, mac=message_mac(draft, secret)).encoded()


def _protected() -> dict[str, Message]:
    known = _sealed(OtherInformation(0x0027), SUPPLIER)
    unknown = _sealed(OtherInformation(0x0027, UNKNOWN, 7, 9), UNKNOWN)
    damaged = bytearray(known.payload)
    damaged[-8] ^= 1
    return {
        "known-party": _device_mac(known),
        "unknown-party": _device_mac(unknown),
        "damaged": _device_mac(_message(Cra.RESPONSE, bytes(damaged), OtherInformation(0x0027))),
        "twice": _device_mac(_sealed(OtherInformation(CODE), SUPPLIER, 2)),
        "long-length": _device_mac(_sealed(OtherInformation(CODE), SUPPLIER, 1, "82")),
        "not-data": _device_mac(_sealed(OtherInformation(CODE), SUPPLIER, 1, "", "FF FF")),
    }


def _sealed(
    other: OtherInformation, party: EntityId, count: int = 1, form: str = "", plaintext: str = PLAINTEXT
) -> Message:
    """A response with protected values, before its MAC."""
    value = _protect(other, party, plaintext)
    length = bytes((len(value),)) if not form else bytes.fromhex(form) + len(value).to_bytes(2, "big")
    datum = bytes.fromhex("02 02" + PROTECTION) + b"\x09" + length + value
    payload = bytes.fromhex("DA 200007D0 00 00") + bytes((count,)) + datum * count
    payload += bytes((count,)) + bytes.fromhex("0300") * count
    return _message(Cra.RESPONSE, payload, other)


def _protect(other: OtherInformation, party: EntityId, plaintext: str) -> bytes:
    """The protected value of a plaintext, in a message of the meter."""
    keys = store()
    meter, reader = (keys.find(entity, KeyUsage.KEY_AGREEMENT) for entity in (METER, party))
    assert meter is not None
    assert reader is not None
    content = ContentKey.of(_message(Cra.RESPONSE, b"", other))
    assert content.recipient == party
    key = content.derive(SharedSecrets(keys).between(meter, reader))
    return seal(bytes.fromhex(plaintext), key, METER)


def _sealed_gbz() -> dict[str, Message]:
    """Responses and an alert with encrypted components."""
    gbz = payloads_gbz
    read, snapshot = gbz.GENERAL["ReadAttributesResponse"], gbz.CLUSTER_COMMANDS["PublishSnapshot"][3]
    known, unknown = OtherInformation(0x0074), OtherInformation(0x0074, UNKNOWN, 7, 9)

    def response(*components: str, other: OtherInformation = known) -> Message:
        return _device_mac(_message(Cra.RESPONSE, gbz.gbz(*components), other))

    def part(plaintext: str, header: str = "180001", counter: int = 0) -> str:
        return gbz.sealed("0702", header, _protect(known, SUPPLIER, plaintext), counter)

    plain = gbz.component("0702", "08 01 0B", "008B")
    damaged = bytearray(_protect(known, SUPPLIER, read[2]))
    damaged[-1] ^= 1
    alert = OtherInformation(0x008B)
    content = "01" + gbz.sealed("0702", "190006", _protect(alert, SUPPLIER, snapshot)).strip()[2:]
    billing = bytes.fromhex(f"0109 01 8F0A {gbz.MOMENT} 03 {content[2:]}")
    return {
        "sealed-known-party": response(part(read[2])),
        "sealed-unknown-party": response(
            gbz.sealed("0702", "180001", _protect(unknown, UNKNOWN, read[2])), other=unknown
        ),
        "sealed-twice": response(part(read[2]), plain, part(snapshot, "190206", 1)),
        "sealed-damaged": response(gbz.sealed("0702", "180001", bytes(damaged))),
        "sealed-cut-short": response(part(snapshot[:20], "190006")),
        "sealed-other-header": response(gbz.sealed("0702", "180001", b"\x30" + bytes(damaged[1:]))),
        "sealed-nothing": response(part("", "180001")),
        "sealed-undeclared": response(part("0102", "19007F")),
        "sealed-alert": _device_mac(_message(Cra.ALERT, billing, alert)),
    }


def files(folder: Path = FOLDER) -> dict[str, bytes]:
    """The vectors on disk, by their path in the folder, without suffix."""
    return {
        path.relative_to(folder).with_suffix("").as_posix(): bytes.fromhex(path.read_text("ascii"))
        for path in sorted(folder.glob("*/*.hex"))
    }


def main() -> None:
    """Write what is missing or differs, and remove what is no longer made."""
    made = vectors()
    for name in files().keys() - made.keys():
        (FOLDER / f"{name}.hex").unlink()
    for name, octets in made.items():
        path = FOLDER / f"{name}.hex"
        path.parent.mkdir(exist_ok=True)
        path.write_text(octets.hex().upper() + "\n", "ascii")
    print(f"{len(made)} vectors")


if __name__ == "__main__":
    main()
