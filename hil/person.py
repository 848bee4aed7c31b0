"""Somebody in front of a meter: sees its display and has its buttons, and nothing else.

Codes are entered mark by mark, as the user interface of the meter has it (`smets.esme.screens`).
"""

from __future__ import annotations

from collections.abc import Callable

from gbcs.errors import LocalError
from smets.esme.interface import Shown
from smets.esme.screens import END, Press, Screen

from .scenario_model import Hands

MOST_PRESSES = 200  # ours: more items, functions or marks has no meter


class NotToBeHad(LocalError):
    """What is wanted is not on offer at the meter."""


class Person:
    """`press` presses a button of the meter, `shown` is what its display shows then."""

    def __init__(self, press: Callable[[Press], None], shown: Callable[[], Shown]) -> None:
        self._press = press
        self._shown = shown

    def do(self, hands: Hands) -> Shown:
        """Do it, and look at the display. Raises NotToBeHad."""
        if hands.show:
            self._to(Screen.ITEMS, hands.show, "on the display")
        if hands.choose:
            self._choose(hands.choose)
        for code in hands.enter:
            self._enter(code)
        if hands.choose and self._shown().screen is Screen.CONFIRM:
            self._press(Press.TAKE)
        for press in hands.press:
            self._press(press)
        return self._shown()

    def _to(self, screen: Screen, title: str, where: str) -> None:
        """Go on from one title of a screen to the next until the one that is wanted."""
        if screen is Screen.ITEMS:
            self._press(Press.HOME)
        for _ in range(MOST_PRESSES):
            shown = self._shown()
            if shown.screen is screen and shown.lines[:1] == (title,):
                return
            self._press(Press.NEXT)
        raise NotToBeHad(f"{title!r} is not {where}")

    def _choose(self, title: str) -> None:
        screen = self._shown().screen
        if screen is Screen.RESULT:  # going home would ask for the PIN again
            self._press(Press.TAKE)
        elif screen is not Screen.MENU:
            self._press(Press.HOME)
            self._press(Press.TAKE)
        self._to(Screen.MENU, title, "in the menu")
        self._press(Press.TAKE)

    def _enter(self, code: str) -> None:
        screen = self._shown().screen
        if screen is Screen.CHOICE:
            self._mark(code, lambda line: line == code)
            return
        if screen is not Screen.CODE:
            raise NotToBeHad("nothing is asked for")
        title = self._shown().lines[0]
        for symbol in code:
            self._mark(symbol, lambda line, symbol=symbol: line.endswith(f"[{symbol}]"))  # type: ignore[misc]
        shown = self._shown()
        entered = shown.lines[-1].rpartition("[")[0] if shown.screen is Screen.CODE else ""
        if shown.screen is Screen.CODE and shown.lines[0] == title and len(entered) == len(code):
            self._end()

    def _end(self) -> None:
        """End a code that may be shorter than its most, if it may be."""
        marks: list[str] = []
        while (mark := self._shown().lines[-1]) not in marks:
            if mark.endswith(f"[{END}]"):
                self._press(Press.TAKE)
                return
            marks.append(mark)
            self._press(Press.NEXT)

    def _mark(self, wanted: str, is_it: Callable[[str], bool]) -> None:
        """Take the mark or the choice that is wanted."""
        for _ in range(MOST_PRESSES):
            lines = self._shown().lines
            if self._shown().screen not in (Screen.CODE, Screen.CHOICE):
                break
            if is_it(lines[-1]):
                self._press(Press.TAKE)
                return
            self._press(Press.NEXT)
        raise NotToBeHad(f"{wanted!r} cannot be entered")
