"""The home of a scenario on the radios it names, or on others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from gbcs.time import Utc
from smets.store import Store

from .home import Home
from .memory_link import LinkOptions
from .monikers import STICKS, Moniker, MonikerError
from .scenario import Scenario

MISSING = "the radio libraries are not installed: pip install '.[radio]', or use memory:"
UNIX_EPOCH = Utc.of(1970, 1, 1)


def on_radio(scenario: Scenario, radio: Moniker) -> Scenario:
    """The scenario with another radio for the whole home. Raises MonikerError."""
    if scenario.is_real and radio.scheme not in STICKS:
        raise MonikerError(f"{radio.scheme}: reaches no real device, serial: and tcp: do")
    link = LinkOptions.of(radio) if radio.scheme == "memory" else LinkOptions()
    hub = replace(scenario.hub, radio=radio)
    devices = tuple(replace(device, radio=radio, link=link) for device in scenario.devices)
    return replace(scenario, radio=radio, hub=hub, devices=devices)


@contextmanager
def open_home(
    scenario: Scenario,
    store: Callable[[str], Store] | None = None,
    capture: Path | None = None,
    keyfile: Path | None = None,
    sniffer: Moniker | None = None,
) -> Iterator[Home]:
    """Bring the hub of a scenario up on its radio; at the end everything is given back.

    `capture`: a file for what is on the air, `keyfile`: one for the keys. `sniffer`: the stick that
    hears what is captured, needed by a home on sticks. Raises LocalError, OSError.
    """
    if sniffer is not None and capture is None:
        raise MonikerError("a sniffer needs a file for the capture")
    if scenario.radio.scheme == "memory":
        if capture is not None or keyfile is not None:
            raise MonikerError("memory: has no air to capture, use virtual:")
        with Home(scenario, store) as home:
            yield home
        return
    try:
        from .radio_home import RadioHome
        from .radios import open_radios
        from .real_home import RealHome, wall_clock
        from .sniffer import Sniffer
    except ImportError as error:
        raise MonikerError(f"{scenario.radio.scheme}: {MISSING} ({error.name})") from None
    from .capture import Capture, KeyFile

    with ExitStack() as stack:
        tap, listener = None, None
        if capture is not None:
            start = wall_clock() if scenario.is_real else scenario.start
            air = Capture(capture, start.us - UNIX_EPOCH.us)
            stack.callback(air.close)
            tap = air.add
            if sniffer is not None:
                listener, tap = Sniffer(sniffer, tap), None
        radios = open_radios(scenario, tap)
        kind = RealHome if scenario.is_real else RadioHome
        show = None
        if keyfile is not None:
            keys = KeyFile(keyfile)
            stack.callback(keys.close)
            show = keys.add
        yield stack.enter_context(kind(scenario, radios, store, show, sniffer=listener))
