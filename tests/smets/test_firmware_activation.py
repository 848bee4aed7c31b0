"""CS06 on a meter: images that arrive, which one runs, at once or at a time, and what is told of it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gbcs.dlms.apdu import DataNotification, parse_apdu
from gbcs.errors import Check
from gbcs.firmware import ActivateCode, Activation, Answer, DatedOutcome, FirmwareSettings, Outcome
from gbcs.ids import Role
from gbcs.ota import ImageBoundary, OtaHeader
from gbcs.time import Utc
from smets.behaviours.clock import set_clock
from smets.behaviours.firmware import FirmwareChanged, NewImage
from smets.device import Device
from smets.esme.meter import EsmeOptions, esme_profile
from smets.events import ArmStoreFault, Happened, TimerDue
from smets.han.ota_events import ImageArrived, ImageRefused, Progressed
from smets.han.ota_firmware import hash_in_store, image_of
from smets.han.ota_image import ImageId
from smets.han.ota_memory import End, Fetching, Held, Kept, OtaMemory
from smets.han.ota_rows import State
from tests.gbcs.trust import ENTITIES, NOW
from tests.smets.trusted import Rig, alerts_in

SUPPLIER = ENTITIES[Role.SUPPLIER]
HASH, OTHER = sha256(b"an image").digest(), sha256(b"another").digest()
OLD, NEW = bytes.fromhex("00000001"), bytes.fromhex("0000000A")
IMAGE = NewImage(HASH, NEW)
HOUR = 3600
LATER = NOW.plus(HOUR)
CANCEL = Utc.of(9999, 12, 31, 23, 59, 59)
CHANGED, VERIFIED, REFUSED = 0x8F43, 0x8F72, 0x8F1C
SUCCEEDED, FAILED = 0x8F66, 0x8F67


def rig_with(*images: NewImage, firmware: FirmwareSettings | None = None) -> Rig:
    rig = Rig()
    if firmware is not None:
        rig.device = Device(esme_profile(EsmeOptions(firmware=firmware)), rig.store, rig.now)
    for image in images:
        rig.handle(image)
    return rig


def activate(rig: Rig, digest: bytes = HASH, at: Utc | None = None, shift: int = 0) -> Any:
    payload = Activation(digest, rig.counter + 1 + shift, at).octets()
    return rig.signed("CS06", payload)


def outcome(answer: Any) -> Outcome | None:
    return Answer.parse(answer.payload).outcome


def running(rig: Rig) -> Any:
    return rig.device.observe(rig.now).item("FirmwareVersion")


def due(rig: Rig, at: Utc = LATER) -> list[tuple[int, Any, DatedOutcome]]:
    """What is told when a time has come, by Message Code and recipient."""
    rig.now = at
    messages = [m for m in alerts_in(rig.handle(TimerDue()), rig.keys) if m.code == 0x00CA]
    return [(m.code, m.recipient, DatedOutcome.parse(m.payload)) for m in messages]


# -- images that arrive ---------------------------------------------------------------------


@pytest.mark.parametrize(("genuine", "code"), [(True, VERIFIED), (False, REFUSED)])
def test_the_supplier_hears_of_an_image(genuine: bool, code: int) -> None:
    rig = Rig()
    (alert,) = alerts_in(rig.handle(NewImage(HASH, NEW, genuine)), rig.keys)
    assert (alert.code, alert.recipient) == (0x00CE, SUPPLIER)
    apdu = parse_apdu(alert.payload)
    assert isinstance(apdu, DataNotification)
    told, time, digest = (node.value for node in apdu.body.value)
    assert (told, time, digest) == (code, NOW.to_cosem(), HASH)
    assert rig.logged().count(code) == 1
    assert running(rig) == OLD
    expected = ActivateCode.SUCCESS if genuine else ActivateCode.NO_IMAGE_HELD
    assert outcome(activate(rig)) == Outcome(expected, NEW if genuine else OLD)


def test_the_same_image_once_more_is_told_once() -> None:
    rig = rig_with(IMAGE)
    rig.restart()
    assert not alerts_in(rig.handle(IMAGE), rig.keys)
    assert alerts_in(rig.handle(NewImage(OTHER, NEW)), rig.keys)
    assert outcome(activate(rig)) == Outcome(ActivateCode.HASH_MISMATCH, OLD)


def test_an_image_that_is_not_genuine_takes_the_place_of_the_one_held() -> None:
    rig = rig_with(IMAGE, NewImage(OTHER, NEW, genuine=False))
    assert outcome(activate(rig)) == Outcome(ActivateCode.NO_IMAGE_HELD, OLD)


@pytest.mark.parametrize("image", [NewImage(b"short", NEW), NewImage(HASH, b"1"), NewImage(b"", b"", False)])
def test_what_is_no_image_is_refused(image: NewImage) -> None:
    rig = rig_with(IMAGE)
    (effect,) = rig.handle(image)
    assert isinstance(effect, Happened)
    assert outcome(activate(rig)) == Outcome(ActivateCode.SUCCESS, NEW)


# -- at once ---------------------------------------------------------------------------------


def test_the_image_runs_and_is_held_no_longer() -> None:
    rig = rig_with(IMAGE)
    answer = activate(rig)
    assert outcome(answer) == Outcome(ActivateCode.SUCCESS, NEW)
    assert answer.response.date_time is not None
    assert FirmwareChanged(HASH, NEW, False) in answer.effects
    assert running(rig) == NEW
    assert rig.logged().count(CHANGED) == 1
    rig.restart()
    assert running(rig) == NEW
    assert outcome(activate(rig)) == Outcome(ActivateCode.NO_IMAGE_HELD, NEW)
    assert rig.logged().count(CHANGED) == 1


def test_the_new_image_gives_the_response_again() -> None:
    """Power fails when the new image starts, before its response left; the command comes again."""
    rig = rig_with(IMAGE)
    answer = activate(rig)
    rig.cut_power(60)
    again = rig.deliver(answer.command)
    assert again.payload == answer.payload
    assert rig.logged().count(CHANGED) == 1


@pytest.mark.parametrize(
    ("images", "digest", "fault", "code"),
    [
        ((), HASH, None, ActivateCode.NO_IMAGE_HELD),
        ((IMAGE,), OTHER, None, ActivateCode.HASH_MISMATCH),
        ((IMAGE,), HASH, ActivateCode.ACTIVATION_FAILURE, ActivateCode.ACTIVATION_FAILURE),
    ],
)
def test_what_fails_leaves_the_old_firmware(
    images: tuple[NewImage, ...], digest: bytes, fault: int | None, code: ActivateCode
) -> None:
    rig = rig_with(*images)
    if fault is not None:
        rig.handle(ArmStoreFault(0, fault))
    answer = activate(rig, digest)
    assert outcome(answer) == Outcome(code, OLD)
    assert not [e for e in answer.effects if isinstance(e, FirmwareChanged)]
    assert CHANGED not in rig.logged()
    if images:
        assert outcome(activate(rig)) == Outcome(ActivateCode.SUCCESS, NEW)


def test_a_setting_keeps_the_image() -> None:
    rig = rig_with(IMAGE, firmware=FirmwareSettings(keeps_image=True))
    for _ in range(2):
        answer = activate(rig)
        assert outcome(answer) == Outcome(ActivateCode.SUCCESS, NEW)
        assert FirmwareChanged(HASH, NEW, True) in answer.effects


def test_the_counter_stands_in_the_payload_once_more() -> None:
    rig = rig_with(IMAGE)
    assert activate(rig, shift=1).check is Check.COUNTER
    assert running(rig) == OLD


def test_only_the_supplier_may() -> None:
    rig = rig_with(IMAGE)
    payload = Activation(HASH, rig.counter + 1).octets()
    assert rig.signed("CS06", payload, by=ENTITIES[Role.NETWORK_OPERATOR]).check is Check.AUTHORITY


# -- at a time ------------------------------------------------------------------------------


def test_a_dated_activation_waits_and_tells_how_it_went() -> None:
    rig = rig_with(IMAGE)
    answer = activate(rig, at=LATER)
    assert outcome(answer) is None
    counter = rig.counter
    rig.restart()
    assert running(rig) == OLD
    rig.now = LATER.plus(-1)
    assert not alerts_in(rig.handle(TimerDue()), rig.keys)
    ((code, recipient, alert),) = due(rig)
    assert (code, recipient) == (0x00CA, SUPPLIER)
    assert alert == DatedOutcome(SUCCEEDED, LATER, counter, Outcome(ActivateCode.SUCCESS, NEW))
    assert running(rig) == NEW
    assert rig.logged().count(CHANGED) == 1
    assert not due(rig, LATER.plus(HOUR))


@pytest.mark.parametrize(
    ("images", "digest", "code"),
    [((), HASH, ActivateCode.NO_IMAGE_HELD), ((IMAGE,), OTHER, ActivateCode.HASH_MISMATCH)],
)
def test_a_dated_activation_that_fails(
    images: tuple[NewImage, ...], digest: bytes, code: ActivateCode
) -> None:
    rig = rig_with(*images)
    activate(rig, digest, LATER)
    ((_, _, alert),) = due(rig)
    assert (alert.alert_code, alert.outcome) == (FAILED, Outcome(code, OLD))
    assert running(rig) == OLD


def test_the_image_may_come_after_the_command() -> None:
    rig = rig_with()
    activate(rig, at=LATER)
    rig.handle(IMAGE)
    ((_, _, alert),) = due(rig)
    assert alert.outcome == Outcome(ActivateCode.SUCCESS, NEW)


@pytest.mark.parametrize("other", ["cancel", "now", "later", "other hash"])
def test_a_later_command_takes_the_place_of_what_waits(other: str) -> None:
    rig = rig_with(IMAGE)
    activate(rig, at=LATER)
    digest = OTHER if other == "other hash" else HASH
    at = {"cancel": CANCEL, "now": None, "later": LATER.plus(HOUR), "other hash": LATER}[other]
    answer = activate(rig, digest, at)
    assert (outcome(answer) is None) == (other != "now")
    told = [alert.alert_code for _, _, alert in due(rig)]
    assert told == ([FAILED] if other == "other hash" else [])
    told = [alert.alert_code for _, _, alert in due(rig, LATER.plus(HOUR))]
    assert told == ([SUCCEEDED] if other == "later" else [])
    assert running(rig) == (NEW if other in ("now", "later") else OLD)


def test_a_cancellation_with_nothing_waiting_succeeds() -> None:
    assert outcome(activate(rig_with(), at=CANCEL)) is None


@pytest.mark.parametrize("answers", [False, True])
def test_a_time_in_the_past_is_now(answers: bool) -> None:
    rig = rig_with(IMAGE, firmware=FirmwareSettings(past_answers_outcome=answers))
    answer = activate(rig, at=NOW.plus(-HOUR))
    assert (outcome(answer) is not None) == answers
    told = [m for m in answer.alerts if m.code == 0x00CA] + due(rig, NOW)
    assert len(told) == (not answers)
    assert running(rig) == NEW


def test_a_device_without_power_does_it_when_it_returns() -> None:
    rig = rig_with(IMAGE)
    activate(rig, at=LATER)
    effects = rig.cut_power(5 * HOUR)
    (message,) = [m for m in alerts_in(effects, rig.keys) if m.code == 0x00CA]
    assert DatedOutcome.parse(message.payload).at == NOW.plus(5 * HOUR)
    assert running(rig) == NEW


def test_the_devices_clock_decides_when() -> None:
    rig = rig_with(IMAGE)
    work = rig.device.observe(rig.now)
    set_clock(work, NOW.plus(-600))
    work.commit()
    rig.restart()
    activate(rig, at=LATER)
    assert not due(rig, LATER)
    ((_, _, alert),) = due(rig, LATER.plus(600))
    assert alert.at == LATER


# -- the octets of the image ------------------------------------------------------------------

BODY = b"the firmware itself"
HEADER = OtaHeader(0x10AB, 0x0102, 10, 56 + len(BODY))
FILE = HEADER.octets() + BODY
NAME = ImageId(0x10AB, 0x0102, 10)


def in_store(rig: Rig, octets: bytes, held: bool = True) -> None:
    """What an OTA client leaves in the store of its device."""
    memory = OtaMemory(rig.store)
    fetching = Fetching(NAME, len(octets), len(octets), 0)
    memory.add(Kept(State.RECEIVING, fetching), 0, 0, octets[:10])
    memory.add(Kept(State.RECEIVING, fetching), 0, 10, octets[10:])
    if held:
        own = Held(NAME, len(octets), 0, sha256(BODY).digest())
        memory.save(Kept(State.WAITING, None, own, End(0, NAME)))


@pytest.mark.parametrize(
    ("octets", "held", "code"),
    [
        (FILE, True, ActivateCode.SUCCESS),
        (FILE[:-1] + b"?", True, ActivateCode.HASH_MISMATCH),
        (FILE[:20], True, ActivateCode.HASH_MISMATCH),
        (FILE, False, ActivateCode.HASH_MISMATCH),
    ],
)
def test_the_hash_is_computed_once_more(octets: bytes, held: bool, code: ActivateCode) -> None:
    rig = Rig()
    in_store(rig, octets, held)
    rig.restart()
    told = image_of(ImageArrived(NAME, FILE, sha256(BODY).digest()))
    assert told == NewImage(sha256(BODY).digest(), bytes.fromhex("0000000A"))
    rig.handle(told)
    assert outcome(activate(rig, sha256(BODY).digest())) == Outcome(
        code, NEW if code is ActivateCode.SUCCESS else OLD
    )


def test_what_is_hashed_is_a_setting() -> None:
    rig = rig_with(firmware=FirmwareSettings(boundary=ImageBoundary.WHOLE_FILE))
    in_store(rig, FILE)
    whole = sha256(FILE).digest()
    rig.handle(NewImage(whole, NEW))
    assert outcome(activate(rig, whole)) == Outcome(ActivateCode.SUCCESS, NEW)


def test_what_an_ota_client_says_of_images() -> None:
    assert image_of(ImageRefused(NAME, "not for us")) is None
    assert image_of(Progressed(NAME, 1, 2)) is None
    assert image_of(ImageRefused(NAME, "broken", HASH)) == NewImage(HASH, NEW, genuine=False)
    rig = Rig()
    from gbcs.firmware import HeldImage

    assert hash_in_store()(rig.device.observe(NOW), HeldImage(HASH, NEW)) == HASH


@given(st.lists(st.sampled_from(["image", "other", "now", "date", "cancel", "wait", "cut"]), max_size=12))
def test_what_runs_is_what_a_simple_model_says(steps: list[str]) -> None:
    """The version changes only when an activation of the held image's hash is carried out."""
    rig = Rig()
    held: bytes | None = None
    pending: Utc | None = None
    version, activations = OLD, 0
    for step in steps:
        if step in ("image", "other"):
            held = HASH if step == "image" else OTHER
            rig.handle(NewImage(held, NEW))
        elif step == "cut":
            rig.restart()
        elif step == "wait":
            rig.now = rig.now.plus(HOUR)
            rig.handle(TimerDue())
        else:
            at = {"now": None, "date": rig.now.plus(HOUR // 2), "cancel": CANCEL}[step]
            activate(rig, at=at)
            pending = at if step == "date" else None
        carried_out = step == "now" or (pending is not None and pending <= rig.now)
        if carried_out:
            pending = None
            if held == HASH:
                held, version, activations = None, NEW, activations + 1
        assert running(rig) == version
        assert rig.logged().count(CHANGED) == activations
