"""What a run may still spend: whether there is a next attempt, on which market, and for how long.

The rules in their order, and why the defaults are what they are: docs/policy.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile

from deckhand.domain.attempt import RESUMABLE, Market, Verdict
from deckhand.domain.message import duration, money
from deckhand.domain.options import Purchase
from deckhand.domain.race import Race
from deckhand.domain.situation import NO_MACHINE, Situation, is_idle
from deckhand.domain.window import Hours, opens_at


@dataclass(frozen=True)
class Policy:
    """Limits of a run. Times in seconds.

    `losses_before_on_demand`: interruptions in a row on spot after which one slice is bought on
    demand; a machine that had worked for `brief_seconds` is none of them. `fruitless_limit` and
    `infrastructure_limit`: attempts in a row that left no newer checkpoint, by whose fault, after
    which the run is given up. An interruption is free only if the attempt left a newer checkpoint.
    Waiting for a machine that never came is no attempt in this sense; `waiting_seconds` is the
    most of it in all, and `capacity_wait_seconds` how long a queue looks for a machine. A machine
    that is unfit counts like none, up to `unfit_limit` in a row.
    `spot_seconds` is the longest attempt on the market that a run is meant for. Slices on demand,
    from which it goes back to spot, begin with `first_slice_seconds` and grow to
    `on_demand_seconds` while spot stays bad. `least_seconds` is what is worth a start.
    `start_up_seconds`, `checkpoint_seconds` (what a lost machine takes along) and `safety` (how far
    the work may exceed what its speed tells) are assumed in order to make a deadline.
    """

    losses_before_on_demand: int = 3
    brief_seconds: int = 2 * 3600
    fruitless_limit: int = 5
    infrastructure_limit: int = 5
    attempt_limit: int = 500
    waiting_seconds: int = 30 * 24 * 3600
    capacity_wait_seconds: int = 600
    unfit_limit: int = 10
    spot_seconds: int = 7 * 24 * 3600
    on_demand_seconds: int = 6 * 3600
    first_slice_seconds: int = 3600
    least_seconds: int = 900
    start_up_seconds: int = 600
    checkpoint_seconds: int = 600
    safety: float = 1.1
    hours: Hours = field(default_factory=Hours)


@dataclass(frozen=True)
class Plan:
    """The next attempt; `late` says that the deadline cannot be made."""

    number: int
    market: Market
    queue: str
    timeout_seconds: int
    reason: str
    late: bool = False


@dataclass(frozen=True)
class Wait:
    """No attempt before this time; then the policy is asked again."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class Hold:
    """A cap would be passed; the run goes on when a person raises it, with this command."""

    reason: str
    command: str = ""


@dataclass(frozen=True)
class Exhausted:
    """No further attempt; the reason is for the user."""

    reason: str


Decision = Plan | Wait | Hold | Exhausted


@dataclass(frozen=True)
class Choice:
    """A market, and why it is chosen; `is_steady` where no better time is waited for."""

    market: Market
    why: str
    is_steady: bool = False


def next_attempt(situation: Situation, policy: Policy) -> Decision:
    """Decide what comes after the attempts that have ended.

    Raises ValueError if one of them has not, or if they are not all there: planning then could
    make a second attempt beside one that is alive.
    """
    situation.check()
    return _exhausted(situation, policy) or _affordable(situation, policy)


def may_continue(verdict: Verdict) -> bool:
    """Whether this verdict leaves room for another attempt at all."""
    return verdict in RESUMABLE


# ---- what a run may try ----------------------------------------------------------------------


def _exhausted(situation: Situation, policy: Policy) -> Exhausted | None:
    if any(record.verdict is Verdict.COMPLETED for record in situation.counted):
        return Exhausted("The run has reached its end.")
    worked = [item for item in situation.counted if item.verdict is not Verdict.NO_CAPACITY]
    if len(worked) >= policy.attempt_limit:
        return Exhausted(f"The run has used its {policy.attempt_limit} attempts.")
    newest = reversed(situation.counted)
    vain = takewhile(lambda record: record.verdict in NO_MACHINE, newest)
    unfit = [record for record in vain if record.verdict is Verdict.UNFIT_HOST]
    if len(unfit) >= policy.unfit_limit:
        text = f"{len(unfit)} machines in a row were unfit"
        return Exhausted(f"{text}; the last one: {unfit[0].reason}")
    able = [item for item in worked if item.verdict is not Verdict.UNFIT_HOST]
    stuck = list(takewhile(lambda record: not record.advanced, reversed(able)))
    failed = [record for record in stuck if is_idle(record)]
    fruitless = [record for record in stuck if not is_idle(record)]
    if len(fruitless) >= policy.fruitless_limit:
        return Exhausted(
            f"{len(fruitless)} attempts in a row ended without a newer checkpoint; "
            f"the last one: {fruitless[0].reason}"
        )
    if len(failed) >= policy.infrastructure_limit:
        return Exhausted(
            f"{len(failed)} attempts in a row failed by no fault of the deck and brought it no "
            f"further; the last one: {failed[0].reason}"
        )
    waited = situation.waited.total_seconds()
    if waited >= policy.waiting_seconds:
        age = (situation.now - situation.admitted_at).total_seconds()
        return Exhausted(
            f"Of the {duration(age)} since the run was admitted, {duration(waited)} were spent "
            f"waiting for machines that never came, and {duration(policy.waiting_seconds)} is the "
            "most."
        )
    return None


