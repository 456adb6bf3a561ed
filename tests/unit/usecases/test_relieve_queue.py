"""A dry spot market moves as many attempts as there is room for on demand, and back again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import Market, Outcome, Verdict, job_name, judge, parse_job
from deckhand.domain.ledger import RunRecord
from deckhand.domain.options import Purchase
from deckhand.domain.profile import Profile
from deckhand.usecases.relieve_queue import READS_PER_PLACE, Relief, RelieveQueue
from tests.fakes import FakeJobs, FakeLedger
from tests.makers import RUN, attempt_record, ended_attempt, job, run_record

BEGAN = datetime.fromtimestamp(1_700_000_000, UTC)
NOW = BEGAN + timedelta(hours=1)
WAIT = timedelta(minutes=10)
LACK = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested"
PROFILE = Profile(
    spot_queues=("spot",),
    on_demand_queues=("on-demand",),
    gpus=1,
    vcpus=4,
    memory_mib=1000,
    on_demand_vcpus=4 * 5,
)


def put(
    jobs: FakeJobs,
    name: str,
    status: str,
    queue: str = "spot",
    minutes: float = 60,
    reason: str = "",
) -> None:
    created = int((NOW - timedelta(minutes=minutes)).timestamp() * 1000)
    given = {"JobId": name, "Status": status, "CreatedAt": created, "StatusReason": reason}
    jobs.by_name[name] = parse_job(job(**given))
    jobs.queues[name] = queue


def put_head(jobs: FakeJobs, minutes: float = 600) -> None:
    """The one job that Batch tells why it waits."""
    put(jobs, "head", "RUNNABLE", minutes=minutes, reason=LACK)


def relieve(jobs: FakeJobs, ledger: FakeLedger | None = None, now: datetime = NOW) -> list[str]:
    return look(jobs, ledger or FakeLedger(), now).let_go


def look(jobs: FakeJobs, ledger: FakeLedger, now: datetime = NOW) -> Relief:
    return RelieveQueue(jobs, ledger, {"standard": PROFILE}, WAIT)(now)


def test_those_that_waited_longest_are_let_go_as_far_as_there_is_room() -> None:
    jobs = FakeJobs()
    put_head(jobs, minutes=9)
    for number in range(1000):
        put(jobs, f"w{number:04d}", "RUNNABLE", minutes=20 + number)
    put(jobs, "d1", "RUNNING", "on-demand")
    put(jobs, "d2", "RUNNABLE", "on-demand")
    assert relieve(jobs) == ["w0999", "w0998", "w0997"]
    assert jobs.terminated == ["w0999", "w0998", "w0997"]


def test_a_queue_is_blocked_if_batch_says_why_its_head_waits() -> None:
    jobs = FakeJobs()
    put_head(jobs, minutes=1)
    put(jobs, "w", "RUNNABLE")
    put(jobs, "d", "RUNNABLE", "on-demand")
    assert look(jobs, FakeLedger()).blocked == ["spot"]
    why = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) have insufficient resources."
    put(jobs, "d", "RUNNABLE", "on-demand", reason=why)
    assert look(jobs, FakeLedger()).blocked == ["on-demand", "spot"]


def test_a_queue_whose_attempts_wait_for_their_turn_is_not_blocked() -> None:
    jobs = FakeJobs()
    put(jobs, "w", "RUNNABLE")
    put(jobs, "ended", "RUNNING", reason=LACK)
    assert look(jobs, FakeLedger()).blocked == []


def test_what_is_let_go_is_judged_as_no_capacity() -> None:
    jobs = FakeJobs()
    put_head(jobs)
    relieve(jobs)
    ended = parse_job(job(StatusReason=jobs.reasons[0], IsTerminated=True, Attempts=[]))
    assert judge(Outcome(job=ended)).verdict is Verdict.NO_CAPACITY


def test_those_under_way_count_as_if_they_had_arrived() -> None:
    """A head that is let go makes the next one block its queue, which is told at once."""
    jobs, ledger = FakeJobs(), FakeLedger()
    put_head(jobs)
    assert relieve(jobs, ledger) == ["head"]
    del jobs.by_name["head"]
    for number in range(9):
        put(jobs, f"w{number}", "RUNNABLE", reason="" if number else LACK)
    assert relieve(jobs, ledger, NOW + timedelta(seconds=10)) == []
    put(jobs, "d1", "STARTING", "on-demand")
    assert len(relieve(jobs, ledger, NOW + timedelta(minutes=5))) == 4


@pytest.mark.parametrize("status", ["RUNNING", "SUBMITTED", "PENDING"])
def test_only_those_that_wait_for_a_machine_are_let_go(status: str) -> None:
    jobs = FakeJobs()
    put_head(jobs)
    put(jobs, "w", status)
    assert relieve(jobs) == ["head"]


def test_nobody_is_let_go_who_has_not_waited_long() -> None:
    jobs = FakeJobs()
    put_head(jobs, minutes=9)
    assert relieve(jobs) == []


def test_nobody_is_let_go_while_spot_machines_are_being_had() -> None:
    jobs = FakeJobs()
    put_head(jobs)
    put(jobs, "s", "STARTING")
    assert relieve(jobs) == []


def test_nobody_is_let_go_who_only_waits_for_his_turn() -> None:
    """All vCPUs that the compute environment may have are in use: that is no drought."""
    jobs = FakeJobs()
    put(jobs, "s", "RUNNING")
    put(jobs, "w", "RUNNABLE")
    assert relieve(jobs) == []


@given(st.lists(st.sampled_from(["RUNNABLE", "RUNNING"])), st.integers(0, 12))
def test_there_is_always_room_for_those_let_go(statuses: list[str], on_demand: int) -> None:
    jobs = FakeJobs()
    put_head(jobs, minutes=0)
    for number, status in enumerate(statuses):
        put(jobs, f"w{number}", status)
    for number in range(on_demand):
        put(jobs, f"d{number}", "RUNNING", "on-demand")
    gone = relieve(jobs)
    assert len(gone) == min(statuses.count("RUNNABLE"), max(0, 5 - on_demand))


def put_waiting(jobs: FakeJobs, ledger: FakeLedger, count: int, purchase: Purchase) -> list[str]:
    """The names of attempts that wait for a spot machine, each longer than those put before it."""
    names = []
    for _ in range(count):
        run_id = f"melt-{len(ledger.runs):016x}"
        ledger.admit(run_record(run_id=run_id, purchase=purchase))
        names.append(job_name(run_id, 1))
        put(jobs, names[-1], "RUNNABLE", minutes=20 + len(ledger.runs))
    return names


def test_who_may_only_have_spot_machines_keeps_his_place() -> None:
    jobs, ledger = FakeJobs(), FakeLedger()
    put_head(jobs, minutes=9)
    movable = put_waiting(jobs, ledger, 9, Purchase.SPOT_FIRST)
    put_waiting(jobs, ledger, 9, Purchase.SPOT_ONLY)
    assert relieve(jobs, ledger) == movable[:-6:-1]


def test_of_an_array_that_may_only_have_spot_machines_no_child_is_let_go() -> None:
    jobs, ledger = FakeJobs(), FakeLedger()
    ledger.admit(run_record(points=3, purchase=Purchase.SPOT_ONLY))
    created = int((NOW - timedelta(hours=1)).timestamp() * 1000)
    waits = {"Status": "RUNNABLE", "CreatedAt": created, "StatusReason": "CAPACITY:none"}
    jobs.put_array(job_name(RUN, 1), *[parse_job(job(**waits)) for _ in range(3)])
    assert relieve(jobs, ledger) == []


def test_however_many_wait_few_are_read_and_the_next_look_goes_on() -> None:
    class Counted(FakeLedger):
        reads = 0

        def run(self, run_id: str) -> RunRecord | None:
            self.reads += 1
            return super().run(run_id)

    jobs, ledger = FakeJobs(), Counted()
    put_head(jobs, minutes=9)
    movable = put_waiting(jobs, ledger, 9, Purchase.SPOT_FIRST)
    put_waiting(jobs, ledger, 5 * READS_PER_PLACE + 1, Purchase.SPOT_ONLY)
    relieve_queue = RelieveQueue(jobs, ledger, {"standard": PROFILE}, WAIT)
    assert relieve_queue(NOW).let_go == []
    assert ledger.reads == 5 * READS_PER_PLACE
    assert relieve_queue(NOW).let_go == movable[:-6:-1]
    assert ledger.reads == 5 * READS_PER_PLACE + 1 + 5


SPOT_LACKED = ended_attempt(1, Verdict.NO_CAPACITY)
INTERRUPTED = ended_attempt(1, Verdict.INTERRUPTED)
SLICE_ENDED = ended_attempt(1, Verdict.WALLTIME, market=Market.ON_DEMAND)
CASES = {
    "lacked spot": (SPOT_LACKED, True),
    "lost": (INTERRUPTED, False),
    "meant": (SLICE_ENDED, False),
}


@pytest.mark.parametrize("case", CASES)
def test_who_waits_on_demand_for_want_of_spot_goes_back_when_it_flows(case: str) -> None:
    before, goes_back = CASES[case]
    ledger = FakeLedger()
    ledger.admit(run_record(attempts=(before, attempt_record(2, market=Market.ON_DEMAND))))
    name = job_name(RUN, 2)
    jobs = FakeJobs()
    put(jobs, name, "RUNNABLE", "on-demand")
    put(jobs, "stranger", "RUNNABLE", "on-demand")
    put(jobs, "s", "STARTING")
    assert relieve(jobs, ledger) == ([name] if goes_back else [])


@pytest.mark.parametrize("change", ["young", "at work", "no spot seen", "spot still dry"])
def test_who_waits_on_demand_stays_otherwise(change: str) -> None:
    ledger = FakeLedger()
    ledger.admit(run_record(attempts=(SPOT_LACKED, attempt_record(2, market=Market.ON_DEMAND))))
    jobs = FakeJobs()
    status = "RUNNING" if change == "at work" else "RUNNABLE"
    minutes = 9 if change == "young" else 60
    put(jobs, job_name(RUN, 2), status, "on-demand", minutes)
    put(jobs, "s", "RUNNING" if change == "no spot seen" else "STARTING")
    if change == "spot still dry":
        put_head(jobs)
    assert relieve(jobs, ledger) == []


def test_of_an_array_the_children_are_let_go_one_by_one() -> None:
    jobs = FakeJobs()
    created = int((NOW - timedelta(hours=1)).timestamp() * 1000)
    waits = {"Status": "RUNNABLE", "CreatedAt": created, "StatusReason": "CAPACITY:none"}
    children = [parse_job(job(**waits)) for _ in range(9)]
    array = jobs.put_array("sweep-a1", *children)
    jobs.put_array("other-a1", children[0], queue="on-demand")
    assert relieve(jobs) == [f"sweep-a1:{number}" for number in range(4)]
    assert jobs.terminated == [f"{array}:{number}" for number in range(4)]
