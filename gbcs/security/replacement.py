"""Update Security Credentials (CS02b, CS02g): certificates in trust anchor cells replaced, cell by cell.

Source: GBCS 13.3 (reference: gbcs-crypto 13.3 and 15, gbcs-messages 4.3, 8.3 and 10). Values in,
values out: a device checks signature, MAC and counter, calls `replace`, writes what changed and
keeps `Outcome.pending`; at its time it calls `carry_out`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from ..asn1.credentials import CellIdentifier, StatusCode
from ..asn1.replacement import (
    CANCEL,
    NOBODY,
    CellOutcome,
    CounterChange,
    ExecutionOutcome,
    Replacement,
    ReplacementAlert,
    ReplacementCommand,
    Subject,
)
from ..errors import Check, ParseError, SecurityError
from ..ids import EntityId, Role
from ..time import Utc
from .anchors import ROOT_CELL, Anchors
from .certificates import check_certificate, check_path, read_certificate
from .contingency import Unwrap, contingency_key, unwrap_aes
from .replacement_rows import ModeRow, RootRule, mode_of
from .store import Credential

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

SUCCEEDED = 0x8F66
FAILED = 0x8F67
_OPTIONAL_TAGS = frozenset({4, 5, 6})


class Moment(Enum):
    """When certificates of a future-dated command have to be valid."""

    RECEIPT = "receipt"
    EXECUTION = "execution"


class NewRoot(Enum):
    """Under which root the other certificates of a command stand that replaces the root."""

    EITHER = "old or new"
    OLD = "old"
    NEW = "new"


class Decision(Enum):
    """What a command asks for: now, later, or to take back what waits."""

    IMMEDIATE = "immediate"
    FUTURE = "future dated"
    CANCEL = "cancellation"


@dataclass(frozen=True, slots=True)
class Statuses:
    """The status of each kind of failure.

    Gap: only noTrustAnchor for a broken path occurs (gbcs-crypto 15 and 24); the others follow
    the meaning the codes have in RFC 5934.
    """

    target_not_allowed: int = StatusCode.OTHER
    """The mode may not replace this cell."""

    target_missing: int = StatusCode.TRUST_ANCHOR_NOT_FOUND
    """The device has no such cell."""

    unreadable: int = StatusCode.BAD_CERTIFICATE
    """No certificate of the profile, or one of a device."""

    wrong_usage: int = StatusCode.BAD_CERTIFICATE
    """The key usage is not the cell's."""

    no_path: int = StatusCode.NO_TRUST_ANCHOR
    """No valid path to the root. [M]"""

    not_valid_now: int = StatusCode.NO_TRUST_ANCHOR
    """Outside its validity, or an authority's: counted as part of the path's check."""


@dataclass(frozen=True, slots=True)
class ReplacementSettings:
    """Where the specification is silent or unsure."""

    statuses: Statuses = field(default_factory=Statuses)
    """Status codes of failures. Gap: see `Statuses`."""

    time_checks: bool = True
    """Check validities unless the command disapplies it. Gap: False is for a clock not set
    (gbcs-crypto 13.3 has the flag alone)."""

    valid_at: Moment = Moment.RECEIPT
    """When a future-dated command's certificates have to be valid. Gap: gbcs-crypto 13.3; in
    samples certificates that expire before the execution are put in place."""

    supplied_root: bool = True
    """A certificate of the path with the root's key identifier has to be the root or issued by
    it. Gap: gbcs-crypto 13.3; a copy with a broken signature gives noTrustAnchor in samples,
    also where that authority is what the device trusts."""

    new_root: NewRoot = NewRoot.EITHER
    """Which root the other certificates need when a command replaces the root as well. Gap:
    gbcs-crypto 15 has no order; here the root is judged first."""

    root_by_party: bool = True
    """Execute modes 0 and 1 as if recovery had ordered it: a root issued under the old
    one. False: no such command. Gap: no sample (gbcs-messages 16)."""

    root_unit: bool = True
    """A new root has to be one by its OU (00). Gap: the root's profile is in no document
    (gbcs-crypto 13.1); without it an issuing authority could become the root."""

    root_direct: bool = True
    """A new root not brought by contingency has to be issued by the old one itself, not by an
    authority below it. Gap: gbcs-crypto 15 says "normally chained"; for the last certificate of
    a path the authorities' path length does not count (RFC 5280 4.2.1.9)."""

    unexpected_tags: bool = False
    """Accept [4], [5] and [6] in modes that have none in the samples. Gap: gbcs-crypto 15."""

    empty_cells: bool = True
    """Fill a cell the device has and that holds nothing; it reports zeros as existing. False:
    target_missing. Gap: not in the reference."""

    floors_without_success: bool = True
    """Counters are set for roles of which no cell was replaced. Gap: gbcs-crypto 15; samples
    list the change with every cell failed. False keeps and does not list them."""

    partial_is_failure: bool = True
    """The alert is 8F67 as soon as one cell failed. Gap: the 8F67 sample has all cells failed
    (gbcs-messages 8.3). False: only then."""

    past_is_immediate: bool = True
    """An execution time already past is answered with the outcome, as without one. False: it is
    stored and carried out at once, with an alert. Gap: gbcs-messages 10."""


