"""Nodes and the air between them, driven in the order of time: for tests, and under `runtime`.

An event happens at its own time, even if the driver comes late: a slow host changes nothing
in what the nodes do among themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .air import Air
from .node import Node
from .node_events import Event

Listener = Callable[[Event], None]


@dataclass(slots=True, eq=False)
class Member:
    """A node and who listens to it. `due`: its next deadline when it was last flushed."""

    node: Node
    listener: Listener | None
    due: int | None = None


class World:
    """An air with its nodes. `now` is the time of the last event."""

    def __init__(self, air: Air) -> None:
        self.air = air
        self.now = 0
        self._members: list[Member] = []
        self._by_node: dict[int, Member] = {}

    def add(self, node: Node, listener: Listener | None = None) -> Member:
        """Put a node on the air."""
        member = Member(node, listener, node.next_deadline)
        self._members.append(member)
        self._by_node[id(node)] = member
        self.air.add(node)
        return member

    def remove(self, member: Member) -> None:
        """Take a node off the air."""
        if member in self._members:
            self._members.remove(member)
            del self._by_node[id(member.node)]
            self.air.remove(member.node)

    @property
    def next_deadline(self) -> int | None:
        """When something happens next, if nobody does anything."""
        due = [member.due for member in self._members if member.due is not None]
        air = self.air.next_deadline
        return min(due if air is None else [*due, air], default=None)

    def flush(self, member: Member) -> None:
        """Hand a node's frames to the air and its events to the listener. Call after each command."""
        node = member.node
        while True:
            while frames := node.take_frames():
                for frame in frames:
                    end, answer_by = self.air.transmit(self.now, node, frame.channel, frame.mpdu)
                    node.on_air(self.now, frame.handle, end, answer_by)
            member.due = node.next_deadline
            if member.listener is None or not (events := node.take_events()):
                return
            for event in events:  # the listener may give commands
                member.listener(event)

    def run_until(self, now: int) -> None:
        """Let everything happen that is due by then, in its order: frames before timers."""
        while (due := self.next_deadline) is not None and due <= now:
            self.now = max(self.now, due)
            if self.air.next_deadline is not None and self.air.next_deadline <= self.now:
                heard = self.air.deliver_next(self.now)
                if heard is not None and (member := self._by_node.get(id(heard))) is not None:
                    self.flush(member)
                continue
            for member in list(self._members):
                if member.due is not None and member.due <= self.now:
                    member.node.timer(self.now)
                    self.flush(member)
        self.now = max(self.now, now)

    def run_while(self, condition: Callable[[], bool], limit_us: int) -> bool:
        """Let time pass while a condition holds; False if it still holds after the limit."""
        end = self.now + limit_us
        while condition():
            due = self.next_deadline
            if due is None or due > end:
                self.run_until(end)
                return not condition()
            self.run_until(due)
        return True
