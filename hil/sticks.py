"""The serial ports of this machine that may be ZigBee sticks.

Names are known where the maker's USB product text or its own vendor id says which stick it
is; a bridge chip alone says little (from makers' documents and the lists of host programs;
none was tried, radio-stack 11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from gbcs.errors import BuildError

BY_ID: Final = Path("/dev/serial/by-id")


class Known(NamedTuple):
    """A stick: USB vendor and product id, what its product text contains, its name, does it speak EZSP.

    `ezsp` None: it depends on the firmware.
    """

    vid: int
    pid: int
    product: str
    name: str
    ezsp: bool | None


KNOWN: Final = (
    Known(0x10C4, 0xEA60, r"SkyConnect|Connect ZBT-1", "Home Assistant Connect ZBT-1 (SkyConnect)", True),
    Known(0x303A, 0x4001, r"ZBT-2", "Home Assistant Connect ZBT-2", True),
    Known(0x303A, 0x831A, r"ZBT-2", "Home Assistant Connect ZBT-2", True),
    Known(0x10C4, 0xEA60, r"SLZB-07", "SMLIGHT SLZB-07", None),
    Known(0x10C4, 0xEA60, r"Sonoff.*(MG24|Dongle Plus V2|Dongle-E)", "Sonoff ZBDongle-E or Plus MG24", True),
    Known(0x1A86, 0x55D4, r"Sonoff.*(V2|-E)", "Sonoff ZBDongle-E", True),
    Known(0x10C4, 0xEA60, r"Sonoff", "Sonoff ZBDongle-P", False),
    Known(0x10C4, 0x8A2A, r"HubZ|HUSBZB", "Nortek HUSBZB-1", True),
    Known(0x1CF1, 0x0030, r"", "dresden elektronik ConBee II", False),
    Known(0x0451, 0x16A8, r"", "Texas Instruments CC2531", False),
)


@dataclass(frozen=True, slots=True)
class Stick:
    """A serial port. `path` is stable over restarts where the system has such a name for it."""

    path: str
    device: str
    vid: int | None
    pid: int | None
    serial: str | None
    maker: str | None
    product: str | None
    known: Known | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "path": self.path,
            "device": self.device,
            "vid": None if self.vid is None else f"{self.vid:04X}",
            "pid": None if self.pid is None else f"{self.pid:04X}",
            "serial": self.serial,
            "maker": self.maker,
            "product": self.product,
            "name": self.known.name if self.known else None,
            "ezsp": self.known.ezsp if self.known else None,
        }


def known_as(vid: int | None, pid: int | None, product: str | None) -> Known | None:
    """The first row that fits."""
    for row in KNOWN:
        if (vid, pid) == (row.vid, row.pid) and re.search(row.product, product or "", re.IGNORECASE):
            return row
    return None


def sticks(every: bool = False, by_id: Path = BY_ID) -> list[Stick]:
    """The serial ports on USB, or every one, by device name. Raises BuildError without pyserial."""
    try:
        from serial.tools import list_ports
    except ImportError:
        raise BuildError("pyserial is not installed: pip install 'smets[radio]'", "serial ports") from None
    names = {str(link.resolve()): str(link) for link in sorted(by_id.glob("*"))} if by_id.is_dir() else {}
    found = []
    for port in sorted(list_ports.comports(), key=lambda p: str(p.device)):
        if port.vid is None and not every:
            continue
        path = names.get(str(Path(port.device).resolve()), port.device)
        known = known_as(port.vid, port.pid, port.product)
        found.append(
            Stick(
                path,
                port.device,
                port.vid,
                port.pid,
                port.serial_number,
                port.manufacturer,
                port.product,
                known,
            )
        )
    return found
