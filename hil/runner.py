"""Carrying out a scenario step by step, and judging what comes back.

The verdict of each step goes into the transcript too, in a line from `bench`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gbcs.asn1.credentials import (
    CellIdentifier,
    CredentialsCommand,
    StatusCode,
    command_octets,
    read_response,
)
from gbcs.dlms.apdu import AccessResponse, parse_apdu
from gbcs.dlms.axdr import Data, Tag, read_data
from gbcs.dlms.objects import MemberKind, member
from gbcs.dlms.protection_rows import protected_read
from gbcs.dlms.selective import Range
from gbcs.dlms.templates import templates
from gbcs.dlms.types import TypeMismatch
from gbcs.errors import BuildError, GbcsError
from gbcs.ids import EntityId, KeyUsage, Payload, Role
from gbcs.message import Message, parse_message
from gbcs.party import RemoteParty, Supplementary, compose
from gbcs.usecases import UseCase, by_name
from smets.events import Event, Metrology, PowerLost, PowerRestored, UserAction
from smets.protection import protected_request

from .home import Home, alert_code, octets_answer
from .scenario import Scenario, ScenarioError, Step
from .scenario_values import plain, seconds
from .transcript import BENCH, COMMAND_RULE, EVENT_RULE

ANSWER_SECONDS = 5.0  # a command's answer and alerts have that long
UNKNOWN_CODE = 0x7FFF  # ours: a Message Code no use case has


@dataclass(frozen=True, slots=True)
class Result:
    """How a step went. `found` says what came, `why` what was wrong with it."""

    step: Step
    what: str
    expected: str
    found: str
    passed: bool
    why: str


class Runner:
    """Runs a scenario; iterate over it for the results as they come."""

    def __init__(self, scenario: Scenario, home: Home | None = None) -> None:
        self.scenario = scenario
        self.home = home if home is not None else Home(scenario)
        self._last: Message | None = None
        self._last_answer: bytes | None = None

    def __iter__(self) -> Iterator[Result]:
        self.bring_up()
        for step in self.scenario.steps:
            yield self.run(step)

    def bring_up(self) -> None:
        """Let every device of the scenario come up. Raises LocalError where one cannot."""
        for entry in self.scenario.devices:
            self.home.bring_up(entry)

    def run(self, step: Step) -> Result:
        """Carry out one step. Raises ScenarioError for one that cannot be."""
        self.home.received.clear()
        self.home.undeliverable.clear()
        try:
            result = self._command(step) if step.command else self._event(step)
        except GbcsError as error:
            raise ScenarioError(f"step {step.number} (line {step.line}): {error}") from None
        self.home.transcript.add(
            self.home.now,
            BENCH,
            step.to,
            "ui",
            b"",
            f"step {step.number}",
            f"{result.what}: {result.expected} expected, {result.found} found"
            + (f" ({result.why})" if result.why else ""),
            "passed" if result.passed else "failed",
            COMMAND_RULE if step.command else EVENT_RULE,
        )
        return result

    # -- steps without a command ------------------------------------------------------

    def _event(self, step: Step) -> Result:
        home = self.home
        if step.wait:
            home.advance(step.wait)
            what = f"wait {step.wait:g} s"
        else:
            event: Event
            if step.metrology:
                try:
                    event = Metrology(**step.metrology)
                except TypeError:
                    raise BuildError(f"{', '.join(step.metrology)}: not all are known", "metrology") from None
                what = "metrology " + ", ".join(f"{k} {v}" for k, v in step.metrology.items())
            elif step.action:
                event, what = UserAction(step.action), step.action
            else:
                event = PowerLost() if step.power == "lost" else PowerRestored()
                what = f"power {step.power}"
            home.event(step.to, event)
            home.advance(ANSWER_SECONDS)
        wrong = self._wrong_alerts(step)
        return Result(step, step.title or what, "done", "done", not wrong, wrong)

    # -- commands ---------------------------------------------------------------------

    def _command(self, step: Step) -> Result:
        use_case = by_name(step.command)
        command = self._build(step, use_case)
        self.home.send(command.octets, step.sender)
        self.home.advance(ANSWER_SECONDS)
        answers = [o for _, o in self.home.received if octets_answer(command, o)]
        expected = step.expect if isinstance(step.expect, str) else f"results {list(step.expect)}"
        found, why = self._judge(step, use_case, command, answers)
        passed = not why
        wrong = self._wrong_alerts(step)
        if passed and wrong:
            passed, why = False, wrong
        if passed and answers and not step.tamper:
            self._last, self._last_answer = command, answers[0]
        what = step.title or f"{use_case.name} {use_case.title}"
        return Result(step, what, expected, found, passed, why)

    def _build(self, step: Step, use_case: UseCase) -> Message:
        home = self.home
        if step.tamper == "repeat":
            if self._last is None:
                raise BuildError("there is no command to repeat", "tamper")
            return self._last
        party = home.parties[step.sender]
        device = self._target(step)
        counter = 1 if step.tamper == "old counter" else home.next_counter(party.entity)
        supplementary = self._supplementary(step, use_case)
        if use_case.payload is Payload.ASN1:
            payload = _credentials_command(step)
        else:
            payload = self._dlms(step, use_case, counter, supplementary)
        if step.tamper == "unknown use case":
            use_case = replace(use_case, code=UNKNOWN_CODE)
        message = party.precommand(use_case, device, counter, payload, supplementary)
        if use_case.command_signed:
            message = party.sign(message)
            if step.tamper == "wrong signature" and message.signature is not None:
                message = replace(message, signature=_flipped(message.signature)).encoded()
        if use_case.command_maced:
            message = home.broker.mac(message)
            if step.tamper == "wrong MAC" and message.mac is not None:
                message = replace(message, mac=_flipped(message.mac)).encoded()
        return message

    def _target(self, step: Step) -> EntityId:
        for entry in self.scenario.devices:
            if entry.name == step.to:
                return entry.entity
        if step.to == self.scenario.hub.name:
            return self.scenario.hub.chf
        return EntityId.parse(step.to)

    def _supplementary(self, step: Step, use_case: UseCase) -> Supplementary | None:
        if not step.on_behalf_of:
            return None
        entity = self.home.parties[step.on_behalf_of].entity
        held = self.home.keys.find(entity, KeyUsage.KEY_AGREEMENT)
        certificate = held.der if held is not None and use_case.response_encrypted else None
        return Supplementary(entity, self.home.next_counter(entity), certificate)

    def _dlms(
        self, step: Step, use_case: UseCase, counter: int, supplementary: Supplementary | None
    ) -> bytes:
        code = use_case.code or 0
        within = Range(*(seconds(bound) for bound in step.within)) if step.within else None
        values: list[Any] = [plain(value) for value in step.values]
        found = templates(code)
        protected = protected_read(found[0].components[0].ln) if found else None
        if protected is not None:
            if protected.dated and within is None:
                within = Range(0, self.home.now.seconds)
            entity = self.home.parties[step.sender].entity
            values = [protected_request(protected, counter, entity, self._target(step), within)]
        return compose(code, counter, values, step.variant, within)

    # -- judging ----------------------------------------------------------------------

    def _judge(
        self, step: Step, use_case: UseCase, command: Message, answers: list[bytes]
    ) -> tuple[str, str]:
        """What came, and what is wrong with it ('' if nothing)."""
        if self.home.undeliverable:
            reason = self.home.undeliverable[0]
            return "undeliverable", "" if step.expect == "undeliverable" else reason
        if not answers:
            return "no answer", "" if step.expect == "refused" else "no answer came"
        if step.expect in ("refused", "undeliverable"):
            return "an answer", f"{step.expect} was expected"
        if step.expect == "repeat":
            same = answers[0] == self._last_answer
            return "the stored answer" if same else "another answer", "" if same else "not the stored answer"
        try:
            answer = self.home.parties[step.sender].check_answer(command, answers[0], use_case)
            results = _results(answer, use_case)
        except GbcsError as error:
            return "an answer", str(error)
        found = "success" if not any(results) else f"results {results}"
        wanted = [0] * len(results) if step.expect == "success" else list(step.expect)
        if results != wanted:
            return found, f"results {wanted} expected"
        return found, self._wrong_values(step, use_case, answer)

    def _wrong_values(self, step: Step, use_case: UseCase, answer: Message) -> str:
        if not step.equals:
            return ""
        given = self._values(step, use_case, answer)
        for name, wanted in step.equals.items():
            if name not in given:
                return f"{name} is not in the answer"
            if given[name] != plain(wanted):
                return f"{name} is {given[name]!r}, not {wanted!r}"
        return ""

    def _values(self, step: Step, use_case: UseCase, answer: Message) -> dict[str, Any]:
        """The values of an answer by item name, protected ones opened."""
        apdu = parse_apdu(answer.payload)
        found = [t for t in templates(use_case.code or 0) if not step.variant or t.variant == step.variant]
        if not isinstance(apdu, AccessResponse) or not found:
            return {}
        given: dict[str, Any] = {}
        for component, item in zip(found[0].components, apdu.items, strict=False):
            protected = protected_read(component.ln)
            if protected is not None and item.data.tag == Tag.STRUCTURE:
                party = self.home.parties[step.on_behalf_of or step.sender]
                for row, node in zip(
                    protected.contents, _opened(party, answer, item.data).value, strict=False
                ):
                    given[row.item] = row.any_wire().decode(node)
                continue
            kind = MemberKind.METHOD if component.choice == 3 else MemberKind.ATTRIBUTE
            row_found = member(component.class_id, component.ln, kind, component.member)
            if row_found is not None and item.data.tag != Tag.NULL:
                try:
                    given[row_found.item] = row_found.any_wire().decode(item.data)
                except TypeMismatch as mismatch:
                    raise BuildError(str(mismatch), row_found.item) from None
        return given

    def _wrong_alerts(self, step: Step) -> str:
        """Compare the alerts that came with those expected; each is verified as well."""
        codes = []
        for _, octets in self.home.received:
            message = parse_message(octets)
            code = alert_code(message)
            if code is None:
                continue
            codes.append(f"{code:04X}")
            party = next((p for p in self.home.parties.values() if p.entity == message.recipient), None)
            if party is None:
                return f"alert {code:04X} is for {message.recipient}, whom nobody knows"
            try:
                party.check_protection(message, message.signature is not None)
            except GbcsError as error:
                return f"alert {code:04X}: {error}"
        if step.alerts is not None and sorted(codes) != sorted(step.alerts):
            return f"alerts {list(step.alerts)} expected, {codes} came"
        return ""


def _opened(party: RemoteParty, answer: Message, data: Data) -> Data:
    plaintext = party.unseal(answer, data.value[1].value)
    node, end = read_data(plaintext)
    if end != len(plaintext):
        raise BuildError("octets left over after the plaintext", "payload")
    return node


def _results(answer: Message, use_case: UseCase) -> list[int]:
    if use_case.payload is Payload.ASN1:
        return [int(d.status != StatusCode.SUCCESS) and d.status for d in read_response(answer.payload)]
    apdu = parse_apdu(answer.payload)
    if not isinstance(apdu, AccessResponse):
        raise BuildError("no access-response", "payload")
    return [item.result for item in apdu.items]


def _credentials_command(step: Step) -> bytes:
    names = {role.spec_name: role for role in Role}
    unknown = [name for name in step.roles if name not in names]
    if unknown or not step.roles:
        raise BuildError(f"no role is called {unknown[0]!r}" if unknown else "roles are needed", "roles")
    cell = CellIdentifier(Role.ACCESS_CONTROL_BROKER, KeyUsage.KEY_AGREEMENT)
    return command_octets(CredentialsCommand(cell, tuple(int(names[name]) for name in step.roles)))


def _flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes((octets[-1] ^ 1,))
