"""Link keys of a node with other devices than the hub: the machine of `smets.han.partner_keys` at a radio.

Source: SE 1.4a 5.4.7.4 (reference: se-security 9.3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.endpoints import KEY_ESTABLISHMENT
from smets.han.link import DEFAULT_ENDPOINT
from smets.han.link_keys import KeySource, LinkKey, LinkKeys
from smets.han.partner_keys import (
    AnswerBind,
    AskPartner,
    BindAnswered,
    BindAsked,
    InstallKey,
    KeyArrived,
    PartnerKeyEvent,
    PartnerKeys,
    PartnerKeySettings,
    RequestKey,
    TimeDue,
    WantKey,
)
from smets.han.partner_keys import NoKey as NoPartnerKey

from .radio.interface import BindRequested, DeviceRadio, Event, PartnerKey, RadioError

NOT_FOUND = 0x81  # ZDO status DEVICE_NOT_FOUND, of a partner that nothing reaches


class Refusal(RadioError):
    """A partner refused, or nobody answered in time."""


class Partners:
    """The partners of one node. `willing`: whether it has anything to do with a station."""

    def __init__(
        self,
        radio: DeviceRadio,
        link_keys: LinkKeys,
        now: Callable[[], Utc],
        willing: Callable[[EntityId], bool],
        settings: PartnerKeySettings | None = None,
    ) -> None:
        self._radio = radio
        self._link_keys = link_keys
        self._now = now
        self._machine = PartnerKeys(willing, self._held, settings)
        self._asked: dict[EntityId, BindRequested] = {}
        self._waiting: dict[EntityId, asyncio.Future[None]] = {}

    def _held(self) -> int:
        return sum(1 for key in self._link_keys if key.source is KeySource.PARTNER)

    async def want(self, partner: EntityId) -> None:
        """Get a link key with a partner. Raises RadioError."""
        await self._happens(TimeDue())  # an earlier wish that came to nothing ends before
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[partner] = outcome
        try:
            await self._happens(WantKey(partner))
            while not outcome.done() and self._machine.next_deadline is not None:
                left = (self._machine.next_deadline.us - self._now().us) / 1_000_000
                await asyncio.wait((outcome,), timeout=max(0.0, left))
                if not outcome.done():
                    await self._happens(TimeDue())
            if not outcome.done():
                raise Refusal(f"no link key with {partner}")
            await outcome
        finally:
            self._waiting.pop(partner, None)

    async def heard(self, event: Event) -> None:
        """What a radio tells of the wishes of others."""
        if isinstance(event, BindRequested) and event.cluster == KEY_ESTABLISHMENT:
            self._asked[event.eui64] = event
            await self._happens(BindAsked(event.eui64))
        elif isinstance(event, PartnerKey):
            await self._happens(KeyArrived(event.eui64, event.key))

    async def _happens(self, event: PartnerKeyEvent) -> None:
        for effect in self._machine.handle(event, self._now()):
            if isinstance(effect, AskPartner):
                status = await self._ask(effect.partner)
                if status is not None:
                    await self._happens(BindAnswered(effect.partner, status))
            elif isinstance(effect, AnswerBind):
                await self._radio.answer_bind(self._asked.pop(effect.partner), effect.status)
            elif isinstance(effect, RequestKey):
                await self._request(effect.partner)
            elif isinstance(effect, InstallKey):
                self._link_keys.put(LinkKey(effect.partner, effect.key, KeySource.PARTNER, self._now()))
                self._settle(effect.partner, None)
            elif isinstance(effect, NoPartnerKey):
                why = "no answer" if effect.status is None else f"status {effect.status:02X}"
                self._settle(effect.partner, Refusal(f"no link key with {effect.partner}: {why}"))

    async def _ask(self, partner: EntityId) -> int | None:
        """The status of the partner's Bind Response; None where none came in time."""
        try:
            return await self._radio.ask_to_bind(
                partner, DEFAULT_ENDPOINT, KEY_ESTABLISHMENT, DEFAULT_ENDPOINT
            )
        except RadioError as error:
            self._settle(partner, Refusal(f"no link key with {partner}: {error}"))
            return NOT_FOUND  # so that the wish ends now, and may be had again

    async def _request(self, partner: EntityId) -> None:
        try:
            key = await self._radio.request_partner_key(partner)
        except RadioError as error:  # the machine's wish ends when its time is up
            self._settle(partner, Refusal(f"no link key with {partner}: {error}"))
            return
        await self._happens(KeyArrived(partner, key))

    def _settle(self, partner: EntityId, error: Refusal | None) -> None:
        outcome = self._waiting.get(partner)
        if outcome is None or outcome.done():
            return
        if error is None:
            outcome.set_result(None)
        else:
            outcome.set_exception(error)
