"""`smets pki`: test certificates and key stores: make, extend, show, check, convert."""

from __future__ import annotations

import datetime as _dt
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from gbcs.errors import BuildError, Check, GbcsError, KeyStoreError, KeyUnavailable, SecurityError
from gbcs.ids import CellUsage, EntityId, KeyUsage, Role
from gbcs.time import Utc

from . import inputs
from .pki_sources import (
    ROLES,
    USES,
    Source,
    counts,
    fields,
    issuer_name,
    number,
    read_source,
    read_sources,
    remark,
    request_in,
    show,
)
from .text import complain, one_line

if TYPE_CHECKING:
    from gbcs.security.memory import MemoryKeyStore
    from gbcs.security.store import Credential, KeyStore

DEFAULT_SEED = "smets"
DEFAULT_START = Utc.of(2026, 1, 1)
"""When the certificates of a new PKI start: as the default scenario does."""

# The parties of a home: those of the default scenario, and a load controller.
HOME = (
    (Role.SUPPLIER, "90B3D51F00000011", "supplier"),
    (Role.NETWORK_OPERATOR, "90B3D51F00000012", "network operator"),
    (Role.ACCESS_CONTROL_BROKER, "90B3D51F00000013", "broker"),
    (Role.RECOVERY, "90B3D51F00000014", "recovery"),
    (Role.TRANSITIONAL_COS, "90B3D51F00000015", "change of supplier"),
    (Role.WAN_PROVIDER, "90B3D51F00000016", "wan provider"),
    (Role.LOAD_CONTROLLER, "90B3D51F00000017", "load controller"),
    (Role.SUPPLIER, "90B3D51F00000021", "other supplier"),
)
_DEVICE = "device"
_STATUS = "Exit status: 0 {}, 2 wrong use, or something cannot be read or written."
_EPILOG = """\b
A key store is a folder of PEM files, <entity id>-<ds|ka|pp-ka>.pem for a certificate
and the same with .key for its private key, or a JSON file of the DCC Boxed project.
Test keys only: who knows a seed or holds an authority's key has every key it made.

""" + _STATUS.format("everything as expected, 1 a check failed")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a certificate or remark.")


@click.group("pki", epilog=_EPILOG)
def command() -> None:
    """Make, extend, show, check and convert test certificates and key stores."""


@command.command("new", short_help="Make a test PKI.", epilog=_STATUS.format("made"))
@click.argument("folder", metavar="DIR")
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="Text the keys derive from.")
@click.option("--at", metavar="DATE", help=f"Start of validity (default: {DEFAULT_START}).")
@_json
def new(folder: str, seed: str, at: str | None, as_json: bool) -> int:
    """Make a test PKI: authorities, and all remote parties a home needs.

    The same seed and date give the same octets. DIR has to be empty or missing.
    """
    from gbcs.pki import TestPki

    _refuse_what_is_there(folder)
    pki = TestPki.create(_utf8(seed), DEFAULT_START if at is None else _moment(at))
    for role, entity, name in HOME:
        pki.organisation(role, EntityId.parse(entity), name)
    return _written(pki.store, folder, as_json)


@command.command(
    "issue",
    short_help="Add certificates to a test PKI, for new keys or a signing request.",
    epilog=_STATUS.format("issued, 1 the signing request is refused"),
)
@click.argument("folder", metavar="DIR")
@click.option("--entity", metavar="EUI", help="Whom the certificates name: 16 hex digits, hyphens allowed.")
@click.option("--role", type=click.Choice([*ROLES, _DEVICE], case_sensitive=False), help="What that is.")
@click.option(
    "--usage",
    type=click.Choice([*USES, "all"], case_sensitive=False),
    help="Signing, key agreement, key agreement for top-up, or all of the role (default).",
)
@click.option("--name", default="", help="Common name of a remote party.")
@click.option(
    "--csr", metavar="FILE", help="Signing request of a device (DER, PEM or hex), or a CS02c response."
)
@click.option("--at", metavar="DATE", help="Start of validity (default: that of the authority).")
@click.option("--years", type=click.IntRange(1, 9999), help="Validity (default: that of the profile).")
@_json
def issue(
    folder: str,
    entity: str | None,
    role: str | None,
    usage: str | None,
    name: str,
    csr: str | None,
    at: str | None,
    years: int | None,
    as_json: bool,
) -> int:
    """Add certificates signed by the authority in DIR.

    New keys derive from the authority's key and the start of validity, so a renewal needs
    another --at. For a signing request its signature and profile are checked, and no key
    is written. What DIR holds already is never changed.
    """
    from gbcs.pki import PkiSettings
    from gbcs.security.authority import HeldAuthority
    from gbcs.security.folder import FolderKeyStore, add_to_folder
    from gbcs.security.memory import MemoryKeyStore

    who = None if entity is None else EntityId.parse(entity)
    store = FolderKeyStore(folder)
    settings = PkiSettings()
    devices = csr is not None or role == _DEVICE
    try:
        authority = HeldAuthority(
            store, devices, settings.device_policy if devices else settings.organisation_policy
        )
    except KeyUnavailable as error:
        raise KeyUnavailable(f"{folder}: {error}") from None
    began = Utc.from_datetime(authority.credential.certificate.not_valid_before_utc)
    start = began if at is None else _moment(at)
    made: MemoryKeyStore
    if csr is not None:
        if role not in (None, _DEVICE) or name:
            raise click.UsageError("a signing request is a device's, which has no other role and no name")
        try:
            made = MemoryKeyStore([authority.answer(_request(csr, store, who, usage), start, years)])
        except SecurityError as error:
            complain(f"{csr}: {error.reason}")
            return 1
    elif who is None or role is None:
        raise click.UsageError("--entity and --role are needed, or --csr")
    elif role == _DEVICE:
        if usage == "pp-ka" or name:
            raise click.UsageError("a device has neither a certificate for top-up nor a name")
        chosen = ("ds", "ka") if usage in (None, "all") else (usage,)
        made = authority.device(who, [USES[use][0] for use in chosen if use is not None], start, years)
    else:
        made = authority.organisation(
            ROLES[role], who, name, _uses(ROLES[role], usage), start, _organisation_years(years)
        )
    files = add_to_folder(made, folder)
    source = read_source(folder)
    heading = f"{folder}: {', '.join(files)} written" if files else f"{folder}: nothing new"
    show(source, made.all(), as_json, heading)
    return 0


