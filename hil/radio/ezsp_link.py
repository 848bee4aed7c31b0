"""A dongle on bellows' EZSP layer: commands and callbacks by name, for any version, and loss noticed.

bellows waits ten seconds for the answer of a dongle that is gone; here whatever waits ends at
once. Fragments are taken before bellows sees them, since its own reassembly is wrong from EZSP
14 on (radio-stack 4.6). Source: radio-stack 5, 6.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import bellows.types as t
import zigpy.config
import zigpy.exceptions
from bellows.ash import AshException
from bellows.exception import InvalidCommandError
from bellows.ezsp import EZSP
from zigpy.datastructures import PriorityDynamicBoundedSemaphore

from .interface import LinkLost, RadioUnavailable, Refused, Versions
from .settings import RadioSettings

Values = dict[str, Any]
Hear = Callable[[str, Values], None]

MINIMUM_VERSION = 8  # frames as below, policies as bit masks
INCOMING = (0x0045).to_bytes(2, "little")
HEADER = 5  # sequence, frame control, id
OPTIONS_HIGH = HEADER + 1 + 7  # type; profile, cluster, endpoints, low octet of the options
FRAGMENT_BIT = 0x80

# Acknowledgements of fragments first, since a peer waits for them; what makes more of them last
PRIORITIES: Final = {"sendReply": 2, "nop": 1, "sendUnicast": -1, "send_broadcast": -1}

LINK_ERRORS: Final = (
    OSError,
    TimeoutError,
    AshException,
    AssertionError,  # of bellows, for an answer to another command
    zigpy.exceptions.ZigbeeException,
    zigpy.exceptions.RadioException,
)

# Names of the same field before EZSP 14
ALIASES: Final = {
    "type": "message_type",
    "apsFrame": "aps_frame",
    "lastHopLqi": "lqi",
    "lastHopRssi": "rssi",
    "sender": "nwk",
    "indexOrDestination": "nwk",
    "messageTag": "message_tag",
    "messageContents": "message",
    "linkQuality": "lqi",
    "packetContents": "message",
}


def is_ok(status: Any) -> bool:
    """Whether a status of any version means success."""
    return int(status) == 0


def status_name(status: Any) -> str:
    """The stack's name for a status."""
    return str(getattr(status, "name", f"0x{int(status):02X}"))


class _Ezsp(EZSP):  # type: ignore[misc]
    """bellows' EZSP, but fragments go to the owner."""

    def __init__(self, config: Any, owner: Link) -> None:
        super().__init__(config, owner)
        self._owner = owner

    def frame_received(self, data: bytes) -> None:
        if (
            self._ezsp_version >= MINIMUM_VERSION
            and len(data) > OPTIONS_HIGH
            and data[3:HEADER] == INCOMING
            and data[OPTIONS_HIGH] & FRAGMENT_BIT
        ):
            schema = self._protocol.COMMANDS["incomingMessageHandler"][2]
            with contextlib.suppress(ValueError):
                values, _ = t.deserialize_dict(data[HEADER:], schema)
                self._owner.heard("incomingMessageHandler", list(values.values()))
            return
        super().frame_received(data)


