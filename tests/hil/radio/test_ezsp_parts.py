"""Parts of the radio on EZSP against a scripted dongle: old versions, refusals, what no virtual one does."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("bellows", reason="the radio extra is not installed: pip install -e '.[radio]'")

import bellows.types as t

from gbcs.errors import BuildError
from gbcs.ids import EntityId
from hil.radio.ezsp_core import Core, plain
from hil.radio.ezsp_frames import Arrival, Frames, TooLongForFrame
from hil.radio.ezsp_keys import Keys
from hil.radio.ezsp_poll import units
from hil.radio.ezsp_values import NO_INDEX, NOBODY, entity, eui64
from hil.radio.interface import (
    Dropped,
    DropReason,
    KeyTableFull,
    LinkLost,
    Network,
    NetworkTimeout,
    NodeType,
    NoLinkKey,
    NoNetwork,
    NotDelivered,
    Received,
    Refused,
    SendError,
)
from hil.radio.settings import RadioSettings, TrustCenterKey
from hil.radio.shared import KeyBook
from smets.han.endpoints import endpoints_of
from tests.hil.radio.radios import LINK_KEY, establishment, run, tunnel, until

HUB = EntityId.parse("00-DB-12-34-56-78-00-03")
METER = EntityId.parse("00-DB-12-34-56-78-00-01")
OK = t.EmberStatus.SUCCESS


class Scripted:
    """A line that answers from a table of commands, and remembers what it was asked."""

    def __init__(self, version: int, answers: dict[str, Any]) -> None:
        self.version = version
        self.up = True
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self._answers = answers

    async def command(self, name: str, *arguments: Any) -> dict[str, Any]:
        self.asked.append((name, arguments))
        answer = self._answers[name]
        values: dict[str, Any] = answer(*arguments) if callable(answer) else answer
        return values

    async def demand(self, name: str, *arguments: Any) -> dict[str, Any]:
        values = await self.command(name, *arguments)
        if int(values["status"]):
            raise Refused(name, values["status"].name)
        return values

    async def helper(self, name: str, *arguments: Any) -> Any:
        return await self.command(name, *arguments)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]


def core_on(link: Scripted, settings: RadioSettings | None = None, **options: Any) -> Core:
    core = Core(settings or RadioSettings(), **options)
    core.link = link  # type: ignore[assignment]
    return core


def table(rows: dict[EntityId, int], free: int = NO_INDEX) -> Callable[..., dict[str, int]]:
    """findKeyTableEntry, where no address finds a free row, as the vendor's does."""

    def find(address: Any, link_key: bool) -> dict[str, int]:
        station = entity(address)
        return {"index": free if station == NOBODY else rows.get(station, NO_INDEX)}

    return find


def test_keys_before_version_13() -> None:
    link = Scripted(8, {"addOrUpdateKeyTableEntry": {"status": OK}})
    core = core_on(link)
    asyncio.run(Keys(core).give(METER, LINK_KEY))
    assert link.asked == [("addOrUpdateKeyTableEntry", (eui64(METER), True, t.KeyData(LINK_KEY)))]
    assert core.keys == {METER: LINK_KEY}


@pytest.mark.parametrize(("rows", "free", "row"), [({}, 3, 3), ({METER: 1}, 3, 1), ({}, NO_INDEX, NO_INDEX)])
def test_a_key_gets_its_own_row_or_a_free_one(rows: dict[EntityId, int], free: int, row: int) -> None:
    link = Scripted(13, {"findKeyTableEntry": table(rows, free), "importLinkKey": {"status": OK}})
    asyncio.run(Keys(core_on(link)).give(METER, LINK_KEY))
    assert link.asked[-1] == ("importLinkKey", (row, eui64(METER), t.KeyData(LINK_KEY)))


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (TrustCenterKey.KEY_TABLE, ["importLinkKey"]),
        (TrustCenterKey.TC_LINK, ["importKey"]),
        (TrustCenterKey.BOTH, ["importKey", "importLinkKey"]),
    ],
)
def test_the_key_with_the_trust_centre(choice: TrustCenterKey, names: list[str]) -> None:
    link = Scripted(
        14,
        {
            "findKeyTableEntry": table({}, 0),
            "importLinkKey": {"status": t.sl_Status.OK},
            "importKey": {"status": t.sl_Status.OK},
        },
    )
    core = core_on(link, RadioSettings(trust_center_key=choice))
    core.network = Network(15, 1, HUB, 9, NodeType.ROUTER, HUB)
    asyncio.run(Keys(core).give(HUB, LINK_KEY))
    assert [name for name in link.names if name != "findKeyTableEntry"] == names
    link.asked.clear()
    asyncio.run(Keys(core).give(METER, LINK_KEY))  # a partner's is no matter of choice
    assert link.names[-1] == "importLinkKey"


