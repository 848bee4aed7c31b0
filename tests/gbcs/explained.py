"""Sound messages of known use cases, made by the project, for tests that spoil them."""

from functools import cache

from gbcs.ids import Cra, KeyUsage
from gbcs.message import Message, OtherInformation
from gbcs.party import AccessControlBroker, RemoteParty
from gbcs.security.encryption import ContentKey, seal
from gbcs.security.keys import SharedSecrets
from tests.vectors import make

INVOKE = "20 0007D0"
COUNTER = f"{make.COUNTER:016X}"
MOMENT = "07E8 03 01 FF 0C 00 00 00 8000 FF"
LATER = "07EE 01 0F FF 09 00 00 00 8000 FF"
SUPPLIER, METER = str(make.SUPPLIER), str(make.METER)
LOAD_LIMIT = ("00005E2C0003", "00005E2C8007", "00005E2C8006", "00005E2C8008")
SCALER = "02 02 0F 00 16"


def _protection(originator: str, recipient: str) -> str:
    return (
        f"01 01 02 02 16 02 02 05 09 09 04 {COUNTER} 09 08 {originator} 09 08 {recipient} "
        "09 00 02 02 16 02 02 02 09 01 02 09 00"
    )


def _items(*specifications: str) -> str:
    return f"{len(specifications):02X} " + " ".join(specifications)


# name: Message Code, CRA, payload
PLAIN: dict[str, tuple[int, Cra, str]] = {
    "read version": (0x0059, Cra.COMMAND, f"D9 {INVOKE} 00 01 01 0001 0000000201FF 02 01 00"),
    "open switch": (0x0050, Cra.COMMAND, f"D9 {INVOKE} 00 01 03 0009 00000A006AFF 01 01 12 0034"),
    "switch opened": (0x0050, Cra.RESPONSE, f"DA {INVOKE} 00 00 01 00 01 03 00"),
    "read event log": (
        0x0048,
        Cra.COMMAND,
        f"D9 {INVOKE} 00 01 04 0007 0000636200FF 02 01 02 04 02 04 12 0001 09 06 00005E2C64FF 0F 02 12 0000 "
        "06 1C35F900 06 1C374A80 01 00 01 00",
    ),
    "export registers": (
        0x0026,
        Cra.RESPONSE,
        f"DA {INVOKE} 00 00 04 06 00000093 {SCALER} 1E 06 000000EF {SCALER} 20 04 0100 0100 0100 0100",
    ),
    "load limit": (
        0x0043,
        Cra.COMMAND,
        f"D9 {INVOKE} 00 "
        + _items(*(f"02 2328 {ln} {n}" for n in ("04", "06") for ln in LOAD_LIMIT))
        + " 08 03 FF 06 00000BB8 06 0000003C 06 0000003C"
        + f" 09 0C {LATER}" * 4,
    ),
    "credit mode": (
        0x001A,
        Cra.COMMAND,
        f"D9 {INVOKE} 00 03 02 006F 0001130000FF 02 02 006F 0001130000FF 0B 02 006F 0001130000FF 0D "
        "03 02 02 16 01 16 01 01 01 02 03 09 06 0000130A00FF 09 06 0000131400FF 04 03 E0 "
        f"09 0C {LATER}",
    ),
    "read imports": (
        0x0027,
        Cra.COMMAND,
        f"D9 {INVOKE} 00 01 03 001E 00002B0208FF 01 01 02 02 01 01 02 05 12 0001 09 06 00005E2C220A 0F 02 "
        f"12 0000 02 02 16 00 00 {_protection(SUPPLIER, METER)}",
    ),
    "switch events": (
        0x00AC,
        Cra.COMMAND,
        f"D9 {INVOKE} 00 01 02 0001 001E61620BFF 02 01 04 820200 " + "00" * 30 + "6000" + "00" * 30 + "2000",
    ),
    "outage": (
        0x0067,
        Cra.ALERT,
        f"0F {INVOKE} 00 02 04 12 8F36 09 0C {MOMENT} 09 0C {MOMENT} 09 0C {MOMENT}",
    ),
    "executed": (
        0x00CC,
        Cra.ALERT,
        f"0F {INVOKE} 00 02 03 12 8F66 09 0C {LATER} 09 13 001A {COUNTER} 006F 0001130000FF 0D",
    ),
    "read balance": (0x008D, Cra.COMMAND, "0109 02 00 0702 0005 00 00 00 000A 01 0705 0005 00 01 00 0100"),
    "balance": (
        0x008D,
        Cra.RESPONSE,
        "0109 02 00 0702 000B 08 00 01 000A 00 23 E0673500 01 0705 000B 08 01 01 0100 00 2B A0252600",
    ),
    "read top ups": (0x00C5, Cra.COMMAND, "0109 01 11 0705 000C 3A4E7700 01 00 08 FEFFFFFF 05"),
    "gas prices": (
        0x00A3,
        Cra.COMMAND,
        "0109 02 00 0700 0026 09 00 04 00000000 804A371C 01000000 00000000 00 00 04 00 00 3A03 50 10270000 "
        "FF 010000 E80300 "
        "01 0700 001B 09 01 05 00000000 804A371C 00000000 01000000 00 01 01 01 E8030000",
    ),
    "gas executed": (
        0x00CD,
        Cra.ALERT,
        f"0109 01 8F66 38818890 0E 006C {COUNTER} 0705 01 06",
    ),
    "activate firmware": (
        0x0012,
        Cra.COMMAND,
        "303A 0420" + "5A" * 32 + f"0205{COUNTER[6:]} 180F 32303330303131353039303030305A",
    ),
    "join": (0x000D, Cra.COMMAND, f"3010 020100 0408{METER} 020101"),
    "read credentials": (0x0008, Cra.COMMAND, "3011 3007 020104 03020308 3006 020102 020103"),
    "top up": (0x0007, Cra.COMMAND, f"D9 20000000 00 01 03 0073 0000132800FF 01 01 09 14 {'31' * 20}"),
}
SIGNED = {"open switch", "load limit", "credit mode", "gas prices", "activate firmware", "join"}
FORM_B = {"switch opened", "outage", "executed", "gas executed"}
DATED = {"export registers"}
TOKEN = {"top up"}


