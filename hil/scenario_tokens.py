"""Top-up tokens in steps: `token:NAME` stands for the digits of one that was made before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gbcs.security.utrn import DIGITS

from .scenario_model import Step

PREFIX = "token:"
PLACEHOLDER = "0" * DIGITS


def token_names(given: Any) -> Iterator[str]:
    """The names of the tokens in values or codes."""
    if isinstance(given, str):
        if given.startswith(PREFIX):
            yield given.removeprefix(PREFIX)
    elif isinstance(given, Mapping):
        for inner in given.values():
            yield from token_names(inner)
    elif isinstance(given, list | tuple):
        for inner in given:
            yield from token_names(inner)


def with_tokens(step: Step, digits_of: Callable[[str], str]) -> Step:
    """The step with digits in place of names: octets in values of items, texts elsewhere."""
    hands = step.hands
    if hands is not None:
        hands = replace(hands, enter=_filled(hands.enter, digits_of))
    values = _filled(step.values, lambda name: digits_of(name).encode())
    return replace(step, values=values, named=_filled(step.named, digits_of), hands=hands)


def _filled(given: Any, of: Callable[[str], Any]) -> Any:
    if isinstance(given, str):
        return of(given.removeprefix(PREFIX)) if given.startswith(PREFIX) else given
    if isinstance(given, Mapping):
        return {key: _filled(inner, of) for key, inner in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(_filled(inner, of) for inner in given)
    return given
