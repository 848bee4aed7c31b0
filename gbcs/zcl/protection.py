"""Encrypted components of GBZ payloads: which ones are, and their additional headers.

Only components: whoever seals gives the octets. Source: GBCS GBZ extended headers (reference:
gbz-payloads 5, gbcs-crypto 8.2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import NamedTuple

from ..errors import BuildError
from .gbz import SECURITY_HEADER_LENGTH, TAG_LENGTH, Component, Sealed
from .templates import template
from .types import octets_of

Seal = Callable[[bytes], bytes]

BILLING_ALERT = 0x008B  # GCS53, the only alert with an encrypted component


class ComponentKind(NamedTuple):
    """What tells components of one response apart: cluster, frame control, command."""

    cluster: int
    frame_control: int
    command: int

    @classmethod
    def of(cls, component: Component) -> ComponentKind:
        """The kind of a component."""
        return cls(component.cluster, component.frame_control, component.command)


@cache
def sealed_kinds(code: int) -> frozenset[ComponentKind]:
    """The components the response of a Message Code has encrypted; Default Responses never are.

    Empty where there are none and for a code that is not known.
    """
    found = template(code)
    slots = found.slots if found is not None else ()
    return frozenset(
        ComponentKind(slot.cluster, slot.answer_frame_control, slot.answer_command)
        for slot in slots
        if slot.sealed
    )


def sealed_component(component: Component, frame_counter: int, seal: Seal) -> Component:
    """The component with its ZCL payload sealed; the ZCL header stays clear.

    `seal` gives the protected value of a plaintext. Raises BuildError for one that is sealed already.
    """
    if isinstance(component.body, Sealed):
        raise BuildError("is encrypted already", "component")
    octets = seal(octets_of(component.body))
    header, tag = octets[:SECURITY_HEADER_LENGTH], octets[-TAG_LENGTH:]
    ciphertext = octets[SECURITY_HEADER_LENGTH:-TAG_LENGTH]
    return component._replace(body=Sealed(frame_counter, header, ciphertext, tag))


def seal_components(
    components: Sequence[Component], kinds: Collection[ComponentKind], seal: Seal
) -> tuple[Component, ...]:
    """The components of a response, those of the given kinds sealed.

    The additional header's frame counter counts the encrypted ones from 0; it enters neither key
    nor IV. Raises BuildError.
    """
    done: list[Component] = []
    counter = 0
    for component in components:
        if ComponentKind.of(component) in kinds:
            component = sealed_component(component, counter, seal)
            counter += 1
        done.append(component)
    return tuple(done)
