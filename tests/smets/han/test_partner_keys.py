"""Partner link keys, the store of link keys, and the watch over joiners (se-security 1, 9)."""

import pytest

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from gbcs.time import Utc
from smets.han.completion import AskToLeave, CompletionSettings, CompletionWatch
from smets.han.link_keys import KeySource, LinkKey, LinkKeys
from smets.han.mmo import mmo
from smets.han.partner_keys import (
    TRANSITIONS,
    AnswerBind,
    AskPartner,
    BindAnswered,
    BindAsked,
    BindStatus,
    Cause,
    InstallKey,
    KeyArrived,
    KeyDistributor,
    NoKey,
    PartnerKeyEffect,
    PartnerKeys,
    PartnerKeySettings,
    Phase,
    RequestKey,
    TimeDue,
    TransportKey,
    WantKey,
)
from smets.han.suites import Suite

NOW = Utc.of(2024, 6, 1)
PPMID, ESME, HUB = (EntityId(bytes((0,) * 7 + (n,))) for n in (1, 2, 3))
KEY = bytes(range(16))


def device(capacity: int = 16, held: int = 0, willing: bool = True) -> PartnerKeys:
    return PartnerKeys(lambda partner: willing, lambda: held, PartnerKeySettings(capacity=capacity))


def test_two_devices_and_the_trust_centre() -> None:
    """The whole way, both devices and the Trust Centre of one process."""
    devices = {PPMID: device(), ESME: device()}
    centre = KeyDistributor(HUB, lambda station: True, lambda size: KEY[:size])
    installed: dict[EntityId, InstallKey] = {}
    work: list[tuple[EntityId, PartnerKeyEffect]] = [
        (PPMID, effect) for effect in devices[PPMID].handle(WantKey(ESME), NOW)
    ]
    said = []
    while work:
        own, effect = work.pop(0)
        said.append((own, type(effect)))
        if isinstance(effect, AskPartner):
            work += [(effect.partner, e) for e in devices[effect.partner].handle(BindAsked(own), NOW)]
        elif isinstance(effect, AnswerBind):
            answer = BindAnswered(own, effect.status)
            work += [(effect.partner, e) for e in devices[effect.partner].handle(answer, NOW)]
        elif isinstance(effect, RequestKey):
            for sent in centre.request(own, effect.partner):
                assert sent.initiator is (sent.recipient == own)
                arrived = KeyArrived(sent.partner, sent.key)
                work += [(sent.recipient, e) for e in devices[sent.recipient].handle(arrived, NOW)]
        elif isinstance(effect, InstallKey):
            installed[own] = effect
    assert said[:3] == [(PPMID, AskPartner), (ESME, AnswerBind), (PPMID, RequestKey)]
    assert installed == {PPMID: InstallKey(ESME, KEY), ESME: InstallKey(PPMID, KEY)}
    assert [one.next_deadline for one in devices.values()] == [None, None]
    assert KEY.hex() not in repr(installed)


def lead(phase: Phase) -> PartnerKeys:
    made = device()
    if phase is not Phase.NONE:
        made.handle(WantKey(ESME), NOW)
    if phase is Phase.REQUESTING:
        made.handle(BindAnswered(ESME, 0), NOW)
    return made


EVENTS = {
    Cause.WANTED: WantKey(ESME),
    Cause.AGREED: BindAnswered(ESME, BindStatus.SUCCESS),
    Cause.REFUSED: BindAnswered(ESME, BindStatus.TABLE_FULL),
    Cause.ARRIVED: KeyArrived(ESME, KEY),
    Cause.TIMEOUT: TimeDue(),
}


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("phase", list(Phase))
def test_every_cause_in_every_phase(phase: Phase, cause: Cause) -> None:
    """As the table says; without a row nothing happens."""
    made = lead(phase)
    rows = [row for row in TRANSITIONS if (row.before, row.cause) == (phase, cause)]
    now = NOW.plus(5) if cause is Cause.TIMEOUT else NOW
    out = made.handle(EVENTS[cause], now)
    assert [type(effect) for effect in out] == [row.effect for row in rows]
    after = rows[0].after if rows else phase
    assert made.next_deadline == (None if after is Phase.NONE else NOW.plus(5))
    assert (made.handle(BindAnswered(ESME, 0), now) != ()) is (after is Phase.ASKING)


def test_not_a_moment_too_soon() -> None:
    made = lead(Phase.ASKING)
    assert made.handle(TimeDue(), NOW.plus(us=4_999_999)) == ()
    assert made.handle(TimeDue(), NOW.plus(5)) == (NoKey(ESME, None),)
    assert lead(Phase.ASKING).handle(BindAnswered(ESME, 0x84), NOW) == (NoKey(ESME, 0x84),)


def test_a_key_of_another_length_is_none() -> None:
    made = lead(Phase.REQUESTING)
    assert made.handle(KeyArrived(ESME, KEY[1:]), NOW) == ()
    assert made.handle(KeyArrived(ESME, KEY), NOW) == (InstallKey(ESME, KEY),)