@pytest.mark.parametrize("status", [t.sl_Status.FULL, t.sl_Status.INVALID_INDEX])
def test_a_full_key_table(status: Any) -> None:
    link = Scripted(14, {"findKeyTableEntry": table({}), "importLinkKey": {"status": status}})
    core = core_on(link)
    with pytest.raises(KeyTableFull):
        asyncio.run(Keys(core).give(METER, LINK_KEY))
    assert core.keys == {}
    link._answers["importLinkKey"] = {"status": t.sl_Status.INVALID_STATE}
    with pytest.raises(Refused):
        asyncio.run(Keys(core).give(METER, LINK_KEY))


def exported(key: bytes, status: Any = t.sl_Status.OK) -> dict[str, Any]:
    return {"status": status, "plaintext_key": t.KeyData(key)}


@pytest.mark.parametrize(
    ("there", "answer", "reset"),
    [
        (True, exported(LINK_KEY), False),
        (True, exported(LINK_KEY[::-1]), True),
        (True, exported(bytes(16), t.sl_Status.INVALID_STATE), False),  # does not tell its keys
        (False, exported(bytes(16), t.sl_Status.NOT_FOUND), True),
    ],
)
def test_only_keys_that_are_missing_are_given_again(there: bool, answer: dict[str, Any], reset: bool) -> None:
    link = Scripted(
        14,
        {
            "findKeyTableEntry": table({METER: 2} if there else {}, 5),
            "exportLinkKeyByEui": answer,
            "importLinkKey": {"status": t.sl_Status.OK},
        },
    )
    core = core_on(link)
    assert asyncio.run(Keys(core).restore({METER: LINK_KEY})) == ((METER,) if reset else ())
    assert ("importLinkKey" in link.names) == reset
    assert core.keys == {METER: LINK_KEY}


class Row:
    """A key of a caller's store."""

    def __init__(self, station: EntityId, key: bytes, authorised: bool = True) -> None:
        self.station, self.key, self.authorised = station, key, authorised


def test_which_keys_are_wanted() -> None:
    store = [Row(METER, LINK_KEY), Row(HUB, bytes(16), authorised=False)]
    book = KeyBook(store)
    assert book.wanted() == {METER: LINK_KEY}
    book.set(METER, None)
    assert book.wanted() == {}
    with book.changing(HUB, LINK_KEY):
        pass
    assert book.wanted() == {HUB: LINK_KEY}
    with pytest.raises(KeyTableFull), book.changing(METER, LINK_KEY):
        raise KeyTableFull("")
    assert book.wanted() == {HUB: LINK_KEY}
    with pytest.raises(LinkLost), book.changing(METER, bytes(16)):
        raise LinkLost("")
    assert book.wanted() == {HUB: LINK_KEY, METER: bytes(16)}
    book.clear()
    assert book.wanted() == {METER: LINK_KEY}


class Sender:
    """Frames on a scripted dongle that acknowledges what it is given, or not."""

    def __init__(self, statuses: list[Any], sent: Any = OK, version: int = 13, room: int = 82) -> None:
        self.statuses = statuses
        self.sent = sent
        self.payloads: list[bytes] = []
        self.groups: list[int] = []
        self.sequences: list[int] = []
        self.link = Scripted(version, {"maximumPayloadLength": {"apsLength": room}, "sendUnicast": self.send})
        self.core = core_on(self.link)
        self.arrivals: list[Arrival] = []
        self.frames = Frames(self.core, self.arrivals.append)

    def send(self, kind: int, nwk: int, frame: Any, tag: int, payload: bytes) -> dict[str, Any]:
        status = self.statuses.pop(0) if self.statuses else OK
        if status == OK:
            self.payloads.append(payload)
            self.groups.append(int(frame.groupId))
            self.sequences.append(int(frame.sequence))
            if self.sent is not None:
                told = {"message_type": 0, "message_tag": tag, "status": self.sent, "nwk": nwk}
                asyncio.get_running_loop().call_soon(self.frames.sent, told)
        return {"status": status, "sequence": 77}