@cache
def sound() -> dict[str, bytes]:
    """The messages by name, signed and MACed as their use case asks."""
    keys = make.store()
    supplier, broker = RemoteParty(make.SUPPLIER, keys), AccessControlBroker(make.BROKER, keys)
    meter = RemoteParty(make.METER, keys)
    made = {}
    for name, (code, cra, text) in PLAIN.items():
        counter = 0x7D000000000 if name in TOKEN else make.COUNTER
        message = plain(code, cra, bytes.fromhex(text), counter, name in DATED)
        if name in SIGNED:
            message = supplier.sign(message)
        if name in FORM_B:
            message = meter.sign(message)
        elif cra is Cra.COMMAND:
            message = broker.mac(message)
        else:
            message = _device_mac(message)
        made[name] = message.octets
    made["imports"] = _device_mac(_imports()).octets
    made["gas register"] = _device_mac(_gas_register()).octets
    made["new supplier"] = broker.mac(supplier.sign(_new_supplier())).octets
    return made


def plain(code: int, cra: Cra, payload: bytes, counter: int = make.COUNTER, dated: bool = False) -> Message:
    """A message without protection."""
    parties = (make.SUPPLIER, make.METER) if cra is Cra.COMMAND else (make.METER, make.SUPPLIER)
    moment = bytes.fromhex(MOMENT) if dated else None
    return Message(cra, counter, *parties, OtherInformation(code), payload, moment).encoded()


def _device_mac(message: Message) -> Message:
    keys = make.store()
    pair = [keys.find(party, KeyUsage.KEY_AGREEMENT) for party in (message.originator, message.recipient)]
    assert pair[0] is not None
    assert pair[1] is not None
    return make._with_mac(message, SharedSecrets(keys).between(pair[0], pair[1]))


def _sealed(code: int, plaintext: str) -> bytes:
    keys = make.store()
    meter, reader = (keys.find(entity, KeyUsage.KEY_AGREEMENT) for entity in (make.METER, make.SUPPLIER))
    assert meter is not None
    assert reader is not None
    content = ContentKey.of(plain(code, Cra.RESPONSE, b""))
    return seal(
        bytes.fromhex(plaintext), content.derive(SharedSecrets(keys).between(meter, reader)), make.METER
    )


def _imports() -> Message:
    value = _sealed(0x0027, f"02 01 02 04 06 0000000A {SCALER} 1E 06 0000000B {SCALER} 20")
    payload = (
        f"DA {INVOKE} 00 00 01 02 02 {_protection(METER, SUPPLIER)} 09 {len(value):02X} {value.hex()} 01 0300"
    )
    return plain(0x0027, Cra.RESPONSE, bytes.fromhex(payload), dated=True)


def _gas_register() -> Message:
    value = _sealed(0x0074, "0203 00 22 E80300 0103 00 22 010000 0003 00 30 01 0000 00 25 393000000000")
    inside = f"00 00 18 00 01 {len(value):04X} {value.hex()}"
    payload = f"0109 01 03 0702 {len(bytes.fromhex(inside)):04X} {inside}"
    return plain(0x0074, Cra.RESPONSE, bytes.fromhex(payload), dated=True)


def _der(tag: str, *contents: bytes) -> bytes:
    inside = b"".join(contents)
    size = len(inside)
    length = (
        bytes((size,))
        if size < 128
        else b"\x81" + bytes((size,))
        if size < 256
        else b"\x82" + size.to_bytes(2, "big")
    )
    return bytes.fromhex(tag) + length + inside


def _new_supplier() -> Message:
    certificate = make.pki()[1][1].der
    cell = bytes.fromhex("020102 03020780")
    control = _der(
        "30", bytes.fromhex("020102"), _der("A2", cell), bytes.fromhex(f"8305{COUNTER[6:]} 840100")
    )
    payload = _der(
        "30", control, _der("30", _der("30", certificate, _der("30", cell))), _der("30", certificate)
    )
    return plain(0x0102, Cra.COMMAND, payload)
