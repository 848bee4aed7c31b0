"""Legal and illegal values of data items, drawn from their wire types and limits."""

from __future__ import annotations

from random import Random

from gbcs.dlms.wire import (
    Array,
    Bits,
    Boolean,
    Compact,
    Null,
    Number,
    Octets,
    OneOf,
    Structure,
    Text,
    WireType,
)
from smets.esme.limits import Among, At, CalendarDate, Characters, Each, Length, Limit, TimeOfDay, Within
from smets.values import Value

SHORT = 4  # elements beyond the least, where any number is legal


def sample(wire: WireType, limits: tuple[Limit, ...], random: Random) -> Value:
    """A value of the type that all limits allow."""
    for _ in range(20):
        value = draw(wire, random)
        for limit in limits:
            value = fit(value, limit, wire, random)
        if wire.fits(value) and not any(limit.refusal(value) for limit in limits):
            return value
    raise AssertionError(f"no legal value of {wire.text} under {limits} was found")


def draw(wire: WireType, random: Random) -> Value:
    """Any value of the type, not long."""
    match wire:
        case Null():
            return None
        case Boolean():
            return random.random() < 0.5
        case Number(lo=lo, hi=hi):
            return random.choice((lo, hi, random.randint(lo, hi), random.randint(max(lo, 0), min(hi, 100))))
        case Octets(lo=lo, hi=hi):
            return random.randbytes(_size(lo, hi, random, 16))
        case Text(lo=lo, hi=hi):
            return "".join(random.choices("abc XYZ 0123456789", k=_size(lo, hi, random, 16)))
        case Bits(lo=lo, hi=hi):
            return "".join(random.choices("01", k=_size(lo, hi, random, 16)))
        case Structure(items=items):
            return tuple(draw(item, random) for item in items)
        case Array(item=item, lo=lo, hi=hi) | Compact(item=item, lo=lo, hi=hi):
            return tuple(draw(item, random) for _ in range(_size(lo, hi, random, SHORT)))
        case OneOf(choices=choices):
            return draw(random.choice(choices), random)
    raise AssertionError(wire)


def fit(value: Value, limit: Limit, wire: WireType, random: Random) -> Value:
    """A value bent so that one limit allows it."""
    if not limit.refusal(value):
        return value
    match limit:
        case Among(values=values):
            return random.choice(values)
        case Within(ranges=ranges):
            return random.randint(*random.choice(ranges))
        case TimeOfDay(start=start):
            assert isinstance(value, bytes)
            time = bytes(map(random.randrange, (24, 60, 60, 100)))
            return value[:start] + time + value[start + 4 :]
        case CalendarDate(most=most):
            assert isinstance(value, bytes)
            month, day, weekday = (
                random.choice((0xFF, random.randint(1, greatest))) for greatest in (12, most, 7)
            )
            return value[:2] + bytes((month, day, weekday)) + value[5:]
        case Characters(allowed=allowed):
            if isinstance(value, bytes):
                return "".join(random.choices(allowed, k=len(value))).encode("latin-1")
            return "".join(random.choices(allowed, k=len(str(value))))
        case Length(lo=lo, hi=hi):
            if isinstance(value, bytes):
                return (value + bytes(lo))[: random.randint(lo, hi)]
            element = draw(wire.item, random) if isinstance(wire, Array) else None
            assert isinstance(value, tuple)
            return (*value, *(element,) * lo)[: max(lo, min(hi, len(value)))]
        case Each(limit=inner):
            assert isinstance(value, tuple)
            return tuple(fit(element, inner, _element(wire, 0), random) for element in value)
        case At(place=place, limit=inner):
            if isinstance(value, bytes):
                number = fit(value[place], inner, wire, random)
                assert isinstance(number, int)
                return value[:place] + bytes((number,)) + value[place + 1 :]
            assert isinstance(value, tuple)
            bent = fit(value[place], inner, _element(wire, place), random)
            return (*value[:place], bent, *value[place + 1 :])
    raise AssertionError(limit)


def illegal(limits: tuple[Limit, ...], wire: WireType, random: Random) -> list[Value]:
    """For each limit a value of the type that this limit refuses, where the type has one."""
    found = []
    for limit in limits:
        for _ in range(20):
            value = breaking(sample(wire, limits, random), limit, wire, random)
            if wire.fits(value) and limit.refusal(value):
                found.append(value)
                break
    return found


def breaking(value: Value, limit: Limit, wire: WireType, random: Random) -> Value:
    """A value bent so that a limit is likely to refuse it."""
    match limit:
        case Among():
            return draw(wire, random)
        case Within(ranges=ranges):
            return random.choice((min(lo for lo, _ in ranges) - 1, max(hi for _, hi in ranges) + 1))
        case TimeOfDay(start=place, wildcards=wildcards):
            assert isinstance(value, bytes)
            hour = random.choice((24, 99)) if wildcards else 0xFF
            return value[:place] + bytes((hour,)) + value[place + 1 :]
        case CalendarDate(most=most):
            assert isinstance(value, bytes)
            return value[:3] + bytes((random.choice((0, most + 1)),)) + value[4:]
        case Characters(allowed=allowed):
            assert isinstance(value, bytes | str)
            wrong = "\x1f" if "\x1f" not in allowed else "\xff"
            if isinstance(value, str):
                return value[:-1] + wrong
            return value[:-1] + wrong.encode("latin-1")
        case Length(lo=lo, hi=hi):
            assert isinstance(value, tuple | bytes)
            if random.random() < 0.5 and lo:
                return value[: lo - 1]
            element: Value = draw(wire.item, random) if isinstance(wire, Array) else 0
            extra = bytes(hi + 1) if isinstance(value, bytes) else (element,) * (hi + 1)
            return (value + extra)[: hi + 1]  # type: ignore[operator]
        case Each(limit=inner):
            assert isinstance(value, tuple)
            elements = value or (draw(_element(wire, 0), random),)
            return (breaking(elements[0], inner, _element(wire, 0), random), *elements[1:])
        case At(place=place, limit=inner):
            assert isinstance(value, tuple | bytes)
            number = breaking(value[place], inner, _element(wire, place), random)
            if isinstance(value, bytes):
                assert isinstance(number, int)
                return value[:place] + bytes((number % 256,)) + value[place + 1 :]
            return (*value[:place], number, *value[place + 1 :])
    raise AssertionError(limit)


def _element(wire: WireType, place: int) -> WireType:
    if isinstance(wire, Structure):
        return wire.items[place]
    return wire.item if isinstance(wire, Array | Compact) else wire


def _size(lo: int, hi: int, random: Random, more: int) -> int:
    return random.randint(lo, min(hi, lo + more))
