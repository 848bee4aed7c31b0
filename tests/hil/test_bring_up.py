"""The experiments of docs/hardware.md run, here on virtual dongles."""

import pytest

from tests import bring_up
from tests.hil.dongles import dongles

IDS = ("0253000000000B01", "0253000000000B02")


def test_what_a_stick_is(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    with dongles(IDS[0]) as (stick,):
        assert bring_up.main(["stick", stick]) == 0
    said = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert said["EUI-64"].replace("-", "") == IDS[0]
    assert said["EZSP version"] == "14"
    assert said["library CBKE 283k1"].startswith("absent")
    assert said["key table of 20"] == "OK"


def test_what_arrives_under_which_key(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bellows", reason="the radio libraries are not installed: pip install '.[radio]'")
    with dongles(*IDS) as (hub, meter):
        assert bring_up.main(["keys", hub, meter, "--way", "BOTH"]) == 0
    said = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    for when in ("new key on both sides", "after a trust centre rejoin", "and on the meter"):
        for way in ("meter to hub", "hub to meter"):
            assert said[f"{when}, {way}"] == "arrived, encrypted"
    assert said["another key on the hub only, meter to hub"].startswith("not delivered")


@pytest.mark.parametrize("wrong", ["memory:", "stick", "tcp:nowhere"])
def test_what_is_no_stick(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        bring_up.main(["stick", wrong])
    assert end.value.code == 2
    assert "error: " in capsys.readouterr().err
