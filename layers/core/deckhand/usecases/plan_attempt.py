"""Plan what a run does next: an attempt, a wait, a hold, or its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil
from secrets import token_urlsafe
from typing import Final

from pydantic import Field

from deckhand.domain import keys
from deckhand.domain.attempt import (
    BY_DECKHAND,
    NEVER_SUBMITTED,
    AttemptRecord,
    Job,
    Judgement,
    Market,
    Verdict,
)
from deckhand.domain.cost import Prices, cost
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import LedgerError, MessageNotSentError, StorageError
from deckhand.domain.ledger import RunRecord, Wish, share_identifier
from deckhand.domain.manifest import Manifest
from deckhand.domain.message import Message
from deckhand.domain.news import (
    fell_back_message,
    held_message,
    stalled_message,
    started_message,
)
from deckhand.domain.policy import (
    Exhausted,
    Hold,
    Plan,
    Policy,
    Wait,
    next_attempt,
)
from deckhand.domain.profile import STANDARD, Profile, Profiles
from deckhand.domain.run import Run, RunState
from deckhand.domain.situation import Situation
from deckhand.usecases.find_job import find_job
from deckhand.usecases.in_sweep import is_told_by_sweep
from deckhand.usecases.judge_attempt import decide
from deckhand.usecases.ports import Bucket, Jobs, Ledger
from deckhand.usecases.tell import Tell
from deckhand.usecases.trusted_checkpoints import newest_checkpoint

ENDING_SECONDS: Final = 15
"""Between two looks at a job that is about to end."""

LONGEST_WAIT_SECONDS: Final = 30 * 24 * 3600

Quote = Callable[[RunRecord, Run, Market, datetime], float | None]
"""What an hour of a run's next attempt costs on a market, its GPUs counted: quote_attempt.py."""


def without_quote(record: RunRecord, run: Run, market: Market, now: datetime) -> float | None:
    return None


class Decision(StrEnum):
    """What the state machine does next."""

    RUN = "run"
    WAIT = "wait"
    JUDGE = "judge"
    HOLD = "hold"
    CLOSE = "close"


class Order(Frozen):
    """What AWS Batch is asked for, in the words of SubmitJob; `checkpoint` is empty for none.

    https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html
    """

    queue: str
    market: Market
    checkpoint: str
    timeout_seconds: int
    stop_after_seconds: int
    share: str
    owner: str
    group: str
    priority: int
    resources: tuple[dict[str, str], ...]
    token: str = Field(repr=False)


class Planned(Frozen):
    """`order` is there for an attempt, `wait_seconds` for a wait; `state` is the run's."""

    decision: Decision
    state: RunState
    reason: str
    attempt: int
    order: Order | None = None
    wait_seconds: int = 0


