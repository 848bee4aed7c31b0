"""A month of a meter, what is said in it, and what must be true wherever it was cut.

A meter of `MeterRun` lives through a month of half hours with faults, a tariff, prepayment and a daily
debt; parties read it, set it, top it up, and send some commands twice. What happens follows from seed and
date. Each commit that returned is said, and each line of the transcript.

Run as a program (seed), it forks a process for each path it reads: that lives on a database at that path
until it is killed or the month is over. Forking spares each of them the loading of the program.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from signal import SIGKILL
from subprocess import PIPE, Popen
from typing import Any, Self

from gbcs.dlms.protection import protected_request
from gbcs.dlms.protection_rows import ProtectedRead, protected_read
from gbcs.dlms.selective import Range
from gbcs.dlms.templates import templates
from gbcs.ids import Kind, Payload, Role
from gbcs.message import Message, parse_message
from gbcs.party import AccessControlBroker, RemoteParty, compose
from gbcs.security.store import KeyStore
from gbcs.security.utrn import TopUpKey, ValueClass, make_token
from gbcs.time import Utc
from gbcs.usecases import UseCase, by_name, table
from hil.meter_profiles import DAY, SECOND, Moment, generated
from hil.meter_run import NAME, MeterRun, default_home
from hil.scenario import emulated
from hil.sqlite_store import SqliteDatabase
from hil.transcript import WAN, Transcript
from smets.esme.meter import esme_profile
from smets.events import RemotePartyMessage, SendMessage, TimerDue
from smets.store import MemoryStore, Store

START, DAYS = Utc.of(2026, 1, 1), 31
END = START.plus(DAYS * DAY)
COMMIT = "commit"
PER_DAY, TOKENS_ELSEWHERE = 6, 100
Say = Callable[[str], None]

SCENARIO = default_home()
METER = emulated(SCENARIO, NAME).entity
PARTIES = {party.role: party.entity for party in reversed(SCENARIO.parties)}
ASKED = (Role.SUPPLIER, Role.NETWORK_OPERATOR)


# -- what happens ---------------------------------------------------------------------------


@cache
def reads() -> tuple[UseCase, ...]:
    """Every use case that reads a meter for its supplier or network operator."""
    chosen = esme_profile()
    found = []
    for use_case in table():
        if use_case.payload is Payload.DLMS and Kind.COMMAND in use_case.kinds and chosen.supports(use_case):
            template = templates(use_case.code or 0)[0]
            plain = all(one.choice in (1, 4) or _protected(use_case) for one in template.components)
            if plain and any(role in use_case.roles for role in ASKED):
                found.append(use_case)
    return tuple(found)


def _protected(use_case: UseCase) -> ProtectedRead | None:
    return protected_read(templates(use_case.code or 0)[0].components[0].ln)


class Commands:
    """The parties of a meter and what they send it, by the number of a day."""

    def __init__(self, keys: KeyStore, seed: str) -> None:
        self._seed = seed
        self._parties = {role: RemoteParty(PARTIES[role], keys) for role in ASKED}
        self._broker = AccessControlBroker(PARTIES[Role.ACCESS_CONTROL_BROKER], keys)
        self._top_up_key = TopUpKey.of(keys, PARTIES[Role.SUPPLIER], METER)

    def day(self, number: int) -> list[Moment]:
        """Reads, sets, a top-up now and then; of each two commands about one is sent again."""
        random = Random(f"{self._seed}/commands/{number}")
        found: list[Moment] = []
        times = sorted(random.sample(range(DAY - 600), PER_DAY))
        for place, second in enumerate(times):
            at = Utc.from_seconds(number * DAY + second)
            # greater than that of every one before, and near those of tokens bought elsewhere
            counter = TOKENS_ELSEWHERE + (at.seconds - START.seconds) // DAY * PER_DAY + place << 32
            if place % 2:
                command = self.read(reads()[random.randrange(len(reads()))], counter, at)
            else:
                command = self.set(random, counter, at)
            octets = command.octets
            found.append(Moment(second * SECOND + random.randrange(SECOND), RemotePartyMessage(octets)))
            if random.random() < 0.5:
                later = second + random.randint(1, 600)
                found.append(Moment(later * SECOND, RemotePartyMessage(octets)))
        return found

    def read(self, use_case: UseCase, counter: int, at: Utc) -> Message:
        """A read, of the last two days where it takes dates."""
        role = next(role for role in ASKED if role in use_case.roles)
        within, row = Range(at.seconds - 2 * DAY, at.seconds), _protected(use_case)
        values: list[Any] = []
        if row is not None:
            dates = within if row.dated else None
            values = [protected_request(row, counter, PARTIES[role], METER, dates)]
        return self._made(use_case, role, counter, values, within)

    def set(self, random: Random, counter: int, at: Utc) -> Message:
        """Something is written, now or some hours later, adjusted, switched or paid."""
        name = random.choice(("ECS38", "ECS28a", "ECS04a", "ECS43", "ECS42", "ECS42", "ECS44", "CS01a"))
        later = at.plus(random.randint(0, 40_000)).to_cosem()
        values: dict[str, list[Any]] = {
            "ECS38": [random.randrange(1800)],
            "ECS28a": [True, random.randint(3000, 60_000), 300, 30, *(later,) * 4],
            "ECS04a": [random.randint(-200_000, 200_000)],
            "CS01a": [make_token(self._top_up_key, counter, ValueClass.POUNDS, 5).encode()],
        }
        return self._made(by_name(name), Role.SUPPLIER, counter, values.get(name, []))

    def _made(
        self, use_case: UseCase, role: Role, counter: int, values: list[Any], within: Range | None = None
    ) -> Message:
        payload = compose(use_case.code or 0, counter, values, within=within)
        message = self._parties[role].precommand(use_case, METER, counter, payload)
        if use_case.command_signed or use_case.signed_or_maced:
            message = self._parties[role].sign(message)
        if use_case.command_maced and not use_case.signed_or_maced:
            message = self._broker.mac(message)
        return message


class Telling(Transcript):
    """Says each line."""

    def __init__(self, say: Say) -> None:
        super().__init__()
        self._say = say

    def add(self, *arguments: Any, **more: Any) -> None:
        super().add(*arguments, **more)
        self._say(self.lines[-1].json())


class Watched:
    """A store that says each commit that returned."""

    def __init__(self, store: Store, say: Say) -> None:
        self._store, self._say = store, say
        self.get, self.scan = store.get, store.scan

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        self._store.commit(changes)
        self._say(COMMIT)


def live(store: Store, say: Say, seed: str) -> MeterRun:
    """Begin the month or go on with it, to its end."""
    run = MeterRun(Watched(store, say), "single", seed, START)
    run.transcript = Telling(say)
    used, commands = generated("faults", seed, "single"), Commands(run.keys, seed)

    def day(number: int) -> list[Moment]:
        return sorted([*used(number), *commands.day(number)], key=lambda moment: moment.us)

    while run.now < END:
        run.run(day, 1)
    return run


# -- what must be true ------------------------------------------------------------------------


class Recorded(MemoryStore):
    """A store in memory, with all changes ever made to it."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[dict[str, bytes | None]] = []

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        super().commit(changes)
        self.changes.append(dict(changes))


