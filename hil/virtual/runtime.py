"""A world that runs by itself on an asyncio loop: its time is the loop's clock.

In fast mode frames take no time, and settings are those of `StackSettings.fast`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from .air import Air
from .node import Node
from .node_api import Listener
from .settings import StackSettings
from .state import Persistent
from .world import Member, World


class Attached:
    """A node on a running air (`node_api.Attachment`)."""

    def __init__(self, runtime: Runtime, member: Member) -> None:
        self._runtime = runtime
        self._member = member

    @property
    def node(self) -> Node:
        """The node."""
        return self._member.node

    def now(self) -> int:
        """The time to give to commands, everything before it done."""
        return self._runtime.catch_up()

    def flush(self) -> None:
        """Hand over what a command left behind."""
        self._runtime.flush(self._member)

    def detach(self) -> None:
        """Pull the stick: its radio is silent, its memory stays with the node."""
        self._runtime.detach(self._member)


class Runtime:
    """Drives a world. Make it inside the loop that is to run it; `close` at the end."""

    def __init__(
        self,
        air: Air | None = None,
        settings: StackSettings | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.world = World(air or Air())
        paced = self.world.air.paced
        self.settings = settings or (StackSettings() if paced else StackSettings.fast())
        self._loop = loop or asyncio.get_running_loop()
        self._start = self._loop.time()
        self._handle: asyncio.TimerHandle | None = None
        self._running = False
        self._closed = False
        self._commanded: list[Member] = []  # by listeners, while the world ran

    def attach(
        self,
        listener: Listener,
        state: Persistent,
        seed: int | str = 0,
        settings: StackSettings | None = None,
    ) -> Attached:
        """A node on its memory, on this air; events go to the listener."""
        node = Node(state, settings or self.settings, seed, self.world.air.energy)
        node.reset(self.catch_up())
        member = self.world.add(node, listener)
        return Attached(self, member)

    def change(self, **settings: int) -> None:
        """Settings of nodes attached from now on."""
        self.settings = replace(self.settings, **settings)  # type: ignore[arg-type]

    def catch_up(self) -> int:
        """Let happen what is due by now; returns the time."""
        now = round((self._loop.time() - self._start) * 1_000_000)
        if not self._running:
            self._run(max(now, self.world.now))
        return self.world.now

    def _run(self, until: int, first: Member | None = None) -> None:
        self._running = True
        try:
            if first is not None:
                self.world.flush(first)
            self.world.run_until(until)
            while self._commanded:
                self.world.flush(self._commanded.pop(0))
                self.world.run_until(until)
        finally:
            self._running = False

    def flush(self, member: Member) -> None:
        """A node was given a command."""
        if self._running:
            self._commanded.append(member)
            return
        self._run(self.world.now, member)  # with what arrives without delay
        self._schedule()

    def detach(self, member: Member) -> None:
        """A node is taken off."""
        member.node.reset(self.world.now)
        self.world.remove(member)
        self._schedule()

    def close(self) -> None:
        """Stop the clock."""
        self._closed = True
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        due = self.world.next_deadline
        if due is not None and not self._closed:
            self._handle = self._loop.call_at(self._start + due / 1_000_000, self._wake)

    def _wake(self) -> None:
        self._handle = None
        self.catch_up()
        self._schedule()
