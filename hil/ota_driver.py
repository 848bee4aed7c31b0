"""An OTA client at its radio: what arrives for it, what it sends, and its deadlines, in the loop's time.

Source: ZigBee OTA Upgrade (reference: chts-hub 16.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gbcs.errors import GbcsError, LocalError
from smets.events import TimerDue
from smets.han.endpoints import OTA
from smets.han.link import Address, LinkDown, LinkUp
from smets.han.ota_client import OtaClient
from smets.han.ota_events import Arrived, ImageArrived, ImageRefused, OtaEffect, OtaEvent, SendOta
from smets.han.ota_image import ImageId
from smets.han.ota_rows import State
from smets.han.zcl import PROFILE_SE, ApsMessage

from .radio.interface import RadioError, Received
from .radio_node import RadioNode, Serve

Outcome = ImageArrived | ImageRefused
AFTER_FAILURE = 1.0  # ours: seconds until a client whose store failed is woken again


class OtaDriver:
    """Runs a client on a node. `link_up` once the node has its link key, `stop` before the node's end.

    It takes the place of the node's `serve`, and hands on what it has no use for. `tell` is called
    with each effect that is no message.
    """

    def __init__(
        self,
        node: RadioNode,
        client: OtaClient,
        tell: Callable[[OtaEffect], None],
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._node = node
        self._client = client
        self._tell = tell
        self._note = note
        self._others: Serve | None = node.serve
        self._waiting: dict[ImageId, asyncio.Future[Outcome]] = {}
        self._known: dict[ImageId, Outcome] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._sends: asyncio.Queue[SendOta] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._send())
        node.serve = self._serve

    async def link_up(self) -> None:
        """The hub can be reached: find its endpoint, and begin. Raises RadioError, LocalError."""
        hub = self._client.hub
        endpoint = await self._node.radio.find_endpoint(hub, PROFILE_SE, OTA)
        if endpoint is None:
            raise LocalError(f"{hub} has no server of images")
        self.happens(LinkUp(Address(hub, endpoint)))

    def link_down(self) -> None:
        """The hub cannot be reached any more."""
        self.happens(LinkDown(Address(self._client.hub)))

    def outcome(self, image: ImageId) -> asyncio.Future[Outcome]:
        """What becomes of an image from now on, once the hub was told too, or told in vain."""
        self._known.pop(image, None)
        if image not in self._waiting or self._waiting[image].done():
            self._waiting[image] = asyncio.get_running_loop().create_future()
        return self._waiting[image]

    async def stop(self) -> None:
        """Do no more; the client's store is as it was after the last event."""
        if self._timer is not None:
            self._timer.cancel()
        self._node.serve = self._others
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def happens(self, event: OtaEvent) -> None:
        """Give an event to the client, do what it wants, see when it wants to be woken."""
        least = 0.0
        try:
            for effect in self._client.handle(event, self._node.now):
                if isinstance(effect, SendOta):
                    self._sends.put_nowait(effect)
                else:
                    self._tell(effect)
                    if isinstance(effect, ImageArrived | ImageRefused) and effect.image in self._waiting:
                        self._known[effect.image] = effect
        except GbcsError as error:  # the store failed: nothing has changed, and the client asks again
            self._note(str(error))
            least = AFTER_FAILURE
        self._settle()
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._client.next_deadline
        if deadline is not None:
            delay = max(least, (deadline.us - self._node.now.us) / 1_000_000)
            self._timer = asyncio.get_running_loop().call_later(delay, self.happens, TimerDue())

    def _settle(self) -> None:
        """Tell what is known, once the client rests."""
        if self._client.state not in (State.IDLE, State.WAITING):
            return
        for image, outcome in self._known.items():
            future = self._waiting.pop(image)
            if not future.done():
                future.set_result(outcome)
        self._known.clear()

    def _serve(self, arrived: Received) -> tuple[ApsMessage, ...]:
        """What others answer; the client sends by itself."""
        if arrived.message.cluster == OTA:
            self.happens(Arrived(arrived.eui64, arrived.message, arrived.broadcast))
        return () if self._others is None else tuple(self._others(arrived))

    async def _send(self) -> None:
        while True:
            effect = await self._sends.get()
            try:
                await self._node.radio.send(effect.station, effect.message)
            except RadioError as error:  # the client asks again when its time is up
                self._note(str(error))