DEFAULT_REPLACEMENT = ReplacementSettings()


class Header(NamedTuple):
    """What the message says beside its payload; `signed` and `maced` were verified by the caller."""

    code: int
    originator: EntityId
    counter: int
    signed: bool
    maced: bool


class Pending(NamedTuple):
    """A command to be carried out later; one a Message Code, a later one takes its place.

    Gap: gbcs-messages 10 speaks of the use case; a slot a Message Code keeps one party from
    taking back what another ordered.
    """

    code: int
    originator: EntityId
    received: Utc
    due: Utc
    command: ReplacementCommand


class Outcome(NamedTuple):
    """A command received: the anchors after it, the response's content, what waits under its code.

    `execution` is None where the response has `commandAccepted` alone; `pending` None empties
    the slot of the Message Code.
    """

    decision: Decision
    anchors: Anchors
    execution: ExecutionOutcome | None
    pending: Pending | None


class Executed(NamedTuple):
    """A stored command carried out: anchors after it, and the alert with its code and recipient."""

    anchors: Anchors
    alert: ReplacementAlert
    message_code: int
    recipient: EntityId


def verification_key(
    anchors: Anchors, code: int, command: ReplacementCommand, unwrap: Unwrap = unwrap_aes
) -> ec.EllipticCurvePublicKey | None:
    """The key that verifies the command's signature; None for a command that has none.

    The authorising cell's, or the contingency key of the root held. Raises SecurityError.
    """
    row = _row(anchors, code, DEFAULT_REPLACEMENT)
    if not row.signed:
        return None
    held = anchors.get(row.authorising)
    if held is None:
        raise SecurityError(Check.SIGNATURE, "the authorising cell is empty")
    if row.authorising != ROOT_CELL:
        return held.public_key
    return contingency_key(held, command.symmetric_key or b"", unwrap)


def decide(
    command: ReplacementCommand, now: Utc, settings: ReplacementSettings = DEFAULT_REPLACEMENT
) -> Decision:
    """Whether a command is for now, for later, or takes back."""
    if command.at == CANCEL:
        return Decision.CANCEL
    if command.at is None or (settings.past_is_immediate and command.at <= now):
        return Decision.IMMEDIATE
    return Decision.FUTURE


def check_command(
    anchors: Anchors,
    command: ReplacementCommand,
    header: Header,
    settings: ReplacementSettings = DEFAULT_REPLACEMENT,
) -> ModeRow:
    """Whether the command as a whole may be executed; the row of its mode.

    Raises SecurityError: MESSAGE_CODE (not on this device), TEMPLATE (mode, tags), SIGNATURE or
    MAC (form), AUTHORITY (cell, originator, counters of roles it may not set) or COUNTER.
    """
    row = _row(anchors, header.code, settings)
    if command.mode != row.mode:
        raise SecurityError(Check.TEMPLATE, f"mode {command.mode} under {header.code:04X}")
    allowed = row.allowed | (_OPTIONAL_TAGS if settings.unexpected_tags else frozenset())
    if not row.required <= command.tags <= allowed:
        raise SecurityError(Check.TEMPLATE, f"not the tags of {row.name}")
    if not command.replacements:
        raise SecurityError(Check.TEMPLATE, "nothing is replaced")
    if header.maced != row.maced:
        raise SecurityError(Check.MAC, f"{row.name} {'needs a' if row.maced else 'has no'} MAC")
    if header.signed != row.signed:
        raise SecurityError(Check.SIGNATURE, f"{row.name} {'needs a' if row.signed else 'has no'} signature")
    if command.authorising not in (None, row.authorising):
        raise SecurityError(Check.AUTHORITY, f"{row.name} is authorised by another cell")
    # Who holds the contingency key stands in no cell.
    if row.authorising != ROOT_CELL:
        held = anchors.get(row.authorising)
        if held is None or held.entity != header.originator:
            raise SecurityError(Check.AUTHORITY, "the authorising cell is not the originator's")
    for change in command.others:
        if change.role not in row.targets - {row.role}:
            raise SecurityError(
                Check.AUTHORITY, f"{row.name} sets no counter of the {change.role.spec_name} this way"
            )
        if change.prepayment is not None and change.role is not Role.SUPPLIER:
            raise SecurityError(Check.TEMPLATE, "only the supplier has a token counter")
    if len({change.role for change in command.others}) != len(command.others):
        raise SecurityError(Check.TEMPLATE, "a role's counter is set twice")
    if command.new_prepayment is not None and row.role is not Role.SUPPLIER:
        raise SecurityError(Check.TEMPLATE, "only the supplier has a token counter")
    if command.sequence != header.counter:
        raise SecurityError(
            Check.COUNTER, f"{command.sequence:016X} in the payload, {header.counter:016X} in the header"
        )
    return row


