"""Messages about a run that is not over: started, fallen back to on-demand, stalled, held."""

from __future__ import annotations

from collections.abc import Sequence

from deckhand.domain.attempt import AttemptRecord, Market, Verdict
from deckhand.domain.cost import Prices, cost
from deckhand.domain.ledger import RunRecord
from deckhand.domain.message import (
    Event,
    Message,
    MessageSeverity,
    count,
    duration,
    money,
    run_name,
    shorten,
)
from deckhand.domain.report import steps_lost

MAX_REASON = 2_000


def started_message(record: RunRecord, prices: Prices) -> Message:
    """For those who ask for it in run.yaml; once in the life of a run."""
    steps = "" if record.total_steps is None else f", {record.total_steps:,} steps"
    expected = (
        f" It is expected to cost {money(record.projected_cost)} in all."
        if record.projected_cost is not None
        else ""
    )
    return _message(
        record,
        Event.RUN_STARTED,
        MessageSeverity.INFO,
        headline="was started",
        happened=f"the deck was checked and its first attempt is on its way{steps}.{expected}",
        standing=_standing(record, prices),
        to_do=["nothing. Follow it, if you like, with", f"  deckhand show {record.run_id}"],
    )


def fell_back_message(record: RunRecord, attempt: AttemptRecord, prices: Prices) -> Message:
    """*attempt* is the one on demand, as it was planned."""
    price = attempt.price_per_hour or prices.per_hour(Market.ON_DEMAND)
    more = price - prices.per_hour(Market.SPOT)
    hours = attempt.timeout_seconds / 3600
    slice_ = duration(attempt.timeout_seconds)
    return _message(
        record,
        Event.RUN_FELL_BACK,
        MessageSeverity.INFO,
        occasion=str(attempt.number),
        headline=f"goes on on demand for {slice_} at most, {money(more)} more per hour",
        happened=f"attempt {attempt.number} is bought on demand. {attempt.reason}",
        standing=[
            f"For how long: {slice_} at most; then spot is tried again.",
            f"What that costs: {money(price)} per hour instead of "
            f"{money(prices.per_hour(Market.SPOT))}, at most {money(more * hours)} more in all.",
            *_standing(record, prices),
        ],
        to_do=[
            "nothing. If you would rather wait for a spot machine, hold the run with",
            f"  deckhand hold {record.run_id}",
        ],
    )


def stalled_message(
    record: RunRecord, reason: str, prices: Prices, *, is_helped: bool = False
) -> Message:
    """`is_helped` where Deckhand itself does what can be done: *reason* has to say what."""
    look, stop = f"  deckhand show {record.run_id}", f"  deckhand stop {record.run_id}"
    helped = ["nothing. Look at it, if you like, with", look]
    return _message(
        record,
        Event.RUN_STALLED,
        MessageSeverity.INFO if is_helped else MessageSeverity.ACTION,
        occasion=str(record.attempts[-1].number if record.attempts else 0),
        headline=f"makes no progress: {reason}",
        happened=f"the run makes no progress. {reason}",
        standing=_standing(record, prices),
        to_do=helped if is_helped else ["look at it, and stop it if it is lost, with", look, stop],
    )


def held_message(record: RunRecord, reason: str, prices: Prices, approve: str = "") -> Message:
    """*approve* is the command that lets the run go on, if a plain resume does not do it."""
    return _message(
        record,
        Event.RUN_HELD,
        MessageSeverity.ACTION,
        occasion=str(record.round),
        headline=f"is held, {money(cost(record.attempts, prices))} so far: {reason}",
        happened=f"the run is held: no machine works for it. {reason}",
        standing=[*_caps(record), *_standing(record, prices)],
        to_do=[
            "to let it go on",
            f"  {approve or f'deckhand resume {record.run_id}'}",
            "to end it, and get the results up to its last checkpoint",
            f"  deckhand stop {record.run_id}",
        ],
    )


def _message(
    record: RunRecord,
    event: Event,
    severity: MessageSeverity,
    *,
    headline: str,
    happened: str,
    standing: Sequence[str],
    to_do: Sequence[str],
    occasion: str = "",
) -> Message:
    deck = f", deck {record.deck}" if record.deck else ""
    lines = [
        f"Run {record.run_id}",
        f"Drop {record.drop}{deck}",
        "",
        f"What happened: {shorten(happened, MAX_REASON)}".rstrip(),
        "",
        *standing,
        "",
        f"What to do: {to_do[0]}",
        *to_do[1:],
    ]
    return Message(
        run_id=record.run_id,
        event=event,
        occasion=occasion,
        severity=severity,
        subject=f"Deckhand: {run_name(record.drop)} {headline}",
        body="\n".join(lines) + "\n",
        owner=record.owner,
        group=record.group,
        notify=record.notify,
    )


def _caps(record: RunRecord) -> list[str]:
    """What the run may cost and is going to."""
    caps = []
    if record.dollars is not None:
        whose = f"each of its {count(record.points, 'run')}" if record.points else "it"
        caps.append(f"What {whose} may cost: {money(record.dollars)}.")
    if record.projected_cost is not None:
        caps.append(f"What it is expected to cost: {money(record.projected_cost)} in all.")
    return caps


def _standing(record: RunRecord, prices: Prices) -> list[str]:
    """What was lost and spent by the attempts that have ended."""
    lost = sum(steps_lost(item) for item in record.attempts)
    interruptions = sum(1 for item in record.attempts if item.verdict is Verdict.INTERRUPTED)
    steps = f"{lost:,} steps were computed twice or not kept" if lost else "nothing"
    return [
        f"What was lost so far: {steps} ({count(interruptions, 'interruption')}).",
        f"What it cost so far: {money(cost(record.attempts, prices))}.",
    ]
