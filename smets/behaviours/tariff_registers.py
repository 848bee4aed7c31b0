"""The registers of a tariff, one data item each, and the matrices they are read as.

One item a register keeps the path of each half hour short: only what counts is written. Source: SMETS
5.7.5.33 to .35, 5.13.2.10 (reference: smets-esme 7, 9; entry layouts dlms-payloads 4.1).
"""

from __future__ import annotations

from ..values import Value
from ..work import Work

TOUS = range(1, 49)
BLOCKS = range(1, 5)
BLOCK_TOUS = range(1, 9)
SECONDARY_TOUS = range(1, 5)

TOU_REGISTERS = tuple(f"TariffTOURegisterMatrix.TOU{n}" for n in TOUS)
SECONDARY_TOU_REGISTERS = tuple(f"SecondaryTariffTOURegisterMatrix.TOU{n}" for n in SECONDARY_TOUS)
BLOCK_REGISTERS = tuple(
    tuple(f"TariffTOUBlockRegisterMatrix.Block{b}.TOU{n}" for n in BLOCK_TOUS) for b in BLOCKS
)
BLOCK_COUNTERS = tuple(tuple(f"TariffBlockCounterMatrix.Block{b}.TOU{n}" for n in BLOCK_TOUS) for b in BLOCKS)

Row = tuple[Value, ...]


def tou_registers(work: Work) -> Row:
    """Wh of TOU 1..48."""
    return _read(work, TOU_REGISTERS)


def secondary_tou_registers(work: Work) -> Row:
    """Wh of TOU 1..4 of the secondary element; a twin element meter has them."""
    return _read(work, SECONDARY_TOU_REGISTERS)


def block_registers(work: Work) -> tuple[Row, ...]:
    """Wh of blocks 1..4, each by TOU 1..8; never reset."""
    return tuple(_read(work, row) for row in BLOCK_REGISTERS)


def block_counters(work: Work) -> tuple[Row, ...]:
    """Wh of blocks 1..4, each by TOU 1..8, since the last reset."""
    return tuple(_read(work, row) for row in BLOCK_COUNTERS)


def reset_block_counters(work: Work) -> None:
    """Zero the Tariff Block Counter Matrix."""
    for row in BLOCK_COUNTERS:
        for item in row:
            if work.item(item):
                work.set_item(item, 0)


def register_entry(work: Work, twin: bool) -> tuple[Value, ...]:
    """What an entry of the Daily Read Log and the Billing Data Log has of the registers, without its time."""
    if twin:
        return (
            work.item("ActiveImportRegister"),
            work.item("SecondaryActiveImportRegister"),
            tou_registers(work),
            secondary_tou_registers(work),
            *block_registers(work),
        )
    return (work.item("ActiveImportRegister"), tou_registers(work), *block_registers(work))


def _read(work: Work, items: tuple[str, ...]) -> Row:
    return tuple(map(work.item, items))
