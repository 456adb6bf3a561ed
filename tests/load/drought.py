"""Many runs and a day without spot machines: the real use cases on a simulated clock.

python -m tests.load.drought [--runs 500] [--seed 1]: with and without `relieve_queue`, as a table.
The same seed gives the same table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Final

from deckhand.domain import keys
from deckhand.domain.attempt import AttemptRecord, Market, Verdict, job_name
from deckhand.domain.cost import Prices, cost
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.manifest import Manifest, Segment, StoredFile
from deckhand.domain.options import Purchase, RunOptions
from deckhand.domain.policy import Policy
from deckhand.domain.profile import Profile
from deckhand.domain.run import Contract, InputFile, Run, RunState
from deckhand.domain.status import Ending, ExitCode, Phase, Status
from deckhand.usecases.close_run import CloseRun
from deckhand.usecases.judge_attempt import Ended, JudgeAttempt
from deckhand.usecases.plan_attempt import Decision, Order, PlanAttempt
from deckhand.usecases.relieve_queue import RelieveQueue
from tests.fakes import FakeBucket, FakeLedger, FakeTopic, telling
from tests.load.batch import ON_DEMAND, SPOT, Attempted, SimulatedBatch
from tests.load.clock import Clock

HOUR: Final = 3600.0
MINUTE: Final = 60.0
VCPUS: Final = 4
SPOT_VCPUS: Final = 100 * VCPUS
ON_DEMAND_VCPUS: Final = 20 * VCPUS
BEGINS, LASTS = 6 * HOUR, 24 * HOUR
"""The drought."""

SPEED: Final = 100.0
"""Steps in a second."""

BETWEEN: Final = 5.0
"""From the end of a job until its attempt is judged, and from a plan to its job."""

RELIEF_EVERY: Final = 5 * MINUTE
WAIT: Final = timedelta(minutes=10)
CHECKPOINT: Final = 600.0
STOP_MARGIN: Final = 300
SPOT_LIFE: Final = 12 * HOUR
WITHOUT_NOTICE: Final = 0.1
LIMIT: Final = 30 * 24 * HOUR
PRICES: Final = Prices(0.2, 0.526)


@dataclass
class Voyage:
    """A run on its way, with a bucket of its own."""

    record: RunRecord
    bucket: FakeBucket
    chance: Random
    ended_at: float | None = None
    moved_at: float = 0.0
    longest_still: float = 0.0

    @property
    def run_id(self) -> str:
        return self.record.run_id


@dataclass
class World:
    """Five hundred runs, one account of AWS, one drought. `relieves` says who moves them."""

    runs: int = 500
    seed: int = 1
    relieves: bool = True
    policy: Policy = field(default_factory=Policy)
    clock: Clock = field(default_factory=Clock)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    topic: FakeTopic = field(default_factory=FakeTopic)
    voyages: dict[str, Voyage] = field(default_factory=dict)
    moves: list[float] = field(default_factory=list)
    let_go: list[float] = field(default_factory=list)
    longest_on_demand_queue: int = 0
    batch: SimulatedBatch = field(init=False)
    relieve: RelieveQueue = field(init=False)

    def __post_init__(self) -> None:
        self.batch = SimulatedBatch(
            clock=self.clock,
            vcpus={SPOT: SPOT_VCPUS, ON_DEMAND: ON_DEMAND_VCPUS},
            size=VCPUS,
            ended=lambda job: self.clock.after(BETWEEN, lambda: self._judge(job)),
            blocked=lambda: self.clock.after(BETWEEN, self._relieve),
        )
        self.tell = telling(self.topic, clock=lambda: self.clock.now)
        self.profiles = {
            "standard": Profile(
                spot_queues=(SPOT,),
                on_demand_queues=(ON_DEMAND,),
                gpus=1,
                vcpus=VCPUS,
                memory_mib=14_336,
                on_demand_vcpus=ON_DEMAND_VCPUS,
            )
        }
        self.relieve = RelieveQueue(self.batch, self.ledger, self.profiles, WAIT)

    def sail(self) -> World:
        """Until every run is over."""
        for number in range(self.runs):
            voyage = self._admit(number)
            self.clock.after(number * 0.1, lambda voyage=voyage: self._plan(voyage))  # type: ignore[misc]
        self.clock.after(BEGINS, self.batch.dry_up)
        self.clock.after(BEGINS + LASTS, self.batch.flow)
        self.clock.every(RELIEF_EVERY, self._relieve)
        self.clock.run(lambda: all(v.ended_at is not None for v in self.voyages.values()), LIMIT)
        return self

    def _admit(self, number: int) -> Voyage:
        """One in ten buys on spot only. The caps are a little more than on demand alone costs."""
        chance = Random(f"{self.seed} {number}")
        hours = chance.uniform(2, 10)
        purchase = Purchase.SPOT_FIRST if number % 10 else Purchase.SPOT_ONLY
        run_id = f"melt-{number:016x}"
        record = self.ledger.admit(
            RunRecord(
                run_id=run_id,
                drop=f"inbox/{number}/",
                state=RunState.CHECKING,
                admitted_at=self.clock.now,
                total_steps=int(hours * HOUR * SPEED),
                dollars=(1.1 * hours + 1) * PRICES.on_demand_per_hour,
                purchase=purchase,
            )
        )
        run = Run(
            run_id=run_id,
            drop=record.drop,
            deck="in.melt",
            inputs=(InputFile(path="in.melt", version_id="1", size=6, sha256="1" * 64),),
            contract=Contract.EXACT,
            options=RunOptions(purchase=purchase),
            total_steps=record.total_steps,
            admitted_at=self.clock.now,
        )
        voyage = Voyage(record, FakeBucket(), chance)
        voyage.bucket.write(keys.run_record(run_id), run.model_dump_json().encode())
        self.voyages[run_id] = voyage
        return voyage

    # ---- the state machine ----------------------------------------------------------------------

    def _plan(self, voyage: Voyage) -> None:
        plan = PlanAttempt(
            runs=voyage.bucket,
            ledger=self.ledger,
            jobs=self.batch,
            tell=self.tell,
            policy=self.policy,
            profiles=self.profiles,
            prices=PRICES,
            stop_margin=STOP_MARGIN,
            adopted_poll=600,
            new_token=lambda: "token",
        )
        planned = plan(voyage.run_id, self.clock.now)
        if planned.decision is Decision.RUN and planned.order is not None:
            order, number = planned.order, planned.attempt
            self.clock.after(BETWEEN, lambda: self._submit(voyage, number, order))
        elif planned.decision is Decision.WAIT:
            self.clock.after(planned.wait_seconds, lambda: self._plan(voyage))
        elif planned.decision is Decision.CLOSE:
            self._close(voyage, planned.state, planned.reason)
        else:
            raise AssertionError(f"{voyage.run_id}: {planned.decision.value}, {planned.reason}")

    def _submit(self, voyage: Voyage, number: int, order: Order) -> None:
        name = job_name(voyage.run_id, number)
        stay = Stay(self, voyage, number, order)
        job = Attempted(
            job_id=f"job-{name}",
            name=name,
            queue=order.queue,
            timeout=order.timeout_seconds,
            created=self.clock.seconds,
            begin=stay.begin,
            leave=stay.leave,
        )
        stay.job = job
        self.batch.submit(job)
        waiting = len(self.batch.waiting[ON_DEMAND])
        self.longest_on_demand_queue = max(self.longest_on_demand_queue, waiting)
        if order.market is Market.ON_DEMAND:
            self.moves.append(self.clock.seconds)

    def _judge(self, job: Attempted) -> None:
        run_id, _, number = job.name.rpartition("-a")
        voyage = self.voyages[run_id]
        judge = JudgeAttempt(voyage.bucket, self.ledger, self.batch)
        cause = json.dumps(job.record())
        judged = judge(run_id, int(number), Ended(error="States.TaskFailed", cause=cause))
        if judged.decision == "plan":
            self._plan(voyage)
        else:
            self._close(voyage, judged.state, judged.reason)

    def _close(self, voyage: Voyage, state: RunState, reason: str) -> None:
        close = CloseRun(voyage.bucket, self.ledger, self.tell, PRICES)
        close(voyage.run_id, state, reason, self.clock.now)
        voyage.ended_at = self.clock.seconds

    def _relieve(self) -> None:
        if self.relieves:
            gone = self.relieve(self.clock.now).let_go
            self.let_go += [self.clock.seconds] * len(gone)

    # ---- what is looked at afterwards -----------------------------------------------------------

    def attempts(self) -> list[AttemptRecord]:
        return [item for record in self.ledger.runs.values() for item in record.attempts]

    def moved(self, begin: float, end: float) -> int:
        """Attempts that were begun on demand between two times."""
        return sum(1 for at in self.moves if begin <= at < end)

    def share_used(self, begin: float, end: float) -> float:
        """Of all that the vCPUs on demand could do between two times."""
        used = self.batch.used(ON_DEMAND, begin, end)
        return used / (ON_DEMAND_VCPUS * (end - begin))


@dataclass
class Stay:
    """One attempt on its machine, from the checkpoint it resumes from."""

    world: World
    voyage: Voyage
    number: int
    order: Order
    job: Attempted = field(init=False)
    began: float = 0.0
    is_over: bool = False

    @property
    def from_step(self) -> int:
        checkpoint = self.order.checkpoint
        return CheckpointId.parse(checkpoint).step if checkpoint else 0

    @property
    def total(self) -> int:
        return self.voyage.record.total_steps or 0

    def begin(self) -> None:
        clock, voyage = self.world.clock, self.voyage
        self.began = clock.seconds
        voyage.longest_still = max(voyage.longest_still, self.began - voyage.moved_at)
        clock.after((self.total - self.from_step) / SPEED, lambda: self.leave("completed"))
        clock.after(self.order.stop_after_seconds, lambda: self.leave("walltime"))
        if self.order.market is Market.SPOT:
            life = voyage.chance.expovariate(1 / SPOT_LIFE)
            clock.after(life, lambda: self.leave("spot notice"))

    def leave(self, why: str) -> None:
        """The first reason counts. A machine that was not up yet takes nothing along."""
        if self.is_over:
            return
        self.is_over = True
        ending = Ending(why)
        if self.job.started is None:
            self.world.batch.end(self.job, None, "Host EC2 (instance i-0) terminated.")
            return
        worked = self.world.clock.seconds - self.began
        without = ending is Ending.SPOT_NOTICE and self.voyage.chance.random() < WITHOUT_NOTICE
        kept = worked - worked % CHECKPOINT if without else worked
        reached, step = (min(self.total, self._step(seconds)) for seconds in (worked, kept))
        self.voyage.moved_at = self.world.clock.seconds
        if ending is Ending.COMPLETED:
            step = self.total
            self._write(keys.completion(self.voyage.run_id, self.number), step, files=False)
        elif step > self.from_step:
            checkpoint = CheckpointId(step, self.number)
            self._write(keys.manifest(self.voyage.run_id, checkpoint), step, files=True)
        self._say(ending, reached, without)
        code = ExitCode.COMPLETED if ending is Ending.COMPLETED else ExitCode.CHECKPOINTED
        lost = "Host EC2 (instance i-0) terminated."
        reason = lost if without else "Essential container in task exited"
        self.world.batch.end(self.job, None if without else code, reason)

    def _step(self, seconds: float) -> int:
        return self.from_step + int(seconds * SPEED)

    def _write(self, key: str, step: int, files: bool) -> None:
        parent = self.order.checkpoint or None
        segment = Segment(attempt=self.number, from_step=self.from_step, to_step=step)
        made = Manifest(
            run_id=self.voyage.run_id,
            step=step,
            time_step=step,
            attempt=self.number,
            parent=parent,
            created_at=self.world.clock.now,
            files=(StoredFile(name="restart.zst", size=4, sha256="0" * 64),) if files else (),
            lammps_version="22 Jul 2025",
            lammps_flags=(),
            segments=(segment,),
        )
        if files:
            file = keys.checkpoint_file(self.voyage.run_id, made.checkpoint_id, "restart.zst")
            self.voyage.bucket.write(file, b"xxxx")
        self.voyage.bucket.write(key, made.model_dump_json().encode())

    def _say(self, ending: Ending, reached: int, without: bool) -> None:
        status = Status(
            run_id=self.voyage.run_id,
            attempt=self.number,
            job_id=self.job.job_id,
            phase=Phase.RUNNING if without else Phase.ENDED,
            started_at=self.world.clock.now - timedelta(seconds=1),
            updated_at=self.world.clock.now,
            step=reached,
            from_step=self.from_step,
            steps_total=self.total,
            steps_per_second=SPEED,
            ending=None if without else ending,
        )
        self.voyage.bucket.write(
            keys.status(self.voyage.run_id, self.number), status.model_dump_json().encode()
        )


def table(worlds: Sequence[tuple[str, World]]) -> str:
    """What happened in each hour of the drought and after it."""
    lines = [f"{'':<44}" + "".join(f"{name:>18}" for name, _ in worlds)]
    hours = (BEGINS, BEGINS + HOUR), (BEGINS + HOUR, BEGINS + 2 * HOUR)
    rest = (BEGINS + 2 * HOUR, BEGINS + LASTS)

    def row(what: str, *cells: str) -> None:
        lines.append(f"{what:<44}" + "".join(f"{cell:>18}" for cell in cells))

    for number, (begin, end) in enumerate(hours, start=1):
        row(f"begun on demand in hour {number}", *(str(w.moved(begin, end)) for _, w in worlds))
    row(
        "begun on demand in an hour after that",
        *(f"{w.moved(*rest) / ((rest[1] - rest[0]) / HOUR):.1f}" for _, w in worlds),
    )
    row("begun on demand before it", *(str(w.moved(0, BEGINS)) for _, w in worlds))
    settled = BEGINS + 20 * MINUTE
    row(
        "on demand in use, from minute 20 on",
        *(f"{w.share_used(settled, BEGINS + LASTS):.1%}" for _, w in worlds),
    )
    row("most that waited on demand", *(str(w.longest_on_demand_queue) for _, w in worlds))
    row("none waits on demand, h after it", *(f"{cleared(w) / HOUR:.1f}" for _, w in worlds))
    row("longest without a machine, h", *(f"{longest_still(w) / HOUR:.1f}" for _, w in worlds))
    row("all completed, h after it", *(f"{last_end(w) / HOUR:.1f}" for _, w in worlds))
    row("cost, $", *(f"{cost(w.attempts(), PRICES):,.0f}" for _, w in worlds))
    row("attempts of a run, most", *(str(most_attempts(w)) for _, w in worlds))
    row("messages", *(str(len(w.topic.mails)) for _, w in worlds))
    row("runs", *(str(dict(states(w))) for _, w in worlds))
    return "\n".join(lines)


def cleared(world: World) -> float:
    """Seconds after the drought from which on nobody waits on demand."""
    return max(0.0, world.batch.last_waited[ON_DEMAND] - (BEGINS + LASTS))


def longest_still(world: World) -> float:
    return max(voyage.longest_still for voyage in world.voyages.values())


def last_end(world: World) -> float:
    ends = [voyage.ended_at for voyage in world.voyages.values()]
    return max(LIMIT if end is None else end for end in ends) - (BEGINS + LASTS)


def most_attempts(world: World) -> int:
    return max(len(record.attempts) for record in world.ledger.runs.values())


def states(world: World) -> Counter[str]:
    return Counter(record.state.value for record in world.ledger.runs.values())


def verdicts(world: World) -> Counter[Verdict | None]:
    return Counter(item.verdict for item in world.attempts())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.drought", description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    worlds = [
        (name, World(options.runs, options.seed, relieves).sail())
        for name, relieves in (("by AWS alone", False), ("relieve_queue", True))
    ]
    print(table(worlds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
