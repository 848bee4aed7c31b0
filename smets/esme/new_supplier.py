"""What a meter does when its credentials change: a snapshot for the old supplier, a floor for tokens.

Source: reference, gbcs-crypto 15 and 18.4, smets-esme 9.8 and 10.
"""

from __future__ import annotations

from gbcs.ids import EntityId

from ..behaviours.billing import Billing, Why
from ..behaviours.credentials import CredentialHooks
from ..behaviours.topup import TopUp
from ..work import Work


class NewSupplier(CredentialHooks):
    """Tells billing of a new supplier, and top-ups of the counters that are used up."""

    def __init__(self, billing: Billing, top_up: TopUp) -> None:
        self._billing = billing
        self._top_up = top_up

    def new_supplier(self, work: Work, before: EntityId, after: EntityId) -> None:
        """Take a snapshot."""
        self._billing.snapshot(work, Why.SUPPLIER)

    def token_floor(self, work: Work, floor: int) -> None:
        """Refuse tokens up to the floor."""
        self._top_up.set_floor(work, floor)
