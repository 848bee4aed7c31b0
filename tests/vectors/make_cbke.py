"""Makes the vectors of key establishment: `python -m tests.vectors.make_cbke` writes them."""

from pathlib import Path

from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.credential import CbkeCredential
from smets.han.ecmqv import Agreement, Ephemeral, agree, associate_value, make_ephemeral, shared_secret
from smets.han.ecqv import certificate_number
from smets.han.install_code import LENGTHS, InstallCode
from smets.han.key_establishment_frames import Command, CommandId, Initiate
from smets.han.mmo import SIZE, hmac_mmo, kdf_mmo, key_load_key, key_transport_key, mmo
from smets.han.suites import Suite
from smets.han.test_ca import TestCa

FOLDER = Path(__file__).resolve().parent / "cbke"
SEED = b"vectors"
START = Utc.of(2024, 3, 1)
ID_U = EntityId.parse("00-DB-12-34-56-78-CB-02")
ID_V = EntityId.parse("00-DB-12-34-56-78-CB-01")
TIMES = (4, 9)
TRANSACTION = 0x30


def seed(suite: Suite, side: str) -> bytes:
    """What the ephemeral key of a side is made from."""
    return kdf_mmo(SEED + side.encode() + bytes((suite,)), suite.seed_size)


def key_establishment(suite: Suite) -> dict[str, bytes]:
    """One exchange, with what lies between."""
    curve = suite.curve
    ca = TestCa(suite, SEED, START)
    credentials = {"U": ca.issue(ID_U), "V": ca.issue(ID_V)}
    ephemeral = {side: make_ephemeral(suite, seed(suite, side)) for side in "UV"}
    found = {"Q_CA": curve.compress(ca.public)}
    for side, credential in credentials.items():
        own = ephemeral[side]
        found |= {
            f"CERT_{side}": credential.certificate.octets,
            f"d_{side}": curve.field.octets(credential.private),
            f"e_{side}": certificate_number(credential.certificate).to_bytes(SIZE, "big"),
            f"Q_{side}": curve.compress(credential.public),
            f"k_{side}": curve.field.octets(own.private),
            f"QE_{side}": own.public,
            f"avf_{side}": curve.field.octets(associate_value(suite, own.public)),
        }
    agreed = _agreed(credentials, ephemeral)
    found["Z"] = z = shared_secret(
        ephemeral["U"], credentials["U"].private, credentials["V"].public, ephemeral["V"].public
    )
    found["MacKey"] = kdf_mmo(z, SIZE)
    found["KeyData"] = agreed.key_data
    found["MACU"], found["MACV"] = agreed.mac_u, agreed.mac_v
    bodies = {
        "Initiate": [Initiate(suite, *TIMES, credentials[s].certificate.octets).octets() for s in "UV"],
        "Ephemeral": [ephemeral[side].public for side in "UV"],
        "Confirm": [agreed.mac_u, agreed.mac_v],
    }
    for number, (name, (request, response)) in enumerate(bodies.items()):
        transaction = TRANSACTION + number
        found[f"{name} Request"] = Command(CommandId(number), True, transaction, request).octets
        found[f"{name} Response"] = Command(CommandId(number), False, transaction, response).octets
    return found


def _agreed(credentials: dict[str, CbkeCredential], ephemeral: dict[str, Ephemeral]) -> Agreement:
    u, v = (
        agree(mine == "U", credentials[mine], ephemeral[mine], credentials[other].certificate,
              ephemeral[other].public)
        for mine, other in ("UV", "VU")
    )  # fmt: skip
    assert isinstance(u, Agreement)
    assert u == v
    return u


def symmetric() -> dict[str, bytes]:
    """Hashes, keyed hashes, derived keys and install codes."""
    found = {}
    for length in (0, 1, 13, 14, 15, 16, 29, 30, 74, 8190, 8191, 8192):
        found[f"H of {length} octets"] = mmo(message(length))
    key = message(SIZE)
    found["HMAC of 61 octets"] = hmac_mmo(key, message(61))
    found["KDF of 36 octets"] = kdf_mmo(message(36), 32)
    found["key-transport key"] = key_transport_key(key)
    found["key-load key"] = key_load_key(key)
    for length in LENGTHS:
        code = InstallCode(message(length))
        found[f"install code of {length}"] = code.octets
        found[f"link key of {length}"] = code.link_key
    return found


def message(length: int) -> bytes:
    """Octets to hash: 0, 7, 14 and so on."""
    return bytes(n * 7 & 0xFF for n in range(length))


def made() -> dict[str, str]:
    """The files by name."""
    files = {"symmetric.txt": symmetric()}
    files |= {f"suite{suite.bit_length()}.txt": key_establishment(suite) for suite in Suite}
    return {
        name: "".join(f"{item} = {octets.hex()}\n" for item, octets in found.items())
        for name, found in files.items()
    }


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in made().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