def replace(
    anchors: Anchors,
    command: ReplacementCommand,
    header: Header,
    now: Utc,
    settings: ReplacementSettings = DEFAULT_REPLACEMENT,
    faults: Mapping[int, int] | None = None,
) -> Outcome:
    """Receive a command that is authenticated and whose counter is greater than the role's.

    Executes it, stores it or takes back. `faults` are statuses by index of cells that cannot be
    written (no memory, busy). Raises SecurityError as `check_command`.
    """
    row = check_command(anchors, command, header, settings)
    counted = anchors.with_counter(row.role, command.sequence)
    decision = decide(command, now, settings)
    if decision is Decision.IMMEDIATE:
        after, execution = _execute(counted, row, command, now, settings, faults)
        return Outcome(decision, after, execution, None)
    pending = None
    if decision is Decision.FUTURE and command.at is not None:
        pending = Pending(header.code, header.originator, now, command.at, command)
    return Outcome(decision, counted, None, pending)


def carry_out(
    anchors: Anchors,
    pending: Pending,
    now: Utc,
    settings: ReplacementSettings = DEFAULT_REPLACEMENT,
    faults: Mapping[int, int] | None = None,
) -> Executed:
    """Execute a stored command; it was checked and counted when it came.

    Raises SecurityError(Check.MESSAGE_CODE) for one no `replace` on this device could have given.
    """
    row = _row(anchors, pending.code, settings)
    moment = pending.received if settings.valid_at is Moment.RECEIPT else now
    after, execution = _execute(anchors, row, pending.command, moment, settings, faults)
    failed = [cell.status != StatusCode.SUCCESS for cell in execution.cells]
    code = FAILED if (any if settings.partial_is_failure else all)(failed) else SUCCEEDED
    alert = ReplacementAlert(code, now.floor(1), execution)
    return Executed(after, alert, row.alert, pending.originator)


def _row(anchors: Anchors, code: int, settings: ReplacementSettings) -> ModeRow:
    row = mode_of(code, anchors.device)
    by_party = row is not None and row.root is RootRule.CHAINED and row.role is not Role.RECOVERY
    if row is None or (by_party and not settings.root_by_party):
        raise SecurityError(Check.MESSAGE_CODE, f"{code:04X} is no command of a {anchors.device.value}")
    return row


def _execute(
    anchors: Anchors,
    row: ModeRow,
    command: ReplacementCommand,
    moment: Utc,
    settings: ReplacementSettings,
    faults: Mapping[int, int] | None,
) -> tuple[Anchors, ExecutionOutcome]:
    """Judge and replace cell by cell, the root first, then set the counters."""
    judge = _Judge(anchors, row, command, moment, settings, faults or {})
    cells: dict[int, CellOutcome] = {}
    replaced: set[Role] = set()
    for index, item in sorted(enumerate(command.replacements), key=lambda pair: pair[1].cell != ROOT_CELL):
        held = anchors.get(item.cell)
        existing = NOBODY if held is None else Subject(held.entity, held.key_id)
        status, credential = judge.status(index, item)
        if credential is None:
            cells[index] = CellOutcome(item.cell, status, existing, existing)
            continue
        replacing = Subject(credential.entity, credential.key_id)
        cells[index] = CellOutcome(item.cell, status, existing, replacing)
        anchors = anchors.with_cell(item.cell, credential)
        replaced.add(item.cell.role)
    changes = tuple(
        change
        for change in _changes(anchors, row, command)
        if settings.floors_without_success or change.role in replaced
    )
    for change in changes:
        anchors = anchors.with_counter(change.role, change.floor)
        if change.prepayment is not None:
            anchors = anchors.with_prepayment(change.prepayment)
    outcomes = tuple(cells[index] for index in range(len(cells)))
    return anchors, ExecutionOutcome(command.sequence, command.mode, changes, outcomes)