def test_a_busy_dongle_is_asked_again() -> None:
    async def test() -> None:
        sender = Sender([t.EmberStatus.MAX_MESSAGE_LIMIT_REACHED, t.EmberStatus.NETWORK_BUSY])
        await sender.frames.send(5, tunnel(b"x"))
        assert sender.payloads == [b"x"]

    run(test())


def test_fragments_by_the_book() -> None:
    """Count and index in the group, the sequence of the first in all others (radio-stack 7.4)."""

    async def test() -> None:
        sender = Sender([])
        payload = bytes(range(200))
        await sender.frames.send(5, tunnel(payload))
        assert b"".join(sender.payloads) == payload
        assert [len(piece) for piece in sender.payloads] == [71, 71, 58]
        assert sender.groups == [0x0300, 0x0301, 0x0302]
        assert sender.sequences == [0, 77, 77]

    run(test())


def test_less_room_than_announced() -> None:
    async def test() -> None:
        sender = Sender([t.EmberStatus.MESSAGE_TOO_LONG, t.EmberStatus.MESSAGE_TOO_LONG])
        payload = bytes(range(73))
        await sender.frames.send(5, tunnel(payload))
        assert [len(piece) for piece in sender.payloads] == [55, 18]
        sender = Sender([t.EmberStatus.MESSAGE_TOO_LONG] * 100)
        with pytest.raises(TooLongForFrame):
            await sender.frames.send(5, tunnel(payload))

    run(test())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (t.EmberStatus.NETWORK_DOWN, NoNetwork),
        (t.EmberStatus.APS_ENCRYPTION_ERROR, NoLinkKey),
        (t.EmberStatus.KEY_NOT_AUTHORIZED, NoLinkKey),
        (t.EmberStatus.BAD_ARGUMENT, SendError),
    ],
)
def test_refusals_have_their_errors(status: Any, error: type[Exception]) -> None:
    async def test() -> None:
        sender = Sender([status])
        with pytest.raises(error) as refused:
            await sender.frames.send(5, tunnel(b"x"))
        assert status.name.removeprefix("ERR_") in str(refused.value)
        assert not sender.frames._sent

    run(test())


def test_no_acknowledgement_and_none_in_time() -> None:
    async def test() -> None:
        sender = Sender([], sent=t.EmberStatus.DELIVERY_FAILED)
        with pytest.raises(NotDelivered) as lost:
            await sender.frames.send(5, tunnel(b"x"))
        assert (lost.value.status, lost.value.retryable) == ("DELIVERY_FAILED", True)
        silent = Sender([], sent=None)
        for _ in range(600):  # more than there are tags
            task = asyncio.ensure_future(silent.frames.send(5, tunnel(b"x")))
            await until(lambda: silent.payloads)
            silent.payloads.clear()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        silent.sent = OK
        await silent.frames.send(5, tunnel(b"still"))

    run(test())


def test_an_old_answer_ends_nothing_new() -> None:
    async def test() -> None:
        silent = Sender([], sent=None)
        first = asyncio.ensure_future(silent.frames.send(5, tunnel(b"1")))
        await until(lambda: silent.payloads)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = asyncio.ensure_future(silent.frames.send(5, tunnel(b"2")))
        await until(lambda: len(silent.payloads) == 2)
        told = {"message_type": 0, "message_tag": 1, "status": t.EmberStatus.DELIVERY_FAILED, "nwk": 5}
        silent.frames.sent(told)
        silent.frames.sent({**told, "message_tag": 2, "status": OK})
        await second

    run(test())