# ---- on which market -------------------------------------------------------------------------


def _choices(situation: Situation, policy: Policy) -> Iterator[Choice]:
    """The market to buy on, and the one to fall back to if a cap forbids it."""
    purchase = situation.options.purchase
    if purchase is Purchase.SPOT_ONLY:
        yield Choice(Market.SPOT, "The run buys on spot only")
    elif purchase is Purchase.ON_DEMAND:
        yield Choice(Market.ON_DEMAND, "The run buys on demand", is_steady=True)
    else:
        choice = _choose(situation, policy)
        yield choice
        if choice.market is Market.ON_DEMAND:
            yield Choice(Market.SPOT, f"{choice.why}, but a slice on demand would pass a cap")


def _choose(situation: Situation, policy: Policy) -> Choice:
    for rule in (_after_dry_on_demand, _for_the_deadline, _after_dry_spot, _after_losses):
        choice = rule(situation, policy)
        if choice is not None:
            return choice
    spot, on_demand = situation.price(Market.SPOT), situation.price(Market.ON_DEMAND)
    figures = ""
    if spot and on_demand:
        figures = f" ({money(spot)} an hour, {money(on_demand)} on demand)"
    return Choice(Market.SPOT, f"Spot is the cheaper market{figures}")


def _after_dry_on_demand(situation: Situation, _: Policy) -> Choice | None:
    dry = situation.dry(Market.ON_DEMAND)
    if not dry:
        return None
    if dry < len(situation.on_demand_queues):
        return Choice(Market.ON_DEMAND, "The next queue is asked for a machine on demand")
    return Choice(Market.SPOT, f"{_lack(situation, 'machine')} on demand")


def _for_the_deadline(situation: Situation, policy: Policy) -> Choice | None:
    """Leave spot while on demand can still make it."""
    race = _race(situation, policy)
    if race is None or race.remaining is None or race.is_lost:
        return None
    lost = situation.options.checkpoint_seconds or policy.checkpoint_seconds
    if race.bears(policy.capacity_wait_seconds + policy.start_up_seconds, lost):
        return None
    why = f"Another loss on spot could be too much: {race}"
    return Choice(Market.ON_DEMAND, why, is_steady=True)


def _after_dry_spot(situation: Situation, _: Policy) -> Choice | None:
    dry = situation.dry(Market.SPOT)
    if not dry:
        return None
    if dry < len(situation.spot_queues):
        return Choice(Market.SPOT, "The next queue is asked for a spot machine")
    return Choice(Market.ON_DEMAND, _lack(situation, "spot machine"))


def _lack(situation: Situation, machine: str) -> str:
    """What was wrong with the last machine that was asked for."""
    if situation.history[-1].verdict is Verdict.UNFIT_HOST:
        return f"No {machine} was fit"
    return f"No {machine} was to be had"


def _after_losses(situation: Situation, policy: Policy) -> Choice | None:
    losses = situation.losses(policy.brief_seconds)
    if losses < policy.losses_before_on_demand:
        return None
    brief = duration(policy.brief_seconds)
    return Choice(
        Market.ON_DEMAND, f"{losses} spot machines in a row were taken away, each within {brief}"
    )


# ---- what the deadline leaves ----------------------------------------------------------------


def _race(situation: Situation, policy: Policy) -> Race | None:
    deadline, purchase = situation.options.deadline, situation.options.purchase
    if deadline is None:
        return None
    steady = Market.SPOT if purchase is Purchase.SPOT_ONLY else Market.ON_DEMAND
    return Race(
        left=(deadline - situation.now).total_seconds(),
        remaining=situation.remaining_seconds,
        slice_seconds=_longest(steady, situation, policy),
        start_up=policy.start_up_seconds,
        safety=policy.safety,
    )


