"""Open a radio without knowing what it runs on; the libraries are imported only then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from smets.han.endpoints import Endpoint

from .interface import DeviceRadio, HubRadio, KeyRow, RadioMissing
from .settings import RadioSettings

LIBRARIES = frozenset({"bellows", "zigpy", "serialx"})


async def open_radio(
    path: str,
    *,
    settings: RadioSettings | None = None,
    endpoints: Sequence[Endpoint] = (),
    keys: Iterable[KeyRow] = (),
    **options: Any,
) -> DeviceRadio:
    """A radio for either role on a dongle that speaks EZSP, at a serial port or `tcp://host:port`.

    Raises RadioMissing without the libraries, RadioUnavailable without a dongle.
    """
    try:
        from .ezsp_radio import EzspRadio
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    return await EzspRadio.open(path, settings=settings, endpoints=endpoints, keys=keys, **options)


async def open_coordinator(
    path: str,
    *,
    settings: RadioSettings | None = None,
    endpoints: Sequence[Endpoint] = (),
    keys: Iterable[KeyRow] = (),
    **options: Any,
) -> HubRadio:
    """A hub on zigpy's coordinator. Raises RadioMissing, RadioUnavailable."""
    try:
        from .zigpy_coordinator import ZigpyRadio
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    return await ZigpyRadio.open(path, settings=settings, endpoints=endpoints, keys=keys, **options)


def _missing(error: ModuleNotFoundError) -> Exception:
    top = (error.name or "").partition(".")[0]
    if top not in LIBRARIES:
        return error
    return RadioMissing(f"{top} is not installed: pip install 'smets[radio]'")
