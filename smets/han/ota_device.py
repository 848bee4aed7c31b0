"""The OTA client of a device, from the data items that say which images are for it.

Source: SMETS 5.7.1 items, and the layout of a model type (reference: gbz-payloads 8, GCS21m).
"""

from __future__ import annotations

from gbcs.ids import EntityId
from gbcs.time import Utc

from ..device import Device
from ..work import Work
from .endpoints import OTA, Endpoint
from .link import Address
from .ota_client import OtaClient
from .ota_events import DEFAULT_CLIENT, OtaClientSettings, OtaIdentity
from .suites import Random

DIGITS = 4  # hex digits of a manufacturer, an image type, a hardware version


def identity_of(work: Work) -> OtaIdentity:
    """Manufacturer code from the manufacturer identifier, image type and hardware version from the model.

    Gap: gbz-payloads 8 says so of a GSME; other devices are taken to be alike. What is no hex digits is 0.
    """
    manufacturer, model = (work.item(name) for name in ("ManufacturerIdentifier", "ModelType"))
    return OtaIdentity(_number(manufacturer, 0), _number(model, 0), _number(model, DIGITS))


def _number(value: object, start: int) -> int:
    digits = value[start : start + DIGITS] if isinstance(value, bytes) else b""
    try:
        return int(digits.decode("ascii"), 16) if len(digits) == DIGITS and digits.isalnum() else 0
    except ValueError:
        return 0


def running_version(work: Work) -> int:
    """The file version of the firmware that runs: its version, most significant octet first.

    Gap: how the two belong together is not stated (chts-hub 22.2); as `HeldImage.of`.
    """
    version = work.item("FirmwareVersion")
    return int.from_bytes(version, "big") & 0xFFFF_FFFF if isinstance(version, bytes) else 0


def ota_client_of(
    device: Device,
    station: EntityId,
    endpoints: tuple[Endpoint, ...],
    hub: EntityId,
    random: Random,
    now: Utc,
    settings: OtaClientSettings = DEFAULT_CLIENT,
) -> OtaClient | None:
    """The client of a device, on the device's store; None where none of its endpoints has one."""
    own = next((endpoint.number for endpoint in endpoints if OTA in endpoint.clients), None)
    if own is None:
        return None
    identity = identity_of(device.observe(now))

    def running() -> int:
        return running_version(device.observe(now))

    return OtaClient(Address(station, own), hub, identity, running, device.store, random, settings)
