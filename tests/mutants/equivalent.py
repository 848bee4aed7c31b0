"""Changes that make no difference anybody could see, each with the reason; they are not tried."""

from typing import NamedTuple


class Equivalent(NamedTuple):
    """A change by its scope and texts, and why it is none."""

    path: str
    scope: str
    before: str
    after: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str]:
        """As `Site.key`."""
        return self.scope, self.before, self.after


_SIZE = "how much is kept before it is computed again; nothing else depends on it"
_BOTH_WAYS = "the secret of two parties is the same both ways (test_a_secret_is_computed_once)"
_EQUAL = "equal is equal both ways"
_FOUR = "every mode may have tag 4: that it is optional in the others adds nothing"
_SEED = "more random octets than the order of the curve has; how many more is ours to choose"

EQUIVALENT: tuple[Equivalent, ...] = (
    Equivalent("gbcs/security/keys.py", "<module>", "4096", "4097", _SIZE),
    Equivalent("gbcs/security/keys.py", "<module>", "4096", "4095", _SIZE),
    Equivalent(
        "gbcs/security/mac.py",
        "mac_is_valid",
        "compare_digest(message_mac(message, secret), message.mac)",
        "compare_digest(message.mac, message_mac(message, secret))",
        _EQUAL,
    ),
    Equivalent(
        "gbcs/security/device_keys.py",
        "needs_certificate",
        "0",
        "-1",
        "number -1 would be the last type, which is none of the pair either",
    ),
    Equivalent(
        "gbcs/security/device_keys.py",
        "_device_certificate",
        "raise SecurityError(Check.CERTIFICATE, 'missing')",
        "pass",
        "no octets are no certificate: read_certificate refuses them, with the same code for the join",
    ),
    Equivalent(
        "gbcs/security/verify.py",
        "Verifier.unseal",
        "self._secrets.between(originator, recipient)",
        "self._secrets.between(recipient, originator)",
        _BOTH_WAYS,
    ),
    Equivalent(
        "gbcs/security/verify.py",
        "Verifier._mac",
        "self._secrets.between(sender, recipient)",
        "self._secrets.between(recipient, sender)",
        _BOTH_WAYS,
    ),
    Equivalent(
        "gbcs/protect.py",
        "Keys.mac",
        "self._secret(sender, message.recipient)",
        "self._secret(message.recipient, sender)",
        _BOTH_WAYS,
    ),
    Equivalent(
        "gbcs/protect.py",
        "Keys._content_key",
        "self._secret(content.originator, content.recipient)",
        "self._secret(content.recipient, content.originator)",
        _BOTH_WAYS,
    ),
    Equivalent(
        "gbcs/protect.py",
        "Keys._secret",
        "self._secrets.between(self._need(one), self._need(other))",
        "self._secrets.between(self._need(other), self._need(one))",
        _BOTH_WAYS,
    ),
    Equivalent(
        "gbcs/protect.py",
        "Keys._broker_of",
        "0",
        "-1",
        "the certificates found are all of one entity, which is all that is taken from them",
    ),
    Equivalent(
        "gbcs/security/utrn.py",
        "TopUpKey.of",
        "SharedSecrets(store, 1).between(prepayment, agreement)",
        "SharedSecrets(store, 1).between(agreement, prepayment)",
        _BOTH_WAYS,
    ),
    Equivalent("gbcs/security/utrn.py", "TopUpKey.of", "1", "2", _SIZE),
    Equivalent(
        "gbcs/security/utrn_cache.py",
        "CounterCache.standing",
        "counter > self.lowest",
        "counter >= self.lowest",
        "the lowest counter is one of the entries, and was found to be a duplicate before",
    ),
    Equivalent(
        "gbcs/security/utrn.py",
        "Ptut.is_authentic",
        "compare_digest(token_mac(key, counter, self.head), self.mac)",
        "compare_digest(self.mac, token_mac(key, counter, self.head))",
        _EQUAL,
    ),
    Equivalent(
        "gbcs/security/utrn.py",
        "make_token",
        "18446744073709551615",
        "18446744073709551614",
        "that counter is refused for its low 32 bits, by the same field",
    ),
    Equivalent("gbcs/security/replacement.py", "<module>", "4", "5", _FOUR),
    Equivalent("gbcs/security/replacement.py", "<module>", "4", "3", _FOUR),
    Equivalent("gbcs/security/own_credentials.py", "<module>", "64", "65", _SEED),
)
