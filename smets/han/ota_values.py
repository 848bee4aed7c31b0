"""The attributes of an OTA client, which stand on the client's side of the cluster.

Source: ZigBee OTA Upgrade (reference: chts-hub 16.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gbcs.ids import EntityId
from gbcs.time import Utc
from gbcs.zcl.clusters import Attribute, Command

from .cluster_commands import Answer
from .cluster_server import Values
from .endpoints import OTA, Endpoint
from .ota_client import OtaClient
from .ota_rows import STATUSES

NONE = 0xFFFF_FFFF  # of an offset or a version; gap: chts-hub 16.2 has no values, this is the ZCL's


def _status(client: OtaClient) -> int:
    status = STATUSES[client.state]
    return client.settings.waiting if status is None else status


def _offset(client: OtaClient) -> int:
    if client.fetching is not None:
        return client.fetching.octets
    return NONE if client.held is None else client.held.size


ROWS: dict[str, Callable[[OtaClient], int]] = {
    "UpgradeServerID": lambda client: int.from_bytes(client.hub, "big"),
    "FileOffset": _offset,
    "CurrentFileVersion": lambda client: client.running(),
    "DownloadedFileVersion": lambda client: NONE if client.held is None else client.held.image.file_version,
    "ImageUpgradeStatus": _status,
    "ManufacturerID": lambda client: client.identity.manufacturer,
    "ImageTypeID": lambda client: client.identity.image_type,
    "MinimumBlockPeriod": lambda client: client.period,
    "ImageStamp": lambda client: client.settings.image_stamp,
    "UpgradeActivationPolicy": lambda client: client.settings.activation_policy,
    "UpgradeTimeoutPolicy": lambda client: client.settings.timeout_policy,
}


class OtaValues:
    """The attributes of an OTA client; those of other clusters, and all commands, from elsewhere."""

    def __init__(self, client: OtaClient, others: Values) -> None:
        self._client = client
        self._others = others

    def read(self, attribute: Attribute, endpoint: Endpoint, now: Utc) -> Any:
        """The value of an attribute, see `Values`."""
        if attribute.cluster != OTA:
            return self._others.read(attribute, endpoint, now)
        row = ROWS.get(attribute.name)
        return None if row is None else row(self._client)

    def takes(self, command: Command) -> bool:
        """As the others."""
        return self._others.takes(command)

    def answer(
        self,
        command: Command,
        values: Mapping[str, Any],
        endpoint: Endpoint,
        now: Utc,
        room: int,
        requester: EntityId | None,
    ) -> Answer:
        """That of the others."""
        return self._others.answer(command, values, endpoint, now, room, requester)
