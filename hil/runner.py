"""Carrying out a scenario step by step, and judging what comes back.

The verdict of each step goes into the transcript too, in a line from `bench`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gbcs.asn1.own_credentials import read_issue_response
from gbcs.decoding import decode
from gbcs.dlms.apdu import AccessRequest, AccessResponse, Choice, parse_apdu
from gbcs.dlms.axdr import Data, Tag, read_data
from gbcs.dlms.objects import MemberKind, member
from gbcs.dlms.protection_rows import protected_read
from gbcs.dlms.selective import Range
from gbcs.errors import BuildError, GbcsError, LocalError, SecurityError
from gbcs.ids import EntityId, KeyUsage
from gbcs.message import Message, parse_message
from gbcs.party import RemoteParty, Supplementary
from gbcs.protect import Keys
from gbcs.security.requests import read_request
from gbcs.usecases import UseCase, by_name
from gbcs.values import json_form
from smets.esme.interface import ButtonPressed, Shown
from smets.esme.screens import Screen

from .commands import payload, results
from .home import Home, alert_code, describe
from .home_keys import REPLACED_LATER, Brought, brought_by, comes_later
from .person import NotToBeHad, Person
from .reading import difference
from .scenario_file import ScenarioError
from .scenario_model import Hands, Scenario, Step, Token
from .scenario_references import AUTHORITY, CERTIFICATE, NEW, TOKEN, USES, Reference, filled, references
from .transcript import BENCH, BROKEN_OFF_RULE, COMMAND_RULE, EVENT_RULE

ANSWER_SECONDS = 5.0  # a command's answer and alerts have that long
SENDS = 4  # ours: times a command goes out where the link lost something; executed once all the same
DISPLAY_RULE = "smets-esme 8"
CS02C = 0x000A
UNKNOWN_CODE = 0x7FFF  # ours: a Message Code no use case has


@dataclass(frozen=True, slots=True)
class Result:
    """How a step went. `found` says what came, `why` what was wrong with it."""

    step: Step
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
        self._awaited: dict[EntityId, tuple[Brought, ...]] = {}

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
        self.home.lost = 0
        try:
            result = self._carry_out(step)
            self._learn_later()
        except GbcsError as error:
            raise ScenarioError(f"step {step.number} ({step.place}): {error}") from None
        self.home.transcript.add(
            self.home.now,
            BENCH,
            step.to or BENCH,
            "ui",
            b"",
            f"step {step.number}",
            f"{step.what}\n{result.expected} expected, {result.found} found"
            + (f": {result.why}" if result.why else ""),
            "passed" if result.passed else "failed",
            COMMAND_RULE if step.command else EVENT_RULE,
        )
        return result

    def broken_off(self, why: str) -> None:
        """Note in the transcript that the run ends before its end."""
        self.home.transcript.add(
            self.home.now, BENCH, BENCH, "ui", b"", "broken off", f"the run\n{why}", "failed", BROKEN_OFF_RULE
        )

    def _carry_out(self, step: Step) -> Result:
        if step.command:
            return self._command(step)
        if step.token is not None:
            return self._make_token(step, step.token)
        return self._event(step) if step.hands is None else self._by_hand(step)

    # -- steps without a command ------------------------------------------------------

    def _event(self, step: Step) -> Result:
        if step.event is not None:
            self.home.event(step.to, step.event)
        if step.wan is not None:
            self.home.wan = step.wan
        seconds = step.wait or ANSWER_SECONDS
        if step.until is not None:
            seconds = (step.until.us - self.home.now.us) / 1_000_000
            if seconds < 0:
                return Result(step, "done", "nothing", False, f"{step.until} is past, it is {self.home.now}")
        self.home.advance(seconds)
        wrong = self._wrong_alerts(step)
        return Result(step, "done", "done", not wrong, wrong)

    def _make_token(self, step: Step, wanted: Token) -> Result:
        sender = self.home.parties[step.sender].entity
        made = self.home.make_token(wanted, sender, self._target(step))
        return Result(step, "done", made.digits, True, "")

    def _by_hand(self, step: Step) -> Result:
        home, name, hands = self.home, step.to, filled(step, self._made).hands
        person = Person(lambda press: home.event(name, ButtonPressed(press)), lambda: home.shown(name))
        expected = str(step.expect) if step.display is None else _lines(step.display)
        try:
            shown = person.do(hands or Hands())
        except NotToBeHad as error:
            return Result(step, expected, _lines(home.shown(name).lines), False, str(error))
        found = _lines(shown.lines)
        home.transcript.add(home.now, name, name, "ui", text=found, rule=DISPLAY_RULE)
        home.advance(ANSWER_SECONDS)
        why = _wrong_display(step, shown) or self._wrong_alerts(step)
        return Result(step, expected, found, not why, why)

    # -- commands ---------------------------------------------------------------------

    def _command(self, step: Step) -> Result:
        use_case = by_name(step.command)
        expected = step.expect if isinstance(step.expect, str) else f"results {list(step.expect)}"
        if step.tamper == "repeat" and self._last is None:
            return Result(step, expected, "nothing", False, "no command was answered yet")
        command = self._build(step, use_case)
        answers: list[bytes] = []
        sends = 0
        while sends < SENDS:
            sends += 1
            self.home.lost = 0
            self.home.send(command.octets, step.sender)
            self.home.advance(self._patience(step), partial(self._has_come, step, command))
            answers = self.home.answers_to(command)
            if answers or not self.home.lost or self.home.undeliverable:
                break
        found, why = self._judge(step, use_case, command, answers)
        passed = not why
        wrong = self._wrong_alerts(step, sends)
        if passed and wrong:
            passed, why = False, wrong
        if passed and answers and not step.tamper:
            self._last, self._last_answer = command, answers[0]
        return Result(step, expected, found, passed, why)

    def _build(self, step: Step, use_case: UseCase) -> Message:
        home = self.home
        if step.tamper == "repeat" and self._last is not None:
            return self._last
        party = home.parties[step.sender]
        device = self._target(step)
        counter = self._token_counter(step) or home.next_counter(party.entity)
        if step.tamper == "old counter":
            counter = 1
        supplementary = self._supplementary(step, use_case)
        content = payload(
            filled(step, self._made), use_case, counter, party.entity, device, Range(0, home.now.seconds)
        )
        if step.tamper == "unknown use case":
            use_case = replace(use_case, code=UNKNOWN_CODE)
        message = party.precommand(use_case, device, counter, content, supplementary)
        if use_case.command_signed:
            message = party.sign(message)
            if step.tamper == "wrong signature" and message.signature is not None:
                message = replace(message, signature=_flipped(message.signature)).encoded()
        if use_case.command_maced:
            message = home.broker.mac(message)
            if step.tamper == "wrong MAC" and message.mac is not None:
                message = replace(message, mac=_flipped(message.mac)).encoded()
        return message

    def _token_counter(self, step: Step) -> int:
        """The counter of the token in a command, which is the command's, too; 0 without one."""
        found = (*references(step.values), *references(step.named))
        names = [one.name for one in found if one.kind == TOKEN]
        return self.home.made_token(names[0]).counter if names else 0

    def _made(self, found: Reference) -> str:
        """What a text in a step stands for. Raises LocalError."""
        keys = self.home.keys
        if found.kind == TOKEN:
            return self.home.made_token(found.name).digits
        if found == Reference(CERTIFICATE, AUTHORITY):
            return keys.authority().hex()
        use = USES[found.use]
        if found.kind in (CERTIFICATE, NEW):
            make = keys.new_certificate if found.kind == NEW else keys.certificate
            return make(found.owner, use).hex()
        entity = next(entry.entity for entry in self.scenario.devices if entry.name == found.owner)
        return keys.requested_certificate(entity, use[0], self.home.now).hex()

    def _patience(self, step: Step) -> float:
        """Seconds that an answer and alerts have to come."""
        entry = next((entry for entry in self.scenario.devices if entry.name == step.to), None)
        return ANSWER_SECONDS if entry is None or entry.real is None else entry.real.answer_seconds

    def _has_come(self, step: Step, command: Message) -> bool:
        """Whether all that is expected is there, so that waiting may end."""
        if self.home.undeliverable:
            return True
        if step.expect == "refused":  # nothing but alerts shows that it was dealt with
            return bool(step.alerts) and len(self._alerts()) >= len(step.alerts or ())
        all_alerts = step.alerts is None or len(self._alerts()) >= len(step.alerts)
        return all_alerts and bool(self.home.answers_to(command))

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

    # -- judging ----------------------------------------------------------------------

    def _judge(
        self, step: Step, use_case: UseCase, command: Message, answers: list[bytes]
    ) -> tuple[str, str]:
        """What came, and what is wrong with it ('' if nothing)."""
        if self.home.undeliverable:
            reason = self.home.undeliverable[0]
            if step.expect != "undeliverable":
                reason = "; ".join(filter(None, (reason, self.home.trouble(step.to))))
            return "undeliverable", "" if step.expect == "undeliverable" else reason
        if not answers and step.expect == "refused":
            return "no answer", "perhaps the link lost it" if self.home.lost else ""
        if not answers:
            told = ", ".join(describe(message.octets) for message, _ in self._alerts())
            return "no answer", f"no answer came, but {told}" if told else "no answer came"
        if step.expect in ("refused", "undeliverable"):
            return "an answer", f"{step.expect} was expected"
        if step.expect == "repeat":
            same = answers[0] == self._last_answer
            return "the stored answer" if same else "another answer", "" if same else "not the stored answer"
        try:
            answer = self._checked(self.home.parties[step.sender], command, answers[0], use_case)
            codes = results(answer, use_case)
            self._learn(command, answer, codes)
            found = "success" if not any(codes) else f"results {codes}"
            wanted = [0] * len(codes) if step.expect == "success" else list(step.expect)
            if codes != wanted:
                return found, f"results {wanted} expected"
            return found, self._wrong_values(step, command, answer) or self._wrong_reading(step, answer)
        except GbcsError as error:
            return "an answer", str(error)

    def _checked(self, party: RemoteParty, command: Message, octets: bytes, use_case: UseCase) -> Message:
        """A checked answer, perhaps protected by what the command brought. Raises GbcsError."""
        brought = brought_by(command)
        try:
            return party.check_answer(command, octets, use_case)
        except SecurityError:
            if not brought:
                raise
            with self.home.keys.trying(brought):
                return party.check_answer(command, octets, use_case)

    def _learn(self, command: Message, answer: Message, codes: list[int]) -> None:
        """Know the certificates a command brought, now or once they count; keep what a device asks for."""
        if any(codes):
            return
        brought = brought_by(command)
        if command.code == CS02C:
            request = read_issue_response(answer.payload)
            if isinstance(request, bytes):
                self.home.keys.requested(read_request(request))
        elif brought and comes_later(answer):
            self._awaited[answer.originator] = brought
        else:
            self.home.keys.learn(brought)

    def _learn_later(self) -> None:
        """Certificates that were to count from a moment on do so: the device says what came of it."""
        for message, _ in self._alerts():
            if message.code not in REPLACED_LATER or message.originator not in self._awaited:
                continue
            try:
                self._recipient(message).check_protection(message, message.signature is not None)
            except GbcsError:
                continue
            brought = self._awaited.pop(message.originator)
            if not any(results(message, by_name(f"{message.code:04X}"))):
                self.home.keys.learn(brought)

    def _wrong_values(self, step: Step, command: Message, answer: Message) -> str:
        if not step.equals:
            return ""
        given = self._values(step, command, answer)
        for name, wanted in step.equals.items():
            if name not in given:
                return f"{name} is not in the answer"
            if given[name] != wanted:
                return f"{name} is {given[name]!r}, not {wanted!r}"
        return ""

    def _wrong_reading(self, step: Step, answer: Message) -> str:
        """Compare what an answer says in readable form with what is expected."""
        return difference(step.reads, self._readable(answer)) if step.reads else ""

    def _readable(self, message: Message) -> Any:
        decoded = decode(message, Keys(self.home.keys))
        if decoded.irregular is not None:
            raise BuildError(decoded.irregular, "payload")
        return json_form(decoded.values)

    def _values(self, step: Step, command: Message, answer: Message) -> dict[str, Any]:
        """The values of an answer by item name, protected ones opened. Raises GbcsError."""
        request, response = parse_apdu(command.payload), parse_apdu(answer.payload)
        if not isinstance(request, AccessRequest) or not isinstance(response, AccessResponse):
            return {}
        given: dict[str, Any] = {}
        for asked, item in zip(request.items, response.items, strict=False):
            if item.data.tag == Tag.NULL:
                continue
            protected = protected_read(asked.logical_name)
            if protected is not None:
                party = self.home.parties[step.on_behalf_of or step.sender]
                contents = _opened(party, answer, item.data)
                for row, node in zip(protected.contents, contents, strict=False):
                    given[row.item] = row.any_wire().decode(node)
                continue
            action = asked.choice == Choice.ACTION
            kind = MemberKind.METHOD if action else MemberKind.ATTRIBUTE
            found = member(asked.class_id, asked.logical_name, kind, asked.member)
            if found is not None:
                given[found.item] = (found.result_wire() if action else found.any_wire()).decode(item.data)
        return given

    def _alerts(self) -> list[tuple[Message, int]]:
        """The alerts that came, with their codes."""
        came = dict.fromkeys(octets for _, octets in self.home.received)  # one may come twice
        alerts = ((message, alert_code(message)) for message in map(parse_message, came))
        return [(message, code) for message, code in alerts if code is not None]

    def _recipient(self, message: Message) -> RemoteParty:
        """The party a message is for. Raises LocalError."""
        for party in self.home.parties.values():
            if party.entity == message.recipient:
                return party
        raise LocalError(f"it is for {message.recipient}, whom nobody knows")

    def _wrong_alerts(self, step: Step, sends: int = 1) -> str:
        """Compare the alerts that came with those expected; each is verified as well.

        A command that went out `sends` times may alert as often: what is not executed is not kept.
        """
        codes = []
        for message, code in self._alerts():
            codes.append(f"{code:04X}")
            try:
                self._recipient(message).check_protection(message, message.signature is not None)
            except GbcsError as error:
                return f"alert {code:04X}: {error}"
        wanted, came = Counter(step.alerts or ()), Counter(codes)
        if step.alerts is not None and not all(
            wanted[c] <= came[c] <= sends * wanted[c] for c in wanted | came
        ):
            return f"alerts {list(step.alerts)} expected, {codes} came"
        return self._wrong_told(step)

    def _wrong_told(self, step: Step) -> str:
        """Compare what alerts say with what is expected: one of a code has to say it."""
        came = self._alerts()
        for wanted, values in step.told.items():
            found = [difference(values, self._readable(m)) for m, code in came if f"{code:04X}" == wanted]
            if not found:
                return f"alert {wanted} did not come"
            if all(found):
                return f"alert {wanted}: {found[-1]}"
        return ""