class Link:
    """The line to one dongle, once opened, until it is lost or closed. Not to be opened twice."""

    def __init__(
        self, path: str, settings: RadioSettings, hear: Hear, on_lost: Callable[[str], None]
    ) -> None:
        self._path = path
        self._settings = settings
        self._hear = hear
        self._on_lost = on_lost
        self._ezsp: Any = None
        self._reason: str | None = None
        self._closing = False
        self._scopes: set[asyncio.Timeout] = set()
        # bellows has one command under way; waiting for it is no silence of the dongle
        self._turn = PriorityDynamicBoundedSemaphore(value=1)
        self._names: dict[str, tuple[str, ...]] = {}

    @property
    def version(self) -> int:
        """The EZSP version."""
        return int(self._ezsp.ezsp_version)

    @property
    def up(self) -> bool:
        """Whether commands can be given."""
        return self._ezsp is not None and self._reason is None and not self._closing

    async def open(self) -> None:
        """Open the line and reset the dongle. Raises RadioUnavailable."""
        device = {
            zigpy.config.CONF_DEVICE_PATH: self._path,
            zigpy.config.CONF_DEVICE_BAUDRATE: self._settings.baudrate,
            zigpy.config.CONF_DEVICE_FLOW_CONTROL: self._settings.flow_control,
        }
        self._ezsp = _Ezsp(zigpy.config.SCHEMA_DEVICE(device), self)
        try:
            await self._guarded("connect", self._settings.connect_timeout, self._connect)
        except (LinkLost, Refused) as error:
            await self.close()
            raise RadioUnavailable(f"no dongle at {self._path}: {error}") from None
        if self.version < MINIMUM_VERSION:
            await self.close()
            raise RadioUnavailable(f"EZSP {self.version} is too old, {MINIMUM_VERSION} is needed")

    async def _connect(self) -> None:
        await self._ezsp.connect(use_thread=False)
        self._ezsp.add_callback(self.heard)

    async def close(self) -> None:
        """Close the line; nothing is heard any more."""
        self._closing = True
        self._abort()
        ezsp, self._ezsp = self._ezsp, None
        if ezsp is not None:
            with contextlib.suppress(*LINK_ERRORS):
                async with asyncio.timeout(self._settings.command_timeout):
                    await ezsp.disconnect()

    async def configure(self, values: dict[str, int | None]) -> None:
        """bellows' configuration of the stack with changes, by name."""
        known = {str(key) for key in self._ezsp._protocol.SCHEMAS["ezsp_config"].schema}
        chosen = {name: value for name, value in values.items() if name in known}
        await self._guarded(
            "configure", self._settings.connect_timeout, lambda: self._ezsp.write_config(chosen)
        )

    async def versions(self) -> Versions:
        """What the dongle is."""
        board, name, version = await self._guarded(
            "versions", self._settings.command_timeout, self._ezsp.get_board_info
        )
        return Versions(self.version, str(version or ""), " ".join(filter(None, (board, name))))

    def knows(self, name: str) -> bool:
        """Whether this version has a command."""
        return self._ezsp is not None and name in self._ezsp._protocol.COMMANDS

    async def command(self, name: str, *arguments: Any) -> Values:
        """The answer to a command, by name. Raises LinkLost, Refused."""
        self._check()
        if not self.knows(name):
            raise Refused(f"EZSP {self.version} has no {name}")
        answer = await self._guarded(
            name, self._settings.command_timeout, lambda: self._ezsp._command(name, *arguments)
        )
        return dict(zip(self._fields(name), answer, strict=False))

    async def demand(self, name: str, *arguments: Any) -> Values:
        """The answer to a command that must succeed. Raises LinkLost, Refused with the status."""
        values = await self.command(name, *arguments)
        if not is_ok(values["status"]):
            raise Refused(f"{name} failed", status_name(values["status"]))
        return values

    async def helper(self, name: str, *arguments: Any) -> Any:
        """One of bellows' wrappers that are the same for all versions. Raises LinkLost, Refused."""
        self._check()
        return await self._guarded(
            name, self._settings.command_timeout, lambda: getattr(self._ezsp._protocol, name)(*arguments)
        )

    def _check(self) -> None:
        if not self.up:
            raise LinkLost(self._reason or "not open")

    async def _guarded(self, what: str, limit: float, call: Callable[[], Awaitable[Any]]) -> Any:
        """Await a call; it ends when the link is lost, and a link that does not answer is lost."""
        try:
            async with self._turn(priority=PRIORITIES.get(what, 0)):
                if self._reason is not None or self._closing:
                    raise LinkLost(self._reason or "closed")
                async with asyncio.timeout(limit) as scope:
                    self._scopes.add(scope)
                    try:
                        return await call()
                    finally:
                        self._scopes.discard(scope)
        except InvalidCommandError as error:
            raise Refused(f"{what}: {error}", "INVALID_COMMAND") from None
        except TimeoutError:
            if self._reason is None:
                self._fail(f"no answer to {what}")
        except (RuntimeError, AttributeError):  # of bellows, for a frame under way on a line that was closed
            if self._reason is None and not self._closing:
                raise
        except LINK_ERRORS as error:
            if self._reason is None:
                self._fail(f"{what}: {error or type(error).__name__}")
        raise LinkLost(self._reason or "closed")

    # --- bellows' side

    def heard(self, name: str, values: list[Any]) -> None:
        """A callback of the dongle."""
        if self._closing or self._reason is not None:
            return
        self._hear(name, dict(zip(self._fields(name), values, strict=False)))

    def connection_lost(self, error: BaseException | None) -> None:
        """Of bellows: the line was closed, or the dongle reset or failed."""
        self._fail(str(error) or type(error).__name__ if error else "the line was closed")

    def _fail(self, reason: str) -> None:
        if self._reason is not None or self._closing:
            return
        self._reason = reason
        self._abort()
        self._on_lost(reason)

    def _abort(self) -> None:
        """End whatever waits."""
        if self._scopes:
            now = asyncio.get_running_loop().time()
            for scope in self._scopes:
                with contextlib.suppress(RuntimeError):  # it is just ending
                    scope.reschedule(now)
            self._scopes.clear()

    def _fields(self, name: str) -> tuple[str, ...]:
        fields = self._names.get(name)
        if fields is None:
            schema = self._ezsp._protocol.COMMANDS[name][2]
            names = tuple(schema) if isinstance(schema, dict) else ("status",)
            fields = self._names[name] = tuple(ALIASES.get(field, field) for field in names)
        return fields
