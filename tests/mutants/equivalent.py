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


EQUIVALENT: tuple[Equivalent, ...] = ()
