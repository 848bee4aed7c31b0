"""Somebody in front of a meter, for tests of its display and buttons."""

from __future__ import annotations

from collections.abc import Mapping

from gbcs.ids import EntityId
from smets.behaviours.charging import PREPAYMENT_MODE
from smets.behaviours.privacy_pin import Lock, lock_of
from smets.behaviours.supply import State as Supply
from smets.esme.interface import ButtonPressed, InterfaceSettings, Shown, UserInterface
from smets.esme.screens import END, Press, Screen
from smets.events import Effect
from smets.values import Value
from tests.smets.homes import Home

NEXT, BACK, TAKE, GO_HOME = Press.NEXT, Press.BACK, Press.TAKE, Press.HOME
PREPAID: Value = (PREPAYMENT_MODE, 2)
PIN, OTHER_PIN = "1207", "0000"
READER = EntityId.parse("00-DB-12-34-56-78-90-9F")
ARMED: dict[str, Value] = {"SupplyState": int(Supply.ARMED)}
EMERGENCY: dict[str, Value] = {
    "PaymentMode": PREPAID,
    "EmergencyCreditLimit": 500_000,
    "EmergencyCreditBalance": 500_000,
    "EmergencyCreditThreshold": 100_000,
}


class Person:
    """Somebody in front of a meter, who sees its display and has its two buttons, and nothing else."""

    def __init__(self, home: Home, settings: InterfaceSettings | None = None) -> None:
        self.home = home
        self.settings = settings or InterfaceSettings()
        self.meter = UserInterface(home.device, self.settings)
        self.effects: list[Effect] = []

    def press(self, *presses: Press) -> Shown:
        for one in presses:
            self.effects += self.meter.handle(ButtonPressed(one), self.home.now)
        return self.shown

    @property
    def shown(self) -> Shown:
        return self.meter.shown(self.home.now)

    def titles(self, screen: Screen) -> list[str]:
        """All titles that one button goes through, from the one shown on."""
        assert self.shown.screen is screen
        found = [self.shown.lines[0]]
        while (title := self.press(NEXT).lines[0]) != found[0]:
            found.append(title)
        return found

    def menu(self) -> list[str]:
        self.press(GO_HOME, TAKE)
        return self.titles(Screen.MENU)

    def choose(self, title: str) -> Shown:
        if self.shown.screen is Screen.RESULT:
            self.press(TAKE)
        elif self.shown.screen is not Screen.MENU:
            self.press(GO_HOME, TAKE)
        for _ in self.meter.functions:
            if self.shown.lines == (title,):
                return self.press(TAKE)
            self.press(NEXT)
        raise AssertionError(f"{title} is not on offer")

    def mark(self, wanted: str) -> None:
        for _ in range(17):
            if self.shown.lines[1].endswith(f"[{wanted}]"):
                self.press(TAKE)
                return
            self.press(NEXT)
        raise AssertionError(f"{wanted} is not to be had")

    def enter(self, code: str, ends: bool = False) -> Shown:
        assert self.shown.screen is Screen.CODE
        for one in code:
            self.mark(one)
        if ends:
            self.mark(END)
        return self.shown

    def does(self, title: str, *codes: str) -> str:
        """Do it, from the menu to what came of it."""
        self.choose(title)
        for code in codes:
            self.enter(code)
        return self.confirm()

    def confirm(self) -> str:
        assert self.shown.screen is Screen.CONFIRM
        shown = self.press(TAKE)
        assert shown.screen is Screen.RESULT
        return shown.lines[1]

    def restart(self) -> None:
        self.home.restart()
        self.meter = UserInterface(self.home.device, self.settings)


def person(items: Mapping[str, Value] | None = None, variant: str = "single") -> Person:
    return Person(Home.new(variant, items=items))


def locked(items: Mapping[str, Value] | None = None) -> Person:
    found = person(items)
    assert found.does("set a PIN", PIN) == "done: set a PIN"
    found.press(GO_HOME)
    assert lock_of(found.home.work) is Lock.CLOSED
    return found


def charge(scale: int, amount: int) -> Value:
    return (0, scale), (0, bytes(6), 0), ((b"", amount),)
