"""A virtual dongle: octets of a serial line on one side, a ZigBee node on the other.

Sans-IO: `receive` takes octets, `output` gives octets, `next_deadline` says when `output` is
to be called anyway; `wake` is called when the node has brought something by itself. What a
stick keeps over a reset is kept by its node. Source: radio-stack 5 and 6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

from .ash import AshNcp, AshSettings, HostReset, ResetCode
from .ezsp import BadCommand, Header, Session
from .ezsp_types import Values
from .ncp import DongleSettings, Handlers, Ncp
from .ncp_callbacks import callbacks_of
from .ncp_config import CONFIG_COMMANDS
from .ncp_messages import MESSAGE_COMMANDS
from .ncp_network import NETWORK_COMMANDS
from .ncp_security import SECURITY_COMMANDS
from .ncp_tokens import chosen_eui64
from .node_api import Attachment, Listener
from .node_events import Event

COMMANDS: Final = Handlers({**CONFIG_COMMANDS, **NETWORK_COMMANDS, **MESSAGE_COMMANDS, **SECURITY_COMMANDS})
HELD: Final = 64  # callbacks that wait for a host that asks for them


class Dongle:
    """One stick. `attach` puts a node on an air, with a listener for what it tells."""

    def __init__(
        self,
        attach: Callable[[Listener], Attachment],
        settings: DongleSettings | None = None,
        ash: AshSettings | None = None,
        random: Random | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings: Final = settings or DongleSettings()
        self.wake = wake
        self.line: Final = AshNcp(ash)
        self._events: deque[Event] = deque()
        self._held: deque[tuple[str, Values]] = deque()
        self._busy = False
        attachment = attach(self._listen)
        self.ncp: Final = Ncp(attachment, self.settings, random or Random(0))

    @property
    def session(self) -> Session:
        """The conversation since the last reset."""
        return self.ncp.session

    @property
    def next_deadline(self) -> int | None:
        """When `output` is to be called, on the clock that `receive` and `output` are given."""
        return self.line.next_deadline

    @property
    def next_timer(self) -> int | None:
        """When `output` is to be called, on the clock of the air: a timer of the host runs out."""
        return min((t.due for t in self.ncp.volatile.timers.values()), default=None)

    def power_on(self, code: ResetCode = ResetCode.POWER_ON) -> None:
        """Start, or start again by itself (a fault): the host sees a RSTACK it did not ask for."""
        self._reset(code)

    def receive(self, octets: bytes, now: int) -> None:
        """Octets from the host, in pieces of any size; `now` is microseconds of a steady clock."""
        for event in self.line.receive(octets, now):
            if isinstance(event, HostReset):
                self._reset(ResetCode.SOFTWARE)
            else:
                self._command(event)

    def output(self, now: int) -> bytes:
        """Octets for the host."""
        self._timers()
        self._callbacks()
        octets = self.line.output(now)
        if self.ncp.restart:
            self._reset(ResetCode.SOFTWARE)
            octets += self.line.output(now)
        return octets

    def hang_up(self) -> None:
        """The host's end of the line is gone, half a frame with it; the stick stays as it is."""
        self.line.hang_up()

    def unplug(self) -> None:
        """Take the stick off the air."""
        self.ncp.attachment.detach()

    # Inside

    def _listen(self, event: Event) -> None:
        self._events.append(event)
        if not self._busy:
            self.wake()

    def _reset(self, code: ResetCode) -> None:
        ncp = self.ncp
        ncp.node.reset(ncp.now)
        ncp.forget()
        eui64 = chosen_eui64(ncp)
        if eui64 != ncp.node.eui64:
            ncp.node.set_eui64(eui64)
        self._flush()
        self._events.clear()
        self._held.clear()
        self.line.reset(code)

    def _flush(self) -> None:
        self._busy = True
        try:
            self.ncp.attachment.flush()
        finally:
            self._busy = False

    def _command(self, octets: bytes) -> None:
        session = self.session
        command = session.parse(octets)
        if command is None:
            return
        # What happened before this command goes out with the sequence number of the last one
        self._callbacks()
        session.pending = bool(self._held)
        if isinstance(command, BadCommand):
            self.line.send(session.refuse(command))
            return
        if command.frame.name == "callback":
            self.line.send(self._asked(command.header))
            return
        values = COMMANDS[command.frame.name](self.ncp, command.arguments)
        self.line.send(session.respond(command.header, command.frame, values))
        self._flush()
        self._callbacks()

    def _asked(self, header: Header) -> bytes:
        """One callback that waits, or noCallbacks."""
        if not self._held:
            return self.session.respond(header, self.session.frames.by_name["noCallbacks"], {})
        name, values = self._held.popleft()
        self.session.pending = bool(self._held)
        return self.session.answer_callback(header, name, values)

    def _callbacks(self) -> None:
        """Turn what the node told into callbacks; a host that has not said its version hears nothing."""
        session = self.session
        while self._events:
            event = self._events.popleft()
            if not session.version_set:
                continue
            for name, values in callbacks_of(self.ncp, event):
                self._call_back(name, values)

    def _call_back(self, name: str, values: Values) -> None:
        session = self.session
        if not self.ncp.synchronous:
            if not self.line.send(session.callback(name, values), callback=True):
                session.overflow = True
        elif len(self._held) < HELD:
            self._held.append((name, values))
        else:
            session.overflow = True

    def _timers(self) -> None:
        timers, now = self.ncp.volatile.timers, self.ncp.now
        for number, timer in list(timers.items()):
            if timer.due > now:
                continue
            if timer.repeat and timer.period:
                timer.due += timer.period
            else:
                del timers[number]
            if self.session.version_set:
                self._call_back("timerHandler", {"timer_id": number})