def _digest(key: str, octets: bytes) -> int:
    name = key.encode()
    return int.from_bytes(sha256(len(name).to_bytes(4, "big") + name + octets).digest(), "big")


class Uncut:
    """The month without a cut: all that was said, and what the store held after each commit."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.said: list[str] = []
        store = Recorded()
        self.run = live(store, self.said.append, seed)
        self.end = store.snapshot()
        self._changes = store.changes
        self.places = [-1, *(n for n, text in enumerate(self.said) if text == COMMIT)]
        held: dict[str, bytes] = {}
        self._numbers = {0: 0}
        total = 0
        for number, changes in enumerate(store.changes, 1):
            for key, octets in changes.items():
                total -= _digest(key, held[key]) if key in held else 0
                if octets is None:
                    held.pop(key, None)
                else:
                    held[key] = octets
                    total += _digest(key, octets)
            self._numbers[total] = number
        self.answered = list(self._answered())

    def _answered(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Each command that was answered: the commit it led to, its octets, its answer's."""
        number, command = 0, (0, b"")
        for text in self.said:
            if text == COMMIT:
                number += 1
            else:
                line = json.loads(text)
                if line["from"] == WAN:
                    command = number + 1, bytes.fromhex(line["octets"])
                elif line["layer"] == "gbcs":
                    yield *command, bytes.fromhex(line["octets"])

    @property
    def commits(self) -> int:
        """How many there are."""
        return len(self._changes)

    def state(self, number: int) -> dict[str, bytes]:
        """Everything held after a commit."""
        store = MemoryStore()
        for changes in self._changes[:number]:
            store.commit(changes)
        return store.snapshot()

    def number(self, held: Mapping[str, bytes], about: int) -> int:
        """After which commit a store held exactly this; if after none, tell how it differs from one."""
        found = self._numbers.get(sum(_digest(key, octets) for key, octets in held.items()))
        if found is None:
            other = self.state(about)
            differ = sorted(key for key in {*held, *other} if held.get(key) != other.get(key))
            raise AssertionError(f"the state after no commit; other than after {about} are {differ[:20]}")
        return found

    def check_said(self, after: int, said: list[str]) -> None:
        """What a run said that went on behind a commit is what the uncut one says from there.

        What that commit let out and the cut one did not come to say may be missing.
        """
        first = self.places[after] + 1
        last = len(self.said) if after == self.commits else self.places[after + 1]
        for n in range(first, last + 1):
            if self.said[n : n + len(said)] == said:
                missing = self.said[first:n]
                assert all('"from": "meter"' in text for text in missing), missing
                return
        assert said == self.said[first : first + len(said)]

    def check_repeat(self, held: Mapping[str, bytes], number: int) -> bool:
        """The last command answered up to a commit gets that answer again and changes nothing.

        Whether there was one, and the meter is there to answer.
        """
        last = bisect(self.answered, number, key=lambda one: one[0])
        store = MemoryStore(held)
        if not last or not (run := MeterRun(store, "single", self.seed, START)).result().powered:
            return False
        _, command, answer = self.answered[last - 1]
        run.device.handle(TimerDue(), run.now)  # what came due meanwhile is no consequence of the repeat
        before = store.snapshot()
        sent, _ = run.device.handle(RemotePartyMessage(command), run.now)
        assert sent == SendMessage(answer, parse_message(command).originator), "another answer"
        assert store.snapshot() == before, "a repeat was executed"
        return True


