"""A device-like load on a store, whose every state is known from one number.

Commit n sets the counter to n, writes and deletes items; `state(n)` is what a store holds
after commits 1 to n. Run as a program it prints each number once its commit returned.
"""

import sys
from collections.abc import Iterator
from functools import cache
from hashlib import shake_128
from itertools import count

from smets.store import Store

COUNTER = "counter"


def octets(n: int, length: int) -> bytes:
    """Octets that belong to commit n alone."""
    return shake_128(b"%d" % n).digest(length)


def changes(n: int) -> dict[str, bytes | None]:
    """What commit n changes: the counter, items of many sizes, an old log entry dropped."""
    made: dict[str, bytes | None] = {
        COUNTER: n.to_bytes(8, "big"),
        f"item/{n % 7}": octets(n, 1 + n * 37 % 900),
        f"log/{n:08}": octets(n, 40),
        f"log/{n - 25:08}": None,
    }
    if n % 5 == 0:
        made["large"] = octets(n, 9_000 + n % 11 * 6_000)  # fills the log, so that it is checkpointed
    return made


@cache
def state(n: int) -> dict[str, bytes]:
    """Everything held after commit n."""
    held: dict[str, bytes] = {}
    # The last write of every key above lies fewer than 30 commits back.
    for earlier in range(max(1, n - 40), n + 1):
        for key, value in changes(earlier).items():
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value
    return held


def reached(store: Store) -> int:
    """The number of the last commit the store holds, 0 for an empty store."""
    return int.from_bytes(store.get(COUNTER) or b"", "big")


def work(store: Store) -> Iterator[int]:
    """Go on from what the store holds, without end; yields a number after its commit returned."""
    for n in count(reached(store) + 1):
        store.commit(changes(n))
        yield n


if __name__ == "__main__":
    from hil.sqlite_store import SqliteStore

    with SqliteStore(sys.argv[1]) as opened:
        for done in work(opened):
            print(done, flush=True)
