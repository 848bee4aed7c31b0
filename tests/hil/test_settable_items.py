"""What a command has written is what is read, octet for octet, by another process on the same store.

Which items there are, which commands set and which read them follows from the tables: a new row is tested.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hil.sqlite_store import SqliteDatabase
from smets.esme.items import VARIANTS, items
from tests.hil.settable import MASKS, Written, cases, readers, set_everything
from tests.smets.homes import component_member

DRAWS, LONG_DRAWS = range(1), range(1, 20)
# Passive values and activation times are never read, what becomes active of them is; a mask and actions
# is read as the setting it changes. Of these no command reads anything:
NEVER_READ = {
    "SupplierMessage",
    "ContactDetails.Name",
    "ContactDetails.TelephoneNumber",
    "CustomerIdentificationNumber",
    "RestrictDataDateTime",
    "DisablePrivacyPinProtection",
    "Time.ClockBase",
    "TariffBlockCounterMatrix.DailyResetting",
    *(f"AuxiliaryController{n}.SettingPeriod{end}" for n in range(1, 6) for end in ("Start", "End")),
    *(f"AuxiliaryController{n}.LimitPeriod{end}" for n in range(1, 6) for end in ("Start", "End")),
}


def settable(variant: str) -> set[str]:
    return {item.name for item in items(variant) if item.settable}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_settable_item_is_set_by_a_command(variant: str) -> None:
    found = set()
    for case in cases(variant):
        for n, component in enumerate(case.template.components):
            one = component_member(case.template, n)
            if component.choice == 2 and one is not None:
                found.add(one.item)
    assert found == settable(variant)
    assert len(found) > 120


@pytest.mark.parametrize("variant", VARIANTS)
def test_which_items_no_use_case_reads(variant: str) -> None:
    unread = settable(variant) - readers(variant).keys()
    dated = {name for name in unread if name.endswith((".Passive", ".ActivationTime"))}
    masks = {name for name in unread if name.endswith(MASKS)}
    assert unread - dated - masks == NEVER_READ
    assert {name.removesuffix(MASKS) for name in masks} <= readers(variant).keys()


def check(root: Path, path: Path, variant: str, draws: range) -> list[Written]:
    with SqliteDatabase(path) as database:
        found = [one for draw in draws for one in set_everything(database, variant, draw)]
    assert {one.item for one in found} >= settable(variant)
    reading = readers(variant)
    asked = [(one.meter, one.item, reading[one.item].name if one.item in reading else "") for one in found]
    done = subprocess.run(
        [sys.executable, "-m", "tests.hil.settable", str(path), variant],
        cwd=root,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(done.stdout)
    for one, (_, name, reader), (said, held) in zip(found, asked, answers, strict=True):
        assert held == one.octets.hex(), (one.meter, name)
        assert said == (one.octets.hex() if reader else ""), (one.meter, name, reader)
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_was_set_is_read_by_a_new_process(root: Path, tmp_path: Path, variant: str) -> None:
    check(root, tmp_path / "meters.db", variant, DRAWS)


@pytest.mark.long
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_was_set_is_read_by_a_new_process_often(root: Path, tmp_path: Path, variant: str) -> None:
    found = check(root, tmp_path / "meters.db", variant, LONG_DRAWS)
    print(f"\n{variant}: {len(found)} values of {len({one.item for one in found})} items")
