"""Settings of prepayment: one for each place where the reference is unsure (smets-esme 11 and 16)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gbcs.security.utrn_entry import DEFAULT, UtrnSettings

from .schedule import DEFAULT_SCHEDULE_SETTINGS, ScheduleSettings


class Suspension(Enum):
    """What becomes of a time debt that is not collected while the supply is disabled."""

    HALTED = "halted"
    ACCUMULATED = "accumulated"


class CapWindow(Enum):
    """Over what the Debt Recovery Rate Cap sums payment debt recovered."""

    ROLLING = "the last period"
    WEEK = "the week, from Monday"


@dataclass(frozen=True, slots=True)
class PaymentSettings:
    """Readings of what the reference leaves open on payment."""

    suspended_debt: Suspension = Suspension.HALTED
    """Time debt while the supply is disabled and Suspend Debt Disabled is true: left in its register,
    or moved to the Accumulated Debt Register. Gap: smets-esme 11.4, 16.1."""

    armed_counts_as_disabled: bool = True
    """A supply armed after it was disabled for lack of credit still counts as disabled when charges
    are collected. Gap: smets-esme 11.4, the words in brackets."""

    disabled_at_threshold: bool = True
    """Combined credit equal to the Disablement Threshold disables the supply. Gap: smets-esme 16.2."""

    time_debt_in_credit_mode: bool = False
    """Time debt is collected in credit mode. Gap: smets-esme 11.2."""

    debt_of_credit_mode_payments: bool = False
    """A credit accepted in credit mode recovers debt and emergency credit like one in prepayment mode;
    otherwise it goes to the meter balance. Gap: gbcs-crypto 18.4, 7 is about local entry only."""

    restores_balance_first: bool = True
    """A credit brings the balance up to the Disablement Threshold before it repays emergency credit.
    Gap: smets-esme 11.7 step 2b, 16.4."""

    cap_window: CapWindow = CapWindow.ROLLING
    """Gap: smets-esme 11.7, 16.3."""

    no_cap_at_zero: bool = True
    """A Debt Recovery Rate Cap of 0 is no cap; read literally it allows nothing. Gap: smets-esme 16.3."""

    no_limit_at_zero: bool = True
    """A Maximum Credit Threshold or Maximum Meter Balance of 0, which is that of manufacture, is no
    limit; read literally it refuses every credit. Gap: smets-esme 6 publishes no defaults."""

    arms_for_non_disablement: bool = True
    """The start of a non-disablement period arms a supply disabled for lack of credit. Gap: smets-esme
    13, 16.7."""

    arming_needs_credit: bool = True
    """Arm Supply and Enable Supply are refused in prepayment mode without credit, except in a
    non-disablement period. Gap: smets-esme 13, 16.7."""

    display_tops_up: bool = True
    """A prepayment display may add credit. Gap: seed-decisions S52."""

    refused_result: int = 1
    """Result of the token gateway for a token that is refused: hardware fault. Gap: gbcs-crypto 18.4,
    one sample."""

    utrn: UtrnSettings = DEFAULT
    """Readings on tokens."""

    non_disablement: ScheduleSettings = DEFAULT_SCHEDULE_SETTINGS
    """Readings on the Non-Disablement Calendar."""


DEFAULT_PAYMENT_SETTINGS = PaymentSettings()
