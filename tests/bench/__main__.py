"""`python -m tests.bench [--rounds N] [--size N]`: measure and print, one line a measure.

Ratios are bare OpenSSL time by our time in the same run (see `bare`): 1.0 is no overhead.
Noise is the middle half of the rounds. The status is 0 whatever was measured.
"""

import argparse
from collections.abc import Sequence

from tests.bench.cbke import cbke
from tests.bench.corpus import corpus
from tests.bench.measures import build, decode, execute, named, seal, verify
from tests.bench.meter import JUDGED, YEAR, Life, held, in_memory, on_disk
from tests.bench.timing import Ratio, Timing

AIM = {"verify": 0.6, "seal": 0.6, "decode": 4_000, "build": 1_500, "cbke": 150, "read": 1 / 1.5}
YEAR_AIM, DISK_AIM, HELD_AIM = 2, 10, 8  # seconds a year in memory and on disk, MiB a meter
# of the speed of the plain decoder, which makes 20,000 a second where 4,000 and 6,000 are asked for
NAMED_FLOOR, NAMED_AIM = 0.2, 0.3


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="timed rounds of each measure")
    parser.add_argument("--size", type=int, default=None, help="messages at most (default: all)")
    given = parser.parse_args(arguments)
    rounds, size = max(1, given.rounds), given.size
    messages = corpus(size)
    count = min(len(messages.octets), 400)
    print(f"{len(messages.octets)} {messages.name}, {rounds} rounds by turns, medians")
    _ratio("verify", len(messages.octets), verify(messages, rounds))
    _ratio("seal", count, seal(count, rounds))
    _rate("decode", "DLMS messages", *decode(messages, rounds, fields=False), AIM["decode"])
    _rate("decode to fields", "DLMS messages", *decode(messages, rounds, fields=True), AIM["decode"])
    _named(len(messages.octets), named(messages, rounds))
    _rate("build by name", "messages", *build(messages, rounds), AIM["build"])
    _rate("execute", "commands by an ESME", *execute(count, rounds))
    _side("cbke", "a side of a suite-2 exchange", cbke(rounds))
    days = min(size or YEAR, YEAR)
    _life("meter in memory", in_memory(days), YEAR_AIM)
    _life("on disk, NORMAL", on_disk(days, "NORMAL"), DISK_AIM)
    _life("on disk, FULL", on_disk(days, "FULL"), DISK_AIM)
    for variant in ("single", "polyphase"):
        _held(variant, held(days, variant), days)
    _radios(rounds, max(1, min(count // 10, 20)))


def _ratio(name: str, count: int, ratio: Ratio) -> None:
    bare, ours = (1e6 * timing.seconds / count for timing in (ratio.bare, ratio.ours))
    print(
        f"{name:17} ratio {ratio.value:.2f} (aim {AIM[name]}), noise {ratio.noise:.1%}: "
        f"bare {bare:.1f} us, ours {ours:.1f} us a message"
    )


def _named(count: int, ratio: Ratio) -> None:
    ours, plain = (count / timing.seconds for timing in (ratio.ours, ratio.bare))
    print(
        f"{'decode to values':17} {ours:,.0f} messages a second, {ratio.value:.2f} of a plain {plain:,.0f}"
        f" (floor {NAMED_FLOOR}, aim {NAMED_AIM}), noise {ratio.noise:.1%}"
    )


def _rate(name: str, what: str, count: int, timing: Timing, aim: float | None = None) -> None:
    aimed = "" if aim is None else f" (aim {aim:,})"
    print(f"{name:17} {count / timing.seconds:,.0f} {what} a second{aimed}, noise {timing.noise:.1%}")


def _side(name: str, what: str, timing: Timing) -> None:
    milliseconds = 1e3 * timing.seconds
    print(f"{name:17} {milliseconds:.0f} ms {what} (aim under {AIM[name]}), noise {timing.noise:.1%}")


def _life(name: str, life: Life, aim: int) -> None:
    growth = f"not judged under {JUDGED} days" if life.growth is None else f"{life.growth:.2f}"
    file = f", {life.octets / 2**20:.1f} MiB of file" if life.octets else ""
    each = f", each day at its fastest of {len(life.years)} times" if life.years else ""
    whole = f", whole years {min(life.years):.1f} to {max(life.years):.1f} s" if life.years else ""
    print(
        f"{name:17} {life.year:.1f} s a year of half hours (aim {aim}){each}{whole}, "
        f"last days / first days of {len(life.days)}: {growth}{file}"
    )


def _held(variant: str, octets: int, days: int) -> None:
    name = f"held, {variant}"
    print(f"{name:17} {octets / 2**20:.1f} MiB for device and store after {days} days (aim {HELD_AIM})")


def _radios(rounds: int, count: int) -> None:
    try:
        from tests.bench.radio import MESSAGE, carry, joins, read
    except ImportError as error:
        print(f"radios            not measured: {error}")
        return
    ratio = read(rounds, count)
    bare, ours = (1e3 * timing.seconds / count for timing in (ratio.bare, ratio.ours))
    print(
        f"{'read on the air':17} ratio {ratio.value:.2f} (aim {AIM['read']:.2f}), noise {ratio.noise:.1%}: "
        f"echo in bare bellows {bare:.1f} ms, ours {ours:.1f} ms"
    )
    aired, timing = carry(rounds, count)
    took = 1e3 * timing.seconds / count
    print(
        f"{'message and back':17} {took:.0f} ms for {MESSAGE:,} octets, {took * 1e3 / aired:.2f} of their "
        f"{aired / 1e3:.0f} ms on the air at 250 kbit/s, noise {timing.noise:.1%}"
    )
    _rate("join", "devices with key establishment", count, joins(max(1, rounds // 5), count))


if __name__ == "__main__":
    main()
