"""What a hub shows on the home area network: the time, the keep-alive, itself."""

import pytest

from chts.han_values import MASTER, NO_MOMENT, SUPERSEDING, KeepAliveSettings, TimeSettings, hub_values
from gbcs.errors import BuildError
from gbcs.zcl.clusters import attribute_by_name
from smets.behaviours.clock import STATUS, Status
from smets.han.cluster_values import DeviceValues
from smets.han.endpoints import BASIC, KEEP_ALIVE, KEY_ESTABLISHMENT, METER, TIME, endpoints_of
from tests.chts.rig import NOW, Rig

ENDPOINT = endpoints_of("hub")[1]


def read(values: DeviceValues, cluster: int, name: str) -> object:
    return values.read(attribute_by_name(cluster, name), ENDPOINT, NOW)


def test_the_time() -> None:
    values = hub_values(Rig().hub.chf, lambda: 2)
    assert read(values, TIME, "Time") == NOW.seconds
    assert read(values, TIME, "TimeStatus") == 0x0B
    assert read(values, TIME, "LastSetTime") == NOW.seconds
    assert read(values, TIME, "ValidUntilTime") == NOW.seconds + 86_400


def test_a_hub_without_a_valid_time_does_not_offer_it_as_good() -> None:
    chf = Rig().hub.chf
    work = chf.observe(NOW)
    work.set_value(STATUS, Status.INVALID)
    work.commit()
    values = hub_values(chf, lambda: 2)
    assert read(values, TIME, "TimeStatus") == MASTER | SUPERSEDING
    assert read(values, TIME, "ValidUntilTime") == NO_MOMENT


def test_keep_alive_and_itself() -> None:
    values = hub_values(Rig().hub.chf, lambda: 3, keep_alive=KeepAliveSettings(2, 512))
    assert read(values, KEEP_ALIVE, "TCKeepAliveBase") == 2
    assert read(values, KEEP_ALIVE, "TCKeepAliveJitter") == 512
    assert read(values, KEY_ESTABLISHMENT, "KeyEstablishmentSuite") == 3
    assert read(values, BASIC, "ManufacturerName") == b"0000"
    assert read(values, BASIC, "PhysicalEnvironment") is None  # no mirror is to be had
    assert read(values, METER, "CurrentSummationDelivered") is None


@pytest.mark.parametrize("wrong", [{"base": 0}, {"base": 256}, {"jitter": -1}, {"jitter": 513}])
def test_keep_alive_ranges(wrong: dict[str, int]) -> None:
    with pytest.raises(BuildError):
        KeepAliveSettings(**wrong)


@pytest.mark.parametrize("wrong", [{"status": 256}, {"valid_seconds": -1}])
def test_time_ranges(wrong: dict[str, int]) -> None:
    with pytest.raises(BuildError):
        TimeSettings(**wrong)
