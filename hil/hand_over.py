"""Files with which another scenario names an emulated device of this one as a real one.

Certificates of the device, the key folder of the parties, the texts of key establishment for device
and hub, and the entry itself. Private keys of the device and of authorities stay here.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from gbcs.errors import KeyStoreError
from gbcs.ids import KeyUsage
from gbcs.security.folder import write_folder
from gbcs.security.memory import MemoryKeyStore
from smets.store import MemoryStore

from .provisioning import Provisioning, cbke_authority
from .scenario import DeviceEntry, Scenario

SIGNING, AGREEMENT = "signing.pem", "key-agreement.pem"
HUB_CBKE, DEVICE_CBKE = "hub.cbke", "device.cbke"
ENTRY, KEYS = "entry.toml", "keys"
_ENTRY = """\
# Beside this file: the device as a scenario names it, and the line of its hub.
[hub]
cbke = "{hub}"

[[device]]
name = {name}
kind = "real"
type = "{entry.type.value}"
variant = "{entry.variant}"
id = "{entry.entity}"
install_code = "{code}"
signing_certificate = "{signing}"
key_agreement_certificate = "{agreement}"
keys = "{keys}"
"""


def hand_over(scenario: Scenario, entry: DeviceEntry, folder: Path) -> tuple[str, ...]:
    """Write the files; their paths below the folder. Raises KeyStoreError, OSError.

    Nothing that is there is overwritten with something else. Secrets are for their owner only.
    """
    made = Provisioning(scenario)
    made.device(entry, MemoryStore(), scenario.start)
    keys = made.keys
    parties = {party.entity for party in scenario.parties}
    held = [c for c in keys.all() if c.entity in parties or c.usage is KeyUsage.KEY_CERT_SIGN]
    private = (keys.private_key(credential) for credential in held if credential.entity in parties)
    authority = cbke_authority(scenario)
    files = {
        HUB_CBKE: (authority.issue(scenario.hub.gpf).text().encode(), 0o600),
        DEVICE_CBKE: (authority.issue(entry.entity).text().encode(), 0o600),
        ENTRY: (_entry(entry).encode(), 0o600),
    }
    for name, usage in ((SIGNING, KeyUsage.DIGITAL_SIGNATURE), (AGREEMENT, KeyUsage.KEY_AGREEMENT)):
        credential = keys.find(entry.entity, usage)
        assert credential is not None  # made above
        files[name] = (credential.certificate.public_bytes(Encoding.PEM), 0o644)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (octets, _) in files.items():
        path = folder / name
        if os.path.lexists(path) and path.read_bytes() != octets:
            raise KeyStoreError(f"{path}: exists and holds something else, nothing written")
    store = MemoryKeyStore(held, (key for key in private if key is not None))
    in_keys = write_folder(store, folder / KEYS)
    for name, (octets, mode) in files.items():
        if not os.path.lexists(folder / name):
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with open(descriptor, "wb") as file:
                file.write(octets)
    return (*sorted(files), *(f"{KEYS}/{name}" for name in in_keys))


def _entry(entry: DeviceEntry) -> str:
    name = '"' + entry.name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    code = entry.install_code.hex().upper()
    return _ENTRY.format(
        hub=HUB_CBKE, name=name, entry=entry, code=code, signing=SIGNING, agreement=AGREEMENT, keys=KEYS
    )