def _changes(anchors: Anchors, row: ModeRow, command: ReplacementCommand) -> tuple[CounterChange, ...]:
    """The authoriser's own floors [4] and [5], then those of others [6]; nothing for [3] alone.

    [5] without [4] is in no sample: it is told with the counter in force.
    """
    if command.new_floor is None and command.new_prepayment is None:
        return command.others
    floor = anchors.counter(row.role) if command.new_floor is None else command.new_floor
    return (CounterChange(row.role, floor, command.new_prepayment), *command.others)


class _Judge:
    """Decides for each replacement of one command whether it may stand in its cell."""

    def __init__(
        self,
        anchors: Anchors,
        row: ModeRow,
        command: ReplacementCommand,
        moment: Utc,
        settings: ReplacementSettings,
        faults: Mapping[int, int],
    ) -> None:
        self._anchors = anchors
        self._row = row
        self._settings = settings
        self._faults = faults
        self._at = moment if command.time_checks and settings.time_checks else None
        self._path = tuple(_authorities(command.path))
        self._old = anchors.get(ROOT_CELL)
        self._new: Credential | None = None

    def status(self, index: int, item: Replacement) -> tuple[int, Credential | None]:
        """The status of one replacement, and the certificate if it is success."""
        statuses, cell = self._settings.statuses, item.cell
        if cell.role not in self._row.targets:
            return statuses.target_not_allowed, None
        if not self._anchors.has(cell) or (
            self._anchors.get(cell) is None and not self._settings.empty_cells
        ):
            return statuses.target_missing, None
        try:
            credential = read_certificate(item.certificate, cell.cell_usage)
        except ParseError:
            return statuses.unreadable, None
        if credential.usage is not cell.usage:
            return statuses.wrong_usage, None
        # The role in a certificate need not be the cell's (gbcs-crypto 12), but has to be one.
        if credential.role is None or not self._unit_fits(credential, cell):
            return statuses.unreadable, None
        if not self._chained(credential, cell, self._at):
            late = self._at is not None and self._chained(credential, cell, None)
            return (statuses.not_valid_now if late else statuses.no_path), None
        if index in self._faults:
            return self._faults[index], None
        if cell == ROOT_CELL:
            self._new = credential
        return StatusCode.SUCCESS, credential

    def _unit_fits(self, credential: Credential, cell: CellIdentifier) -> bool:
        return cell != ROOT_CELL or not self._settings.root_unit or credential.role is Role.ROOT

    def _chained(self, credential: Credential, cell: CellIdentifier, at: Utc | None) -> bool:
        if cell == ROOT_CELL:
            if self._row.root is RootRule.ABNORMAL:
                return _issued(credential, credential, at)
            if self._settings.root_direct and self._old is not None and credential.der != self._old.der:
                return _issued(credential, self._old, at)
            roots = [self._old]
        elif self._new is None or self._settings.new_root is NewRoot.OLD:
            roots = [self._old]
        elif self._settings.new_root is NewRoot.NEW:
            roots = [self._new]
        else:
            roots = [self._new, self._old]
        return any(root is not None and self._under(credential, root, at) for root in roots)

    def _under(self, credential: Credential, root: Credential, at: Utc | None) -> bool:
        path = [authority for authority in self._path if authority.der != root.der]
        if self._settings.supplied_root and not all(
            _issued(authority, root, at) for authority in path if authority.key_id == root.key_id
        ):
            return False
        if credential.der == root.der:
            return True  # the root once more: trusted as it is
        try:
            check_path(credential, path, root, at)
        except SecurityError:
            return False
        return True


def _issued(credential: Credential, issuer: Credential, at: Utc | None) -> bool:
    try:
        check_certificate(credential, issuer, at)
    except SecurityError:
        return False
    return True


def _authorities(path: tuple[bytes, ...]) -> list[Credential]:
    """The certificates of the path that can be read; one that cannot leads nowhere."""
    found = []
    for octets in path:
        try:
            found.append(read_certificate(octets))
        except ParseError:
            continue
    return found
