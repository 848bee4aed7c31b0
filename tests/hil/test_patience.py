"""Frames that are not acknowledged, and what they wait for."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from hil.patience import SENDS, push
from hil.radio.interface import DeviceRadio, LinkLost, NoLinkKey, NotDelivered, RadioError
from hil.radio_node import RadioNode


class Radio:
    """A radio whose line comes back when somebody waits for it."""

    def __init__(self, up: bool) -> None:
        self.up = up

    async def wait_up(self) -> None:
        self.up = True


class Node:
    """Sends to a peer: not while that is away, nor with a line of its own that is lost."""

    def __init__(self, peer: Radio, up: bool = True, error: RadioError | None = None) -> None:
        self.radio = Radio(up)
        self._peer, self._error = peer, error
        self.tries = 0

    async def send(self, frame: Any, payload: bytes) -> None:
        self.tries += 1
        if self._error is not None:
            raise self._error
        if not self.radio.up:
            raise LinkLost("reset")
        if not self._peer.up:
            raise NotDelivered("no acknowledgement")


def pushed(node: Node, *peers: Radio) -> str:
    radios = (cast(DeviceRadio, peer) for peer in peers)
    return asyncio.run(push(cast(RadioNode, node), cast(Any, None), b"", *radios))


@pytest.mark.parametrize(("here", "there", "tries"), [(True, True, 1), (True, False, 2), (False, False, 3)])
def test_a_frame_waits_for_the_lines_at_both_ends(here: bool, there: bool, tries: int) -> None:
    peer = Radio(there)
    node = Node(peer, here)
    assert pushed(node, peer) == ""
    assert node.tries == tries


def test_the_other_end_is_not_waited_for_where_it_is_no_radio_of_ours() -> None:
    node = Node(Radio(False))
    assert pushed(node) == "no acknowledgement"
    assert node.tries == SENDS


def test_what_cannot_go_well_later_is_tried_once() -> None:
    peer = Radio(True)
    node = Node(peer, error=NoLinkKey("no link key"))
    assert pushed(node, peer) == "no link key"
    assert node.tries == 1
