"""Which emulated devices a pair may be replayed on: for each device type its variants, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from chts.chf import chf_profile
from gbcs.ids import DeviceType
from gbcs.usecases import UseCase
from smets.esme.meter import EsmeOptions, esme_profile
from smets.profile import Profile


class Variant(NamedTuple):
    """A kind of device: what it is called, how its profile is made, whether it has two elements."""

    label: str
    profile: Callable[[], Profile]
    twin: bool = False


def _esme(variant: str) -> Variant:
    options = EsmeOptions(variant)
    return Variant(f"ESME {variant}", lambda: esme_profile(options), variant == "twin")


VARIANTS: Mapping[DeviceType, tuple[Variant, ...]] = {
    DeviceType.ESME: (_esme("single"), _esme("twin"), _esme("polyphase")),
    DeviceType.CHF: (Variant("CHF single band", chf_profile),),
}


def not_built(use_case: UseCase) -> str:
    """Why no variant of a device executes a use case."""
    reason = f"{use_case.name} is not built"
    return f"replaced in later GBCS, and {reason}" if use_case.superseded else reason