# -- processes --------------------------------------------------------------------------------


ENDED = "ended"


def main(seed: str) -> None:
    """Fork a process for each path read; what it says follows its id, and then how it ended."""
    for path in sys.stdin:
        if not (child := os.fork()):
            _child(path.rstrip("\n"), seed)
        _, status = os.waitpid(child, 0)
        print(f"\n{ENDED} {os.waitstatus_to_exitcode(status)}", flush=True)


def _child(path: str, seed: str) -> None:
    code = 1
    try:
        print(os.getpid(), flush=True)
        # as `smets meter --store`: what was written survives its process, if not the loss of power
        with SqliteDatabase(path, synchronous="NORMAL") as database:
            live(database.store(NAME), lambda text: print(text, flush=True), seed)
        code = 0
    except Exception:  # noqa: BLE001  (a fork must never go back into its parent's code)
        traceback.print_exc()
    finally:
        os._exit(code)


class Processes:
    """The program, and what becomes of the processes it forks."""

    def __init__(self, root: Path, seed: str) -> None:
        self._program = Popen(
            [sys.executable, "-m", __name__, seed], cwd=root, stdin=PIPE, stdout=PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._program.__exit__(None, None, None)

    def life(self, path: Path, commits: int | None, chance: Random) -> tuple[list[str], int]:
        """Live on a database until killed behind so many commits, or to the end.

        What was said, and the exit status.
        """
        program = self._program
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(f"{path}\n")
        program.stdin.flush()
        process, said, left = int(program.stdout.readline()), [], commits
        while True:
            if left == 0:
                for _ in range(chance.randrange(100_000 if commits else 400_000)):
                    pass  # the kill falls anywhere, into one of some commits, or into the start
                os.kill(process, SIGKILL)
                left = None
            text = program.stdout.readline().rstrip("\n")
            if text.startswith(ENDED):
                break
            said.append(text)
            if left is not None and text == COMMIT:
                left -= 1
        said.pop()  # empty, or a line that was begun
        return said, int(text.removeprefix(ENDED))


if __name__ == "__main__":
    main(sys.argv[1])