def _lines(lines: str | tuple[str, ...]) -> str:
    return lines if isinstance(lines, str) else " | ".join(lines)


def _wrong_display(step: Step, shown: Shown) -> str:
    """What is wrong with what a display shows after a step ('' if nothing)."""
    if step.display is not None:
        seen = shown.lines[-1] if isinstance(step.display, str) and shown.lines else shown.lines
        return "" if seen == step.display else f"{_lines(shown.lines)!r} is shown"
    if step.hands is None or not step.hands.choose:
        return ""
    if shown.screen is not Screen.RESULT:
        return f"{_lines(shown.lines)!r} is still asked for"
    refused = shown.lines[-1].startswith("refused")
    return "" if refused == (step.expect == "refused") else shown.lines[-1]


def _opened(party: RemoteParty, answer: Message, data: Data) -> tuple[Data, ...]:
    """The protected contents of an item: protection parameters, then the sealed structure."""
    match data:
        case Data(tag=Tag.STRUCTURE, value=(_, Data(tag=Tag.OCTET_STRING, value=bytes(sealed)))):
            plaintext = party.unseal(answer, sealed)
        case _:
            raise BuildError("no protected content", "payload")
    node, end = read_data(plaintext)
    if end != len(plaintext) or node.tag != Tag.STRUCTURE:
        raise BuildError("octets left over after the plaintext, or no structure", "payload")
    return tuple(node.value)


def _flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes((octets[-1] ^ 1,))
