"""Do what a person wants of a run: stop, hold, resume, extend, or run it once more."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from deckhand.domain import keys
from deckhand.domain.deck import DropObject, Frozen, rerun_id
from deckhand.domain.errors import LedgerError, SteeringError
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.run import Run, RunState
from deckhand.domain.steering import Request, Verb
from deckhand.domain.sweep import read_sweep
from deckhand.usecases.find_job import find_job
from deckhand.usecases.next_round import next_round
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.plan_attempt import wish_reason
from deckhand.usecases.ports import Bucket, Executions, Jobs, Ledger

MAX_EXTENSIONS: Final = 100
RESUMABLE_STATES: Final = frozenset({RunState.HELD, RunState.CANCELLED, RunState.FAILED})


class Steered(Frozen):
    """What was done; `run_id` is that of the new run for a rerun."""

    run_id: str
    done: str


@dataclass(frozen=True)
class SteerRun:
    """`why_not_extended` says why nothing can follow a deck's end, or nothing.

    It is given the deck's name and what reads a script by the name that the deck has for it.
    """

    runs: Bucket
    ledger: Ledger
    executions: Executions
    jobs: Jobs
    why_not_extended: Callable[[str, Callable[[str], str | None]], str]

    def __call__(self, request: Request, now: datetime) -> Steered:
        """Safe to repeat; raises SteeringError for what cannot be done, with the reason."""
        record = self.ledger.run(request.run_id)
        if record is None:
            raise LedgerError(f"There is no run {request.run_id}. `deckhand list` shows them.")
        if request.is_heard_in(record):
            return self._heard(record, request, now)
        steered = self._do(record, request, now)
        if record.point is not None and record.parent is not None:
            self._wake(record.parent, now)
        return steered

    def _do(self, record: RunRecord, request: Request, now: datetime) -> Steered:
        match request.verb:
            case Verb.STOP:
                return self._wish(record, Wish.STOP, request, now)
            case Verb.HOLD:
                return self._wish(record, Wish.HOLD, request, now)
            case Verb.RESUME:
                return self._resume(record, request, now)
            case Verb.EXTEND:
                return self._extend(record, request, now)
            case Verb.RERUN:
                return self._rerun(record, request, now)

    def _heard(self, record: RunRecord, request: Request, now: datetime) -> Steered:
        """Somebody asks again; what was written down before may not have been done."""
        is_wish = record.wish is not None and record.wish.value == request.verb.value
        if is_wish and record.steered_at is not None and not record.began_since(record.steered_at):
            return Steered(run_id=record.run_id, done=self.enforce(record, now))
        return Steered(run_id=record.run_id, done="That was done already.")

    def enforce(self, record: RunRecord, now: datetime) -> str:
        """End what stands in the way of a run's wish; the state machine does the rest."""
        assert record.wish is not None
        attempt = record.open_attempt
        job = find_job(self.jobs, record, attempt) if attempt else None
        is_live = job is not None and job.is_live
        if job is not None and is_live:
            self.jobs.terminate(job.job_id, wish_reason(record.wish))
        if record.points:
            return self._enforce_on_points(record, now)
        if is_live:
            return f"Attempt {len(record.attempts)} writes its last checkpoint and ends."
        if attempt is not None:
            return "Its machine is about to start or has just ended: it ends as soon as it can."
        if record.is_carried_by_parent:
            return "No machine is at work: it ends when its sweep is looked at next."
        # It waits, for its files or for its hours, or is held: the next round hears of the wish.
        self.executions.stop(record.execution, "its user wants something else")
        self._next_round(record, now, wish=record.wish)
        return "No machine is at work: it ends at once."

    def _enforce_on_points(self, record: RunRecord, now: datetime) -> str:
        """Its array has been ended; the next round of the sweep tells the runs beside that."""
        assert record.wish is not None
        self.executions.stop(record.execution, "its user wants something else")
        self._next_round(record, now, wish=record.wish)
        return "Its runs write their last checkpoints and end."

    def _wake(self, parent: str, now: datetime) -> None:
        """Let a sweep that rests because its runs do look at them again."""
        record = self.ledger.run(parent)
        if record is not None and record.state is RunState.HELD and record.wish is None:
            self._next_round(record, now)

    def _wish(self, record: RunRecord, wish: Wish, request: Request, now: datetime) -> Steered:
        if record.state.is_final:
            raise SteeringError(f"{record.run_id} is over already: it is {record.state.value}.")
        if record.state is RunState.HELD and wish is Wish.HOLD:
            return Steered(run_id=record.run_id, done="It is held already.")
        self.ledger.express(record.run_id, wish, request.at or now)
        # Asked for again: the answer may have been lost on its way, or somebody was faster.
        wished = self.ledger.run(record.run_id)
        if wished is None or wished.wish is not wish:
            return Steered(run_id=record.run_id, done="That was done already.")
        return Steered(run_id=record.run_id, done=self.enforce(wished, now))

    def _resume(self, record: RunRecord, request: Request, now: datetime) -> Steered:
        if record.state not in RESUMABLE_STATES:
            raise SteeringError(_why_not_resumed(record))
        if record.deck is None and record.state is not RunState.HELD:
            raise SteeringError(f"{record.run_id} was never accepted. Upload its drop again.")
        self._let_go_on(
            record,
            request,
            now,
            dollars=request.dollars or record.dollars,
            hours=request.hours or record.hours,
        )
        return Steered(run_id=record.run_id, done="It goes on from its newest checkpoint.")

    def _extend(self, record: RunRecord, request: Request, now: datetime) -> Steered:
        if record.points:
            raise SteeringError(
                f"{record.run_id} is a sweep. Extend its runs one by one; "
                f"`deckhand show {record.run_id}` names them."
            )
        if request.steps is None:
            raise SteeringError("Say by how many steps: `deckhand extend RUN --steps N`.")
        if record.state is not RunState.COMPLETED:
            raise SteeringError(
                f"Only a completed run can be extended; {record.run_id} is {record.state.value}."
            )
        if len(record.extensions) >= MAX_EXTENSIONS:
            raise SteeringError(f"{record.run_id} has been extended {MAX_EXTENSIONS} times.")
        self._check_extension(record)
        total = record.total_steps
        self._let_go_on(
            record,
            request,
            now,
            extensions=(*record.extensions, request.steps),
            total_steps=None if total is None else total + request.steps,
        )
        return Steered(run_id=record.run_id, done=f"It goes on for {request.steps:,} steps.")

    def _let_go_on(
        self, record: RunRecord, request: Request, now: datetime, **change: object
    ) -> None:
        """What was tried before counts no more for what the run may try."""
        known = {"steered_at": request.at or now, "forgiven": len(record.attempts), "taken_up": 0}
        next_round(self.ledger, self.executions, record, now, None, **known, **change)

    def _rerun(self, record: RunRecord, request: Request, now: datetime) -> Steered:
        """A run of its own of the same frozen files, from the beginning."""
        run = self._run(record)
        new = rerun_id(record.run_id, request.token)
        again = run.extended(()).model_copy(update={"run_id": new, "admitted_at": now})
        if run.parent is None:
            in_parallel(
                lambda item: self._copy(record.run_id, new, item.path, item.size, now), run.inputs
            )
        if run.options.sweep is not None:
            sweep = read_sweep(self.runs.read(keys.sweep(record.run_id)), record.run_id)
            self.runs.write(keys.sweep(new), sweep.again(new).model_dump_json().encode())
        self.runs.write(keys.run_record(new), again.model_dump_json(indent=1).encode())
        admitted = self.ledger.admit(record.another(new, now, parent=record.parent))
        self.executions.start(admitted.execution, new, record.drop)
        self.ledger.mark_started(new, now)
        return Steered(run_id=new, done=f"{new} begins with the first step.")

    def _copy(self, source: str, target: str, path: str, size: int, now: datetime) -> None:
        key = keys.deck(source, path)
        # The bucket of the runs keeps no versions.
        plain = DropObject(key=key, version_id="", size=size, last_modified=now)
        self.runs.take(self.runs, plain, keys.deck(target, path))

    def _next_round(self, record: RunRecord, now: datetime, wish: Wish | None = None) -> None:
        next_round(self.ledger, self.executions, record, now, wish)

    def _run(self, record: RunRecord) -> Run:
        content = self.runs.read(keys.run_record(record.run_id))
        if content is None:
            raise SteeringError(f"{record.run_id} was never accepted. Upload its drop again.")
        return Run.model_validate_json(content)

    def _check_extension(self, record: RunRecord) -> None:
        run = self._run(record)
        deck = PurePosixPath(run.deck)

        def read(name: str) -> str | None:
            path = posixpath.normpath(deck.parent / name)
            content = self.runs.read(keys.deck(run.parent or run.run_id, path))
            return None if content is None else content.decode("utf-8", "replace")

        why_not = self.why_not_extended(deck.name, read)
        if why_not:
            raise SteeringError(f"{record.run_id} cannot be extended: {why_not}")


def _why_not_resumed(record: RunRecord) -> str:
    if record.wish is not None and not record.state.is_final:
        return f"{record.run_id} has yet to stop. `deckhand show {record.run_id}` says when it has."
    if record.state is RunState.COMPLETED:
        return f"{record.run_id} has reached its end. `deckhand extend` gives it more steps."
    if record.state is RunState.REJECTED:
        return f"{record.run_id} was rejected: {record.reason} Upload its drop again."
    return f"{record.run_id} is not held: it is {record.state.value}."
