"""Replaying the reference messages: the two figures."""

from pathlib import Path

from gbcs.ids import DeviceType, Payload
from gbcs.message import parse_message
from gbcs.security.folder import FolderKeyStore
from hil.replay.pairs import collect
from hil.replay.run import Replayer
from hil.replay.verdicts import Outcome, Tally, Verdict


def replay(reference: Path, inject: bool) -> list[Outcome]:
    files = sorted((reference / "rtds" / "messages").rglob("*.HEX"))
    messages = [(str(file), parse_message(bytes.fromhex(file.read_text()))) for file in files]
    keys = FolderKeyStore(reference / "rtds" / "keystore")
    return list(Replayer(keys, collect(messages), inject))


def test_figures(reference: Path) -> None:
    natural = replay(reference, inject=False)
    injected = replay(reference, inject=True)
    for outcomes in (natural, injected):
        assert [(o.case, o.why) for o in outcomes if o.verdict is Verdict.MISMATCH] == []
        assert all(o.why or o.verdict is Verdict.MATCH for o in outcomes)
    succeeding = Tally(natural).figure(DeviceType.ESME, Payload.DLMS, fails=False)
    failing = Tally(injected).figure(DeviceType.ESME, Payload.DLMS, fails=True)
    print(f"ESME DLMS: {succeeding.matching} of {succeeding.pairs} pairs that succeed")
    print(f"ESME DLMS, injected: {failing.matching} of {failing.pairs} pairs that fail an item")
    # 80 of the 94 and 65 of the 73 pairs that lie beside the project; as a share, should there be more
    assert succeeding.pairs >= 94
    assert failing.pairs >= 73
    assert succeeding.matching * 94 >= 80 * succeeding.pairs
    assert failing.matching * 73 >= 65 * failing.pairs
    # what succeeds does not depend on the faults that are armed for the others
    assert Tally(injected).figure(DeviceType.ESME, Payload.DLMS, fails=False) == succeeding
    assert Tally(natural).figure(DeviceType.ESME, Payload.DLMS, fails=True).matching == 0
