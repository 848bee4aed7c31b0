"""The templates of GBZ use cases: which components a command has, what a response and an alert may have."""

from gbcs.ids import Kind, Payload
from gbcs.usecases import table as use_cases
from gbcs.zcl import clusters, templates
from gbcs.zcl.gbz import Component, Executed, Sealed
from gbcs.zcl.types import LIST, OPAQUE, Node
from tests.vectors import payloads_gbz

SEALED = Sealed(0, bytes(5), b"", bytes(12))


def test_every_use_case_with_a_gbz_command_has_a_template() -> None:
    rows = {u.code: u.name for u in use_cases() if u.payload is Payload.GBZ and Kind.COMMAND in u.kinds}
    assert {t.code: t.use_case for t in templates.table()} == rows
    for template in templates.table():
        for slot in template.slots:
            assert slot.declared is not None
            assert slot.declared.fields is not None
            assert 0 <= slot.lo <= slot.hi
            assert slot.dated is bool(slot.declared.from_date_time)
            assert all(clusters.attribute(slot.cluster, number) for number in slot.attributes)
            answer = clusters.command(slot.cluster, slot.answer_frame_control, slot.answer_command)
            assert answer is not None
            assert answer.fields is not None


def read(cluster: int, *attributes: int, sequence: int = 0) -> Component:
    """A component that reads attributes."""
    nodes = tuple(Node(0xE9, number) for number in attributes)
    return Component(cluster, 0, sequence, 0, (Node(LIST, nodes),))


def default(cluster: int, command: int, status: int, sequence: int = 0, control: int = 8) -> Component:
    """A Default Response."""
    return Component(cluster, control, sequence, 0x0B, (Node(0x20, command), Node(0x30, status)))


def test_what_a_command_must_have() -> None:
    first, second = read(0x0702, 0x0A00), read(0x0705, 0x0001, sequence=1)
    found = templates.match(0x008D, [first, second])
    assert found is not None
    assert found.use_case == "GCS60"
    assert found.positions([first, second]) == (0, 1)
    for wrong in (
        [],
        [first],
        [second, first],
        [first, second, second],
        [first, read(0x0705, 0x0001, 0x0002)],
        [first, read(0x0705)],
        [first._replace(from_date_time=0), second],
        [first._replace(body=SEALED), second],
        [first._replace(frame_control=0x10), second],
        [first._replace(body=(Node(OPAQUE, b"\x01"),)), second],
    ):
        assert templates.match(0x008D, wrong) is None
    assert templates.match(payloads_gbz.CODE, [first, second]) is None
    assert templates.template(payloads_gbz.CODE) is None


def test_how_often_a_component_may_be_there() -> None:
    def calendar(*numbers: int) -> list[Component]:
        return [Component(0x0707 if n < 0x10 else 0x0700, 9, i, n & 0xF, ()) for i, n in enumerate(numbers)]

    tariff = templates.template(0x006B)
    assert tariff is not None
    assert tariff.positions(calendar(0, 1, 2, 3, 4, 0x14, 0x15)) == (0, 1, 2, 3, 4, 5, 7)
    assert tariff.positions(calendar(0, 1, 1, 1, 1, 2, 2, 3, 4, 0x14, 0x16, 0x15)) == (
        (0, 1, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7)
    )
    assert tariff.positions(calendar(0, 1, 1, 1, 1, 1, 2, 3, 4, 0x14, 0x15)) is None
    assert tariff.positions(calendar(0, 2, 3, 4, 0x14, 0x15)) is None
    assert tariff.positions(calendar(0, 1, 2, 3, 4, 0x14, 0x16, 0x16, 0x15)) is None


def test_what_a_response_may_have() -> None:
    answers = [default(0x0702, 0x0E, 0), default(0x0702, 0x0D, 0xC0, 1)]
    assert templates.match_response(0x007D, answers) is not None
    assert templates.match_response(0x007D, [answers[0], default(0x0702, 0xFF, 1, 1)]) is not None
    for wrong in (
        answers[:1],
        [answers[0], answers[1]._replace(sequence=2)],
        [answers[0], answers[1]._replace(sequence=0)],
        [answers[0], default(0x0702, 0xFF, 0, 1)],
        [answers[0], default(0x0702, 0x0C, 0, 1)],
        [answers[0], default(0x0702, 0x0D, 0, 1, 0)],
        [answers[0], default(0x0702, 0x0D, 0, 1)._replace(body=SEALED)],
    ):
        assert templates.match_response(0x007D, wrong) is None
    publish = Component(0x0707, 0x19, 2, 1, ())
    prepayment = templates.template(0x00B5)
    assert prepayment is not None
    start = [default(0x0705, 0, 0xC0, 0), default(0x0700, 0xFF, 1, 1)]
    end = [default(0x0707, n, 0x8B, n + 1) for n in (2, 3, 4)]
    assert prepayment.answer_positions([*start, publish, publish, *end]) == (0, 1, 2, 2, 3, 4, 5)
    assert prepayment.answer_positions([*start, *[publish] * 6, *end]) is None
    assert templates.match_response(payloads_gbz.CODE, answers) is None


def test_what_an_alert_says_was_executed() -> None:
    assert templates.executed_name(Executed(0x006F, 1, 0x0705, 1, 9)) == "SetLowCreditWarningLevel by GCS05"
    assert templates.executed_name(Executed(0x006F, 1, 0x0707, 1, 0)) == "PublishCalendar by GCS05"
    assert templates.executed_name(Executed(0x006F, 1, 0x0707, 1, 0x7F)) is None
    assert templates.executed_name(Executed(0x0FFF, 1, 0x0707, 1, 0)) is None