def _lateness(situation: Situation, policy: Policy) -> str | None:
    """What to say of a deadline that cannot be made."""
    race = _race(situation, policy)
    if race is None or not race.is_late:
        return None
    return str(race) if race.left <= 0 else f"{race}, so that it cannot be made"


# ---- what the caps leave ---------------------------------------------------------------------


def _affordable(situation: Situation, policy: Policy) -> Plan | Wait | Hold:
    """Plan on the first market that the caps leave enough for."""
    choices = list(_choices(situation, policy))
    for choice in choices:
        room = situation.caps.room(situation.price(choice.market))
        if room >= _least(choice.market, situation, policy):
            return (
                _pause(situation, policy)
                or _shut(situation, policy)
                or _plan(choice, room, situation, policy)
            )
    market = choices[-1].market
    least = _least(market, situation, policy)
    price, remaining = situation.price(market), situation.remaining_seconds
    held = situation.caps.held(price, least, remaining, situation.run_id)
    return Hold(held.reason, held.command)


def _slice(choice: Choice, situation: Situation, policy: Policy) -> int:
    """How long an attempt may be: on demand twice as long each time that spot is still bad."""
    longest = _longest(choice.market, situation, policy)
    if choice.market is Market.SPOT or choice.is_steady:
        return longest
    doublings = min(situation.slices(policy.brief_seconds), 30)
    return min(longest, policy.first_slice_seconds << doublings)


def _longest(market: Market, situation: Situation, policy: Policy) -> int:
    """The longest attempt; on demand it is a slice only where there is spot to go back to."""
    if market is Market.ON_DEMAND and situation.options.purchase is Purchase.SPOT_FIRST:
        return policy.on_demand_seconds
    return policy.spot_seconds


def _least(market: Market, situation: Situation, policy: Policy) -> int:
    """The shortest attempt that helps: what remains may be less than is worth a start."""
    least = min(policy.least_seconds, _longest(market, situation, policy))
    if situation.remaining_seconds is not None:
        rest = policy.start_up_seconds + policy.safety * situation.remaining_seconds
        least = min(least, math.ceil(rest))
    return max(1, least)


def _plan(choice: Choice, room: float, situation: Situation, policy: Policy) -> Plan:
    market = choice.market
    longest = _slice(choice, situation, policy)
    timeout = longest if room >= longest else math.floor(room)
    reason = f"{choice.why}; {duration(timeout)} at most"
    if timeout < longest:
        reason += f", for the cap of {situation.caps.tightest(situation.price(market))}"
    if _is_shut(situation, policy):
        reason += "; its window is shut, but waiting for it could miss the deadline"
    late = _lateness(situation, policy)
    if late is not None:
        reason += f"; {late}"
    return Plan(
        number=situation.number,
        market=market,
        queue=situation.queue(market),
        timeout_seconds=timeout,
        reason=f"{reason}.",
        late=late is not None,
    )


# ---- when ------------------------------------------------------------------------------------


def _pause(situation: Situation, policy: Policy) -> Wait | None:
    """Keep markets that say no at once from being asked all the time."""
    queues = situation.queues_in_use
    newest = reversed(situation.history)
    dry = sum(1 for _ in takewhile(lambda item: item.verdict in NO_MACHINE, newest))
    if not dry or dry % queues:
        return None
    first = situation.history[-queues]
    asked = first.planned_at
    if first.verdict is Verdict.UNFIT_HOST:  # it may have waited for that machine for hours
        asked = first.stopped_at or first.planned_at
    until = asked + timedelta(seconds=policy.capacity_wait_seconds)
    if situation.now >= until:
        return None
    rest = duration((until - situation.now).total_seconds())
    return Wait(until, f"No queue of {queues} had a machine; they are asked again in {rest}.")


def _shut(situation: Situation, policy: Policy) -> Wait | None:
    """Wait for the run's window, unless that would miss a deadline that can be made."""
    if not _is_shut(situation, policy):
        return None
    until = _opens_at(situation, policy)
    wait = (until - situation.now).total_seconds()
    race = _race(situation, policy)
    if race is not None and not race.is_lost and not race.bears(wait):
        return None
    reason = f"Attempts of this run start in {situation.options.window} only, {duration(wait)} on"
    late = _lateness(situation, policy)
    return Wait(until, f"{reason}; {late}." if late else f"{reason}.")


def _is_shut(situation: Situation, policy: Policy) -> bool:
    return _opens_at(situation, policy) > situation.now


def _opens_at(situation: Situation, policy: Policy) -> datetime:
    window = situation.options.window
    return situation.now if window is None else opens_at(window, situation.now, policy.hours)