@command.command("show", short_help="Show what certificates say.", epilog=_STATUS.format("shown"))
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@_json
def show_stores(paths: tuple[str, ...], as_json: bool) -> int:
    """Show certificates: whose, for what, how long, from whom, departures from the profile.

    A PATH is a folder, a JSON key store, a file of certificates (PEM, DER or hex) or - for
    stdin. Of a private key only is told whether it is held.
    """

    def one(source: Source) -> None:
        show(source, source.store.all(), as_json, f"{source.path}: {counts(source)}")
        for text in source.store.notes:
            if as_json:
                remark(text, source)
            else:
                complain(f"{source.path}: {text}")

    return _each(paths, one)


@command.command(
    "check",
    short_help="Check profiles and paths to a trust anchor.",
    epilog=_STATUS.format("no faults, 1 there is one"),
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--at", metavar="DATE", help="The moment to check validity for (default: now).")
@click.option("--any-time", is_flag=True, help="Leave the time out, as CS02b may ask a device to.")
@click.option(
    "--root", "roots", metavar="FILE", multiple=True, help="Trust anchor; others do not count then."
)
@_json
def check(
    paths: tuple[str, ...], at: str | None, any_time: bool, roots: tuple[str, ...], as_json: bool
) -> int:
    """Check profiles and paths to a trust anchor as a device does; one line a fault.

    Authorities are taken from all PATHs, roots as well unless --root is given. Remarks on
    a key store (unreadable or misnamed files, keys without certificate) are faults too.
    """
    from .pki_checks import Checker

    if any_time and at is not None:
        raise click.UsageError("--at and --any-time exclude each other")
    moment = None if any_time else Utc.from_datetime(_dt.datetime.now(_dt.UTC)) if at is None else _moment(at)
    anchors = [anchor for path in roots for anchor in _anchors(path)]
    found = list(read_sources(paths))
    held = [c for source in found if isinstance(source, Source) for c in source.store.all()]
    checker = Checker(held, anchors, moment)
    count: Counter[str] = Counter()
    unchecked: Counter[str] = Counter()
    for source in found:
        if isinstance(source, GbcsError):
            complain(str(source))
            continue
        for text in source.store.notes:
            count["faults"] += 1
            if as_json:
                remark(text, source)
            else:
                print(one_line(f"{source.path}: {text}"))
        for credential in source.store.all():
            path, faults = checker.check(credential)
            count["faults"] += len(faults)
            if path == "unchecked":
                unchecked[issuer_name(credential)] += 1
            if as_json:
                print(json.dumps(fields(source, credential) | {"faults": list(faults), "path": path}))
            else:
                for fault in faults:
                    print(one_line(f"{source.where(credential)}: {fault}"))
    for issuer, certificates in unchecked.items():
        complain(
            f"no trust anchor at hand for {number(certificates, 'certificate')} of {issuer}: path not checked"
        )
    if held and not as_json:
        faults_text = number(count["faults"], "fault") if count["faults"] else "no faults"
        print(f"{number(len(held), 'certificate')}: {faults_text}")
    if any(isinstance(source, GbcsError) for source in found):
        return 2
    return 1 if count["faults"] else 0


@command.command(
    "import", short_help="Write a DCC Boxed JSON key store as a folder.", epilog=_STATUS.format("written")
)
@click.argument("file", metavar="FILE.json")
@click.argument("folder", metavar="DIR")
@_json
def import_store(file: str, folder: str, as_json: bool) -> int:
    """Write a DCC Boxed JSON key store as a folder.

    Entries that cannot be read are left out with a remark; generations of a certificate
    are kept apart by number, the newest first. No file is ever overwritten.
    """
    from gbcs.security.boxed import BoxedKeyStore

    source = read_source(file)
    if not isinstance(source.store, BoxedKeyStore):
        raise KeyStoreError(f"{file}: not a JSON key store (smets pki export writes others)")
    return _converted(source, source.store, folder, as_json)


@command.command("export", short_help="Write any key store as a folder.", epilog=_STATUS.format("written"))
@click.argument("path", metavar="PATH")
@click.argument("folder", metavar="DIR")
@click.option("--public", is_flag=True, help="Certificates only.")
@_json
def export_store(path: str, folder: str, public: bool, as_json: bool) -> int:
    """Write any key store that can be read as a folder. No file is ever overwritten."""
    from gbcs.security.memory import MemoryKeyStore

    source = read_source(path)
    return _converted(source, MemoryKeyStore(source.store.all()) if public else source.store, folder, as_json)


def _converted(source: Source, store: KeyStore, folder: str, as_json: bool) -> int:
    status = _written(store, folder, as_json)
    for text in source.store.notes:
        if as_json:
            remark(text, source)
        else:
            complain(f"{source.path}: {text}")
    return status


def _written(store: KeyStore, folder: str, as_json: bool) -> int:
    """Write a store, and print what the folder then holds of it."""
    from gbcs.security.folder import write_folder

    files = write_folder(store, folder)
    source = read_source(folder)
    show(source, store.all(), as_json, f"{folder}: {number(len(files), 'file')}, {counts(source)}")
    return 0


def _each(paths: Iterable[str], act: Callable[[Source], None]) -> int:
    """Act on each store that can be read; 2 where one cannot."""
    status = 0
    for source in read_sources(paths):
        if isinstance(source, GbcsError):
            complain(str(source))
            status = 2
        else:
            act(source)
    return status


def _refuse_what_is_there(folder: str) -> None:
    try:
        with os.scandir(folder) as entries:
            empty = next(entries, None) is None
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise inputs.unreadable(folder, error) from None
    if not empty:
        raise KeyStoreError(f"{folder}: not empty, a new PKI needs a folder of its own")


def _request(name: str, store: KeyStore, entity: EntityId | None, usage: str | None) -> Any:
    """The request in a file, checked against what was asked for. Raises SecurityError."""
    from gbcs.security.requests import read_request
    from gbcs.security.signature import signature_is_valid

    try:
        octets, message = request_in(inputs.read_file(name))
        request = read_request(octets)
    except inputs.UnreadableInput:
        raise
    except SecurityError:
        raise
    except GbcsError as error:
        raise KeyStoreError(f"{name}: {error}") from None
    if entity not in (None, request.entity):
        raise SecurityError(Check.CERTIFICATE, f"a request of {request.entity}, not of {entity}")
    if usage not in (None, "all") and request.usage is not USES[usage][0]:
        raise SecurityError(
            Check.CERTIFICATE, f"a request for {request.usage.name.lower().replace('_', ' ')}"
        )
    if message is not None:
        if message.originator != request.entity:
            raise SecurityError(Check.CERTIFICATE, f"a request of {request.entity} from {message.originator}")
        # Of the certificates held the device may still use an older one.
        signers = [
            c for c in store.all() if (c.entity, c.usage) == (request.entity, KeyUsage.DIGITAL_SIGNATURE)
        ]
        if not signers:
            complain(f"{name}: the response is not checked, no certificate of {request.entity} at hand")
        elif not any(signature_is_valid(message, signer.public_key) for signer in signers):
            raise SecurityError(Check.SIGNATURE, "the response is not signed by the device")
    return request


def _uses(role: Role, usage: str | None) -> tuple[tuple[KeyUsage, CellUsage], ...]:
    from gbcs.pki import ROLE_USES

    if usage is None or usage == "all":
        return ROLE_USES[role]
    if usage == "pp-ka" and role is not Role.SUPPLIER:
        raise click.UsageError("only a supplier has a certificate for top-up")
    return (USES[usage],)


def _organisation_years(years: int | None) -> int:
    from gbcs.security.certificates import ORGANISATION_YEARS

    return ORGANISATION_YEARS if years is None else years


def _anchors(path: str) -> list[Credential]:
    """The certification authorities in a PATH. Raises KeyStoreError where there is none."""
    found = [c for c in read_source(path).store.all() if c.usage is KeyUsage.KEY_CERT_SIGN]
    if not found:
        raise KeyStoreError(f"{path}: no certification authority that could be a root")
    return found


def _moment(text: str) -> Utc:
    """A date, or date and time, of the years a certificate can name. Raises BuildError."""
    try:
        moment = Utc.parse(text)
        str(moment)
    except (BuildError, OverflowError):
        raise BuildError(f"not a date and time: {text!r}", "--at") from None
    return moment


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
