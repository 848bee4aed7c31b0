"""The modules whose changes tests have to notice, each with the test files that are about it."""

from typing import NamedTuple


class Module(NamedTuple):
    """A module by its path, its test files, and the functions to change (none: all of it)."""

    path: str
    tests: tuple[str, ...]
    scopes: tuple[str, ...] = ()


def _security(name: str, *tests: str) -> Module:
    return Module(f"gbcs/security/{name}.py", tuple(f"tests/gbcs/test_{test}.py" for test in tests))


_REPLACEMENT = ("replacement", "replacement_effects", "replacement_root", "security_limits")

MODULES: dict[str, Module] = {
    "keys": _security("keys", "security", "content", "wycheproof", "security_limits"),
    "mac": _security("mac", "security", "message_protection", "wycheproof", "security_limits"),
    "signature": _security("signature", "security", "message_protection", "wycheproof", "security_limits"),
    "encryption": _security("encryption", "security", "content", "wycheproof"),
    "content": _security("content", "content", "security", "security_limits"),
    "device_keys": _security("device_keys", "device_keys", "security_limits"),
    "utrn": _security("utrn", "utrn", "utrn_limits", "utrn_entry"),
    "utrn_cache": _security("utrn_cache", "utrn_limits", "utrn_entry"),
    "utrn_entry": _security("utrn_entry", "utrn_limits", "utrn_entry", "utrn"),
    "verify": _security("verify", "security", "content", "gbz", "party", "security_limits"),
    "replacement": _security("replacement", *_REPLACEMENT),
    "anchors": _security("anchors", "anchors", *_REPLACEMENT),
    "own_credentials": _security("own_credentials", "own_credentials", "security_limits"),
    "protect": Module("gbcs/protect.py", ("tests/gbcs/test_protect.py",)),
    "counter": Module(
        "smets/checks.py", ("tests/smets/test_checks.py", "tests/smets/test_counters.py"), ("_counter",)
    ),
}
