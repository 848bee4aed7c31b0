"""What a fuzz target is, how its inputs come about, and the loop around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from random import Random
from typing import Any, NamedTuple

from gbcs.errors import GbcsError
from tests.gbcs.mutation import AWKWARD, damaged

# every target with its share of a run: slower ones have less
SHARES = {
    "envelope": 10,
    "apdu": 10,
    "axdr": 10,
    "description": 10,
    "gbz": 10,
    "gbz_alert": 6,
    "der": 10,
    "certificate": 5,
    "request": 4,
    "pem": 2,
    "boxed": 2,
    "utrn": 6,
    "gbt": 8,
    "ota": 8,
    "json_fields": 8,
    "named_build": 8,
}
TOTAL = sum(SHARES.values())
Mutator = Callable[[Random, Sequence[bytes]], bytes]


def damaged_octets(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A sound input after some accidents, two of them spliced, or noise."""
    way = random.random()
    octets = random.choice(seeds)
    if way < 0.75:
        return damaged(random, octets)
    if way < 0.9:
        other = random.choice(seeds)
        return octets[: random.randrange(len(octets) + 1)] + other[random.randrange(len(other) + 1) :]
    if way < 0.95:
        return octets[: random.randrange(8)] + random.randbytes(random.randrange(60))
    return bytes(random.choice((*AWKWARD, random.randrange(256))) for _ in range(random.randrange(40)))


@dataclass(frozen=True, slots=True)
class Target:
    """A parser under test.

    `seeds` makes sound inputs. `one` tries an input: True if it is accepted, and then whatever must hold
    of it is asserted; it raises what `refusals` names, and nothing else.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    one: Callable[[bytes], bool]
    refusals: tuple[type[GbcsError], ...]
    mutate: Mutator = damaged_octets


class Escape(Exception):
    """An input that ended in something else than being accepted or refused."""


class Tally(NamedTuple):
    """How many inputs were accepted and refused."""

    accepted: int
    refused: int


def target(name: str) -> Target:
    """The target of a module of this folder."""
    found: Target = import_module(f"tests.fuzz.{name}").TARGET
    assert found.name == name
    return found


@cache
def _seeds(name: str) -> tuple[bytes, ...]:
    return tuple(target(name).seeds())


def case(name: str, seed: int, index: int) -> bytes:
    """An input by its number; those before it need not be made."""
    return target(name).mutate(Random(f"{name} {seed} {index}"), _seeds(name))


def attempt(name: str, octets: bytes, label: str = "input") -> bool:
    """Try one input: whether it is accepted. Raises Escape."""
    tried = target(name)
    try:
        return tried.one(octets)
    except tried.refusals:
        return False
    except Exception as error:
        shown = octets.hex() if len(octets) < 4000 else f"{octets[:4000].hex()}..."
        raise Escape(f"{name}, {label}: {type(error).__name__}: {error}\n{shown}") from error


def run(name: str, count: int, seed: int, start: int = 0) -> Tally:
    """Try so many inputs. Raises Escape for the first that escapes."""
    accepted = sum(
        attempt(name, case(name, seed, index), f"seed {seed}, case {index}")
        for index in range(start, start + count)
    )
    return Tally(accepted, count - accepted)


def share(name: str, total: int) -> int:
    """How many of all the cases of a run a target has."""
    return total * SHARES[name] // TOTAL + 1


# -- JSON ---------------------------------------------------------------------------------------

LEAVES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 127, 255, 256, 65536, 2**32, 2**63, 2**64, -(2**63) - 1, 10**30,
    0.0, 1.5, -0.0, 1e300, float("nan"), float("inf"), "", " ", "0", "00", "ZZ", "FF" * 8, "F" * 15,
    "0x10", "1_0", " 12", "-1", "+1", "\u0663", "\uff11\uff12", "\ud800", "\0", "\u2028", "null", "now",
    "never", "2024-02-30T00:00:00Z", "0000-00-00", "*-*-*", "99:99:99", "1-0:1.8.0.255", "9" * 400, [], {},
    [[]], [{}], {"": None}, {"hex": "0"}, {"hex": "00", "value": 1}, {"status": 0}, {"status": "x"}, "twin",
)  # fmt: skip


def damaged_json(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A sound JSON text with one to three values exchanged, left out, added or made awkward."""
    tree = json.loads(random.choice(seeds))
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        tree = _damaged_tree(random, tree, seeds)
    return json.dumps(tree).encode()


def _damaged_tree(random: Random, tree: Any, seeds: Sequence[bytes]) -> Any:
    """The tree with an accident at some node."""
    keys: list[Any]
    if isinstance(tree, dict) and tree:
        keys = list(tree)
    elif isinstance(tree, list) and tree:
        keys = list(range(len(tree)))
    else:
        return _awkward(random, tree, seeds)
    if random.random() < 0.12:
        return _shaken(random, tree, keys, seeds)
    key = random.choice(keys)
    tree[key] = _damaged_tree(random, tree[key], seeds)
    return tree


def _shaken(random: Random, tree: Any, keys: list[Any], seeds: Sequence[bytes]) -> Any:
    """An object or list with a part left out, added, doubled, exchanged or renamed."""
    key, other = random.choice(keys), random.choice(keys)
    way = random.randrange(6)
    if way == 0:
        del tree[key]
    elif way == 1:
        tree[key], tree[other] = tree[other], tree[key]
    elif way == 2:
        return _awkward(random, tree, seeds)
    elif isinstance(tree, list):
        tree.insert(key, _copy(tree[other]) if way == 3 else _awkward(random, None, seeds))
    elif way == 3:
        tree[_bent(random, key)] = tree.pop(key)
    else:
        tree[_bent(random, key)] = _awkward(random, None, seeds)
    return tree


def _awkward(random: Random, leaf: Any, seeds: Sequence[bytes]) -> Any:
    """Something else in the place of a value: near it, awkward, or from elsewhere."""
    way = random.random()
    if way < 0.4 and isinstance(leaf, str):
        return _bent(random, leaf)
    if way < 0.4 and isinstance(leaf, int) and not isinstance(leaf, bool):
        return leaf + random.choice((-1, 1, 256, -256, 2**32))
    if way < 0.85:
        return _copy(random.choice(LEAVES))
    if way < 0.87:
        nested: Any = leaf
        for _ in range(random.choice((20, 100, 200))):
            nested = [nested] if random.random() < 0.5 else {"value": nested}
        return nested
    return _somewhere(random, json.loads(random.choice(seeds)))


def _copy(tree: Any) -> Any:
    return json.loads(json.dumps(tree))


def _bent(random: Random, text: str) -> str:
    """A text with a character changed, more or less."""
    at = random.randrange(len(text) + 1)
    way = random.randrange(3)
    new = random.choice("0129aFgZ -:.,#_*\u0663\ud800\0\u00e9")
    return text[:at] + ("" if way == 0 else new) + text[at + (way != 1) :]


def _somewhere(random: Random, tree: Any) -> Any:
    """Some part of a tree."""
    while isinstance(tree, dict | list) and tree and random.random() < 0.7:
        tree = random.choice(list(tree.values()) if isinstance(tree, dict) else tree)
    return tree
