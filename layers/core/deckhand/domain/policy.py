"""What a run may still spend: whether there is a next attempt, and on which market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from deckhand.domain.attempt import RESUMABLE, AttemptRecord, Market, Verdict


@dataclass(frozen=True)
class Policy:
    """Limits of a run. Times in seconds.

    `losses_before_on_demand`: interruptions in a row on spot after which one slice is bought
    on demand. `fruitless_limit`: attempts in a row that left no newer checkpoint after which the
    run is given up; waiting for a machine that never came is not an attempt in this sense. An
    interruption is free only if the attempt left a newer checkpoint.
    """

    losses_before_on_demand: int = 3
    fruitless_limit: int = 5
    attempt_limit: int = 200
    spot_seconds: int = 7 * 24 * 3600
    on_demand_seconds: int = 6 * 3600


@dataclass(frozen=True)
class Plan:
    """The next attempt: its number, where to buy the machine, and how long it may work."""

    number: int
    market: Market
    timeout_seconds: int
    reason: str


@dataclass(frozen=True)
class Exhausted:
    """No further attempt; the reason is for the user."""

    reason: str


def next_attempt(history: Sequence[AttemptRecord], policy: Policy) -> Plan | Exhausted:
    """Plan the attempt after *history* (ended attempts, oldest first)."""
    number = len(history) + 1
    if number > policy.attempt_limit:
        return Exhausted(f"The run has used its {policy.attempt_limit} attempts.")
    worked = [record for record in history if record.verdict is not Verdict.NO_CAPACITY]
    fruitless = sum(1 for _ in takewhile(_is_fruitless, reversed(worked)))
    if fruitless >= policy.fruitless_limit:
        return Exhausted(
            f"{fruitless} attempts in a row ended without a newer checkpoint; "
            f"the last one: {worked[-1].reason}"
        )
    if history and history[-1].verdict is Verdict.NO_CAPACITY and history[-1].market is Market.SPOT:
        reason = "No spot machine was to be had."
        return Plan(number, Market.ON_DEMAND, policy.on_demand_seconds, reason)
    losses = sum(1 for _ in takewhile(_is_spot_loss, reversed(history)))
    if losses >= policy.losses_before_on_demand:
        return Plan(
            number,
            Market.ON_DEMAND,
            policy.on_demand_seconds,
            f"{losses} spot machines in a row were taken away.",
        )
    return Plan(number, Market.SPOT, policy.spot_seconds, "Spot is the cheaper market.")


def may_continue(verdict: Verdict) -> bool:
    """Whether this verdict leaves room for another attempt at all."""
    return verdict in RESUMABLE


def _is_fruitless(record: AttemptRecord) -> bool:
    """No newer checkpoint."""
    return not record.advanced


def _is_spot_loss(record: AttemptRecord) -> bool:
    return record.market is Market.SPOT and record.verdict is Verdict.INTERRUPTED
