"""The modules whose changes tests have to notice, each with the test files that are about it."""

from typing import NamedTuple


class Module(NamedTuple):
    """A module by its path, and its test files."""

    path: str
    tests: tuple[str, ...]


def _security(name: str, *tests: str) -> Module:
    return Module(f"gbcs/security/{name}.py", tuple(f"tests/gbcs/test_{test}.py" for test in tests))


_REPLACEMENT = ("replacement", "replacement_effects", "replacement_root")

MODULES: dict[str, Module] = {
    "keys": _security("keys", "security", "content", "wycheproof"),
    "mac": _security("mac", "security", "message_protection", "wycheproof"),
    "signature": _security("signature", "security", "message_protection", "wycheproof"),
    "encryption": _security("encryption", "security", "content", "wycheproof"),
    "content": _security("content", "content", "security"),
    "device_keys": _security("device_keys", "device_keys"),
    "utrn": _security("utrn", "utrn", "utrn_entry"),
    "utrn_cache": _security("utrn_cache", "utrn_entry"),
    "utrn_entry": _security("utrn_entry", "utrn_entry", "utrn"),
    "verify": _security("verify", "security", "content", "gbz", "party"),
    "replacement": _security("replacement", *_REPLACEMENT),
    "anchors": _security("anchors", "anchors", *_REPLACEMENT),
    "own_credentials": _security("own_credentials", "own_credentials"),
    "protect": Module("gbcs/protect.py", ("tests/gbcs/test_protect.py",)),
    "checks": Module("smets/checks.py", ("tests/smets/test_checks.py", "tests/smets/test_counters.py")),
}