@pytest.mark.parametrize(
    ("held", "willing", "status"),
    [(0, True, BindStatus.SUCCESS), (15, True, BindStatus.SUCCESS), (16, True, BindStatus.TABLE_FULL),
     (0, False, BindStatus.NOT_AUTHORIZED)],
)  # fmt: skip
def test_the_answer_to_a_bind_request(held: int, willing: bool, status: BindStatus) -> None:
    made = device(held=held, willing=willing)
    assert made.handle(BindAsked(PPMID), NOW) == (AnswerBind(PPMID, status),)
    assert made.next_deadline is None


def test_zdo_statuses_are_those_of_zigpy() -> None:
    types = pytest.importorskip("zigpy.zdo.types", reason="a second opinion: needs the radio extra")
    for status in BindStatus:
        assert types.Status[status.name] == status


@pytest.mark.parametrize(
    ("requester", "partner", "authenticated", "key_type", "made"),
    [
        (PPMID, ESME, {PPMID, ESME}, 2, True),
        (PPMID, ESME, {PPMID}, 2, False),
        (PPMID, ESME, {ESME}, 2, False),
        (PPMID, ESME, {PPMID, ESME}, 4, False),
        (PPMID, HUB, {PPMID, HUB}, 2, False),
        (HUB, ESME, {HUB, ESME}, 2, False),
        (PPMID, PPMID, {PPMID}, 2, False),
    ],
)
def test_whom_the_trust_centre_gives_a_key(
    requester: EntityId, partner: EntityId, authenticated: set[EntityId], key_type: int, made: bool
) -> None:
    centre = KeyDistributor(HUB, authenticated.__contains__, lambda size: KEY[:size])
    found = centre.request(requester, partner, key_type)
    expected = (TransportKey(requester, partner, KEY, True), TransportKey(partner, requester, KEY, False))
    assert found == (expected if made else ())
    if key_type == 2:
        assert centre.grants(requester, partner) is made
    assert KEY.hex() not in repr(found)


# The store of link keys


def key(source: KeySource, fill: int, station: EntityId = ESME) -> LinkKey:
    suite = Suite.SUITE_2 if source is KeySource.CBKE else None
    return LinkKey(station, bytes((fill,) * 16), source, NOW, suite)


def test_the_install_code_is_the_way_back() -> None:
    keys = LinkKeys()
    assert keys.get(ESME) is None
    first, second, third = (key(KeySource.INSTALL_CODE, 1), key(KeySource.CBKE, 2), key(KeySource.CBKE, 3))
    keys.put(first)
    assert keys.get(ESME) == first
    assert not keys.is_authenticated(ESME)
    assert not keys.has_partner_key(ESME)
    keys.put(second)
    assert keys.get(ESME) == second
    assert keys.former(ESME) is None
    assert keys.is_authenticated(ESME)
    keys.put(third)
    assert keys.former(ESME) == second
    keys.proven(ESME)
    assert keys.former(ESME) is None
    assert keys.reset(ESME) == first == keys.get(ESME)
    assert not keys.is_authenticated(ESME)
    assert list(keys) == [first]
    keys.forget(ESME)
    assert keys.reset(ESME) is None
    assert len(keys) == 0


def test_a_partner_key_is_no_authentication() -> None:
    keys = LinkKeys()
    keys.put(key(KeySource.PARTNER, 1))
    assert keys.has_partner_key(ESME)
    assert not keys.is_authenticated(ESME)
    assert keys.reset(ESME) is None
    assert keys.get(ESME) is None


def test_a_link_key() -> None:
    made = key(KeySource.CBKE, 5)
    assert made.hashed == mmo(made.key)
    assert made.key.hex() not in repr(made)
    assert repr(made.key) not in repr(made)
    with pytest.raises(BuildError):
        LinkKey(ESME, bytes(15), KeySource.CBKE, NOW)


# The watch over joiners


def test_a_joiner_without_a_key_is_asked_to_leave() -> None:
    watch = CompletionWatch()
    watch.joined(ESME, NOW)
    watch.joined(PPMID, NOW.plus(60))
    assert watch.next_deadline == NOW.plus(1200)
    assert watch.due(NOW.plus(1199)) == ()
    assert watch.due(NOW.plus(1200)) == (AskToLeave(ESME),)
    assert watch.due(NOW.plus(1200)) == ()
    watch.settled(PPMID)
    assert watch.next_deadline is None
    assert watch.due(NOW.plus(9999)) == ()


def test_the_limit_is_a_setting() -> None:
    watch = CompletionWatch(CompletionSettings(limit=None))
    watch.joined(ESME, NOW)
    assert watch.next_deadline is None
    later = CompletionWatch(CompletionSettings(limit=3600))
    later.joined(ESME, NOW)
    later.joined(ESME, NOW.plus(10))
    assert later.next_deadline == NOW.plus(3610)