@dataclass(frozen=True)
class PlanAttempt:
    """Where a run stands is in the ledger and in S3, so any execution can go on from there.

    Seconds: an attempt stops `stop_margin` before its end, and `adopted_poll` lie between two looks
    at a job that an earlier execution has submitted. `prices` are of an attempt of usual size, for
    those of which nobody can `quote` one. `new_token` makes what nobody can guess.
    """

    runs: Bucket
    ledger: Ledger
    jobs: Jobs
    tell: Tell
    policy: Policy
    profiles: Profiles
    prices: Prices
    stop_margin: int
    adopted_poll: int
    quote: Quote = without_quote
    new_token: Callable[[], str] = token_urlsafe

    def __call__(self, run_id: str, now: datetime) -> Planned:
        """Safe to repeat, and to take up where another execution of the run has left off."""
        record = self._record(run_id)
        if record.state.is_final:
            return _planned(Decision.CLOSE, record, record.reason, record.state)
        run = self._run(record)
        if record.open_attempt is not None:
            return self._open(record, run, record.open_attempt)
        over = _over(record)
        if over is not None:
            return over
        if record.wish is Wish.STOP:
            reason = "It was stopped by its user."
            return _planned(Decision.CLOSE, record, reason, RunState.CANCELLED)
        if record.wish is Wish.HOLD:
            return self.hold(record, "It was held by its user.")
        return self._next(record, run, now)

    def _open(self, record: RunRecord, run: Run, attempt: AttemptRecord) -> Planned:
        """An attempt is planned already: was it submitted, and has it ended?"""
        job = find_job(self.jobs, record, attempt)
        if job is None:
            if record.wish is None:
                return self._order(record, run, attempt)
            return _planned(Decision.JUDGE, record, NEVER_SUBMITTED)
        if not job.is_live:
            return _planned(Decision.JUDGE, record, "The attempt has ended.")
        return self._adopt(record, job)

    def _adopt(self, record: RunRecord, job: Job) -> Planned:
        if record.wish is None:
            reason = f"Attempt {len(record.attempts)} goes on."
            return _planned(Decision.WAIT, record, reason, wait_seconds=self.adopted_poll)
        self.jobs.terminate(job.job_id, wish_reason(record.wish))
        reason = f"Attempt {len(record.attempts)} writes its last checkpoint."
        return _planned(Decision.WAIT, record, reason, wait_seconds=ENDING_SECONDS)

    def _next(self, record: RunRecord, run: Run, now: datetime) -> Planned:
        manifest = newest_checkpoint(self.runs, record.run_id)
        prices = self._prices(record, run, now)
        plan = next_attempt(self._situation(record, run, manifest, prices, now), self.policy)
        if isinstance(plan, Exhausted):
            return _planned(Decision.CLOSE, record, plan.reason, RunState.FAILED)
        if isinstance(plan, Hold):
            return self.hold(record, plan.reason, plan.command, prices)
        if isinstance(plan, Wait):
            self.ledger.advance(record.run_id, RunState.WAITING, reason=plan.reason)
            seconds = min(ceil((plan.until - now).total_seconds()), LONGEST_WAIT_SECONDS)
            return _planned(Decision.WAIT, record, plan.reason, wait_seconds=max(1, seconds))
        return self._attempt(record, run, plan, manifest, prices, now)

    def _attempt(
        self, record: RunRecord, run: Run, plan: Plan, manifest: Manifest | None, prices: Prices,
        now: datetime,
    ) -> Planned:  # fmt: skip
        attempt = AttemptRecord(
            number=plan.number,
            market=plan.market,
            queue=plan.queue,
            planned_at=now,
            resumed_from=str(manifest.checkpoint_id) if manifest else None,
            timeout_seconds=plan.timeout_seconds,
            reason=plan.reason,
            price_per_hour=prices.per_hour(plan.market) or None,
            on_demand_per_hour=prices.on_demand_per_hour or None,
            token=self.new_token(),
        )
        if not self.ledger.plan(record.run_id, attempt):
            recorded = self._record(record.run_id).attempt(plan.number)
            if recorded is None:
                raise LedgerError(
                    f"Attempt {plan.number} of {record.run_id} is taken but not in the ledger."
                )
            attempt = recorded
        before = record.attempts[-1] if record.attempts else None
        progress = {"taken_up": 0} if before is not None and before.advanced else {}
        self.ledger.advance(record.run_id, RunState.RUNNING, reason=attempt.reason, **progress)
        self._tell_of(record, run, attempt, prices)
        return self._order(record, run, attempt)

    def _tell_of(self, record: RunRecord, run: Run, attempt: AttemptRecord, prices: Prices) -> None:
        if attempt.number == 1 and run.options.tell_start:
            self._tell(record, started_message(record, prices))
        if not record.attempts:
            return
        before = record.attempts[-1]
        if before.verdict is Verdict.STALLED:
            reason = f"{before.reason} Attempt {attempt.number} goes on on another machine."
            self._tell(record, stalled_message(record, reason, prices, is_helped=True))
        if before.market is Market.SPOT and attempt.market is Market.ON_DEMAND:
            self._tell(record, fell_back_message(record, attempt, prices))

    def _tell(self, record: RunRecord, message: Message) -> None:
        if not is_told_by_sweep(self.ledger, record):
            # What SNS does not take now is sent by the reaper; no run waits for that.
            with suppress(MessageNotSentError):
                self.tell(message)

    def hold(
        self, record: RunRecord, reason: str, command: str = "", prices: Prices | None = None
    ) -> Planned:
        """Let a run rest until *command*, and tell people unless its sweep tells them."""
        self.ledger.advance(record.run_id, RunState.HELD, reason=reason)
        self._tell(record, held_message(record, reason, prices or self.prices, command))
        return _planned(Decision.HOLD, record, reason, RunState.HELD)

    def _prices(self, record: RunRecord, run: Run, now: datetime) -> Prices:
        """Of the run's next attempt, today; nothing where nobody knows one."""
        usual, asked = self._profile(run).gpus, run.options.gpus
        ours = self.prices.times(asked / usual) if asked and usual else self.prices
        return Prices(
            *(
                self.quote(record, run, market, now) or ours.per_hour(market)
                for market in (Market.SPOT, Market.ON_DEMAND)
            )
        )

    def _situation(
        self, record: RunRecord, run: Run, manifest: Manifest | None, prices: Prices,
        now: datetime,
    ) -> Situation:  # fmt: skip
        profile = self._profile(run)
        return Situation(
            run_id=record.run_id,
            history=record.attempts,
            forgiven=record.forgiven,
            now=now,
            admitted_at=record.admitted_at,
            options=run.options.model_copy(update={"hours": record.hours}),
            dollars=record.dollars,
            spent=cost(record.attempts, prices),
            prices={market: prices.per_hour(market) or None for market in Market},
            remaining_seconds=remaining_seconds(record, manifest),
            spot_queues=profile.spot_queues,
            on_demand_queues=profile.on_demand_queues,
        )

    def _order(self, record: RunRecord, run: Run, attempt: AttemptRecord) -> Planned:
        profile, seconds = self._profile(run), attempt.timeout_seconds
        queues = {
            Market.SPOT: profile.spot_queues[0],
            Market.ON_DEMAND: profile.on_demand_queues[0],
        }
        order = Order(
            queue=attempt.queue or queues[attempt.market],
            market=attempt.market,
            checkpoint=attempt.resumed_from or "",
            timeout_seconds=seconds,
            stop_after_seconds=max(seconds - self.stop_margin, seconds // 2),
            share=share_identifier(record.owner),
            owner=record.owner,
            group=record.group,
            priority=run.options.priority,
            resources=tuple(profile.resources(run.options.gpus)),
            token=attempt.token or "",
        )
        return Planned(
            decision=Decision.RUN,
            state=record.state,
            reason=attempt.reason,
            attempt=attempt.number,
            order=order,
        )

    def _profile(self, run: Run) -> Profile:
        return self.profiles[run.options.instance or STANDARD]

    def _run(self, record: RunRecord) -> Run:
        """The admitted run, with what its user has asked for since."""
        content = self.runs.read(keys.run_record(record.run_id))
        if content is None:
            raise StorageError(f"{keys.run_record(record.run_id)} is not in {self.runs.name}.")
        run = Run.model_validate_json(content)
        if run.extensions != record.extensions:
            run = run.extended(record.extensions)
            self.runs.write(keys.run_record(run.run_id), run.model_dump_json(indent=1).encode())
        return run

    def _record(self, run_id: str) -> RunRecord:
        record = self.ledger.run(run_id)
        if record is None:
            raise LedgerError(f"The ledger does not know the run {run_id}.")
        return record


def wish_reason(wish: Wish) -> str:
    """What Batch is told when an attempt is ended because its user said so."""
    return f"{BY_DECKHAND}its user said {wish.value}"


def remaining_seconds(record: RunRecord, manifest: Manifest | None) -> float | None:
    """Machine time that the rest of a run takes, by the speed of its attempts so far."""
    speed = next(
        (item.steps_per_second for item in reversed(record.attempts) if item.steps_per_second),
        None,
    )
    if speed is None or record.total_steps is None:
        return None
    done = manifest.step if manifest else 0
    return max(0.0, (record.total_steps - done) / speed)


def _over(record: RunRecord) -> Planned | None:
    """The end that its last attempt has brought, if an execution died before it closed the run.

    An attempt that somebody forgave, by resuming or extending the run, has brought none.
    """
    if len(record.attempts) <= record.forgiven:
        return None
    newest = record.attempts[-1]
    if newest.verdict is None:
        return None
    judged = decide(Judgement(verdict=newest.verdict, reason=newest.reason), record.wish)
    if judged.decision == "plan":
        return None
    return _planned(Decision.CLOSE, record, judged.reason, judged.state)


def _planned(
    decision: Decision,
    record: RunRecord,
    reason: str,
    state: RunState | None = None,
    wait_seconds: int = 0,
) -> Planned:
    return Planned(
        decision=decision,
        state=state or record.state,
        reason=reason,
        attempt=len(record.attempts),
        wait_seconds=wait_seconds,
    )