def incoming(payload: bytes, kind: int = 0, options: int = 0, group: int = 0, nwk: int = 5) -> dict[str, Any]:
    frame = t.EmberApsFrame(
        profileId=0x0109,
        clusterId=0x0704,
        sourceEndpoint=1,
        destinationEndpoint=1,
        options=t.EmberApsOption(options),
        groupId=group,
        sequence=9,
    )
    return {
        "message_type": kind,
        "aps_frame": frame,
        "lqi": 200,
        "rssi": -50,
        "nwk": nwk,
        "message": payload,
    }


def test_what_arrives() -> None:
    async def test() -> None:
        sender = Sender([])
        replies: list[Any] = []

        def reply(nwk: int, frame: Any, payload: bytes) -> dict[str, Any]:
            replies.append((nwk, int(frame.groupId), int(frame.sequence), payload))
            return {"status": OK}

        sender.link._answers["sendReply"] = reply
        for kind in range(8):
            sender.frames.heard(incoming(bytes((kind,)), kind))
        assert [arrival.message.payload[0] for arrival in sender.arrivals] == [0, 1, 2, 4]
        assert [arrival.broadcast for arrival in sender.arrivals] == [False, False, True, True]
        sender.arrivals.clear()
        sender.frames.heard(incoming(b"b", options=0x8020, group=0x0001))
        sender.frames.heard(incoming(b"a", options=0x8020, group=0x0200))
        sender.frames.heard(incoming(b"a", options=0x8020, group=0x0200))
        await until(lambda: len(replies) == 3)
        assert replies == [(5, 0xFF01, 9, b""), (5, 0xFF00, 9, b""), (5, 0xFF00, 9, b"")]
        assert [(a.message.payload, a.message.encrypted) for a in sender.arrivals] == [(b"ab", True)]
        await sender.core.stop_tasks()

    run(test())


def test_endpoints_that_are_not_there_hear_nothing() -> None:
    core = Core(RadioSettings(), endpoints_of("PPMID"))

    def answer(*_: Any) -> None:
        raise AssertionError("nothing to refuse")

    for number, heard in ((1, True), (9, False), (0xFF, True)):
        message = establishment(b"x")
        to = type(message)(message.cluster, 1, number, b"x", encrypted=False)
        core.deliver(Received(METER, to), answer)
        assert bool(core.messages.get_nowait()) == heard


def test_strangers_cannot_fill_the_events() -> None:
    core = Core(RadioSettings(backlog=10))
    for _ in range(50):
        core.emit(Dropped(METER, 0x0704, DropReason.UNPROTECTED))
    assert len(core.events) < 10


def test_statuses_that_do_not_come() -> None:
    async def test() -> None:
        core = Core(RadioSettings(network_timeout=0.01))
        with core.expecting("NETWORK_UP") as future:
            assert not core.status("NETWORK_DOWN")
            with pytest.raises(NetworkTimeout):
                await core.within(future, "joining")
        with core.expecting(but=frozenset({"NETWORK_OPENED"})) as future:
            assert not core.status("NETWORK_OPENED")
            assert core.status("NETWORK_UP")
            assert not core.status("NETWORK_UP")
            assert await core.within(future, "joining") == "NETWORK_UP"
        with core.expecting("NETWORK_UP") as future:
            core.lost("unplugged")
            with pytest.raises(LinkLost):
                await core.within(future, "joining")
        with pytest.raises(LinkLost, match="unplugged"):
            await core.command("nop")

    run(test())


def test_periods_of_polls() -> None:
    assert units(None) == (0, 0)
    assert units(0.1) == (100, 1)
    assert units(0) == (1, 1)
    assert units(1800) == (7200, 2)
    assert units(86400) == (1440, 3)
    assert units(1e9) == (0xFFFF, 3)


def test_names_of_statuses() -> None:
    assert plain(t.sl_Status.ZIGBEE_NETWORK_OPENED.name) == plain(t.EmberStatus.NETWORK_OPENED.name)


@pytest.mark.parametrize(
    "wrong", [{"flow_control": "dtr"}, {"in_flight": 0}, {"scan_exponent": 15}, {"permit_step": 255}]
)
def test_settings_make_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(BuildError):
        RadioSettings(**wrong)
