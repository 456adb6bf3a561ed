"""A sweep from end to end on the real stack: one array, one message, every run's own results."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import Verdict, job_name
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import RunState
from deckhand.domain.sweep import Sweep, read_sweep
from deckhand.usecases.judge_attempt import read_status
from tests.localcloud.conftest import Deployed, wait_for
from tests.localcloud.drops import DUMP_EVERY, changed

TEMPERATURES, SEEDS = (0.5, 1.0, 1.5), (4711, 815)
STEPS = 20_000
DECK = (
    changed("velocity", "velocity all create ${T} ${seed}")
    .replace(b"run             100", f"run {STEPS}".encode())
    .replace(f"atom {DUMP_EVERY} ".encode(), f"atom {STEPS // 4} ".encode())
)
OPTIONS = f"sweep: {{T: {list(TEMPERATURES)}, seed: {list(SEEDS)}}}\n".encode()
LOST = 3


def sweep_of(stack: Deployed, parent: str) -> Sweep:
    return read_sweep(stack.runs.read(keys.sweep(parent)), parent)


def host_of(stack: Deployed, parent: str, index: int) -> str | None:
    for job in stack.cloud.jobs():
        mine = job["name"] == job_name(parent, 1) and job["job"].endswith(f":{index}")
        if mine and job["host"]:
            return str(job["host"])
    return None


@pytest.fixture(scope="module")
def swept(deployed: Deployed) -> RunRecord:
    """Six runs, one of whose machines was lost in the midst of computing."""
    deployed.put_all([{"sweep/in.melt": DECK, "sweep/run.yaml": OPTIONS}])
    parent = deployed.run_of("sweep/in.melt").run_id
    wait_for("the sweep", lambda: deployed.runs.read(keys.sweep(parent)))
    lost = sweep_of(deployed, parent).points[LOST].run_id

    def computes() -> str | None:
        status = read_status(deployed.runs, lost, 1)
        return host_of(deployed, parent, LOST) if status and status.step else None

    deployed.cloud.lose(wait_for("the machine of one run", computes))
    return deployed.closed("sweep/in.melt")


def records(stack: Deployed, parent: str) -> list[RunRecord]:
    found = [stack.ledger.run(point.run_id) for point in sweep_of(stack, parent).points]
    return [record for record in found if record is not None]


def test_every_point_is_a_run_that_completed(deployed: Deployed, swept: RunRecord) -> None:
    assert swept.state is RunState.COMPLETED, swept.reason
    points = records(deployed, swept.run_id)
    assert [record.state for record in points] == [RunState.COMPLETED] * 6
    assert (swept.points, swept.points_done) == (6, 6)


def test_all_first_attempts_were_children_of_one_array(
    deployed: Deployed, swept: RunRecord
) -> None:
    first = [record.attempts[0] for record in records(deployed, swept.run_id)]
    [array] = {(attempt.job_id or "").partition(":")[0] for attempt in first}
    assert [attempt.job_id for attempt in first] == [f"{array}:{index}" for index in range(6)]


def test_only_the_run_that_lost_its_machine_has_a_second_attempt(
    deployed: Deployed, swept: RunRecord
) -> None:
    verdicts = [
        [attempt.verdict for attempt in record.attempts]
        for record in records(deployed, swept.run_id)
    ]
    whole = [[Verdict.COMPLETED]] * 6
    assert verdicts[LOST] == [Verdict.INTERRUPTED, Verdict.COMPLETED]
    assert verdicts[:LOST] + verdicts[LOST + 1 :] == whole[1:]


def test_people_hear_of_it_once(deployed: Deployed, swept: RunRecord) -> None:
    [mail] = deployed.mails(swept.run_id)
    assert "6 of 6 runs completed" in str(mail["Subject"])
    body = str(mail.get_content())
    assert "T=1.5, seed=815: completed" in body
    assert not any(deployed.mails(item.run_id) for item in records(deployed, swept.run_id))
    assert [item.run_id for item in deployed.every_run() if item.drop == swept.drop] == [
        swept.run_id
    ]


def test_every_run_has_the_results_of_its_own_variables(
    deployed: Deployed, swept: RunRecord, tmp_path: Path
) -> None:
    body = deployed.runs.read(keys.result(swept.run_id, "points.csv")) or b""
    table = list(csv.DictReader(io.StringIO(body.decode())))
    expected = [(str(T), str(seed)) for T in TEMPERATURES for seed in SEEDS]
    assert [(row["T"], row["seed"]) for row in table] == expected
    deployed.deckhand("results", swept.run_id, str(tmp_path))
    logs = set()
    for number, row in enumerate(table):
        folder = tmp_path / f"p{number:04d}"
        log = (folder / "log.lammps").read_text()
        rows = [line.split() for line in log.splitlines()]
        [first] = [words for words in rows if words[:1] == ["0"] and len(words) > 4]
        assert float(first[1]) == pytest.approx(float(row["T"]))
        frames = (folder / "traj.lammpstrj").read_text().count("ITEM: TIMESTEP")
        assert frames == 5
        logs.add((folder / "traj.lammpstrj").read_text())
        deployed.deckhand("verify", str(folder))
    assert len(logs) == 6


def test_a_sweep_is_one_line_and_its_runs_are_shown_with_it(
    deployed: Deployed, swept: RunRecord
) -> None:
    listed = deployed.deckhand("list", "--limit", "100")
    assert "6 of 6 runs are done" in listed
    assert records(deployed, swept.run_id)[0].run_id not in listed
    shown = deployed.deckhand("show", swept.run_id)
    assert "T=0.5, seed=4711" in shown


def test_a_held_sweep_rests_and_goes_on_where_its_runs_stood(deployed: Deployed) -> None:
    """What was at work has a checkpoint; what had no machine yet begins after the rest."""
    long = DECK.replace(f"run {STEPS}".encode(), f"run {4 * STEPS}".encode())
    options = b"sweep: {T: [0.5, 1.0, 1.5], seed: [1]}\n"
    deployed.put_all([{"rest/in.melt": long, "rest/run.yaml": options}])
    parent = deployed.run_of("rest/in.melt").run_id
    wait_for("the sweep", lambda: deployed.runs.read(keys.sweep(parent)))
    first = sweep_of(deployed, parent).points[0].run_id

    def computes() -> bool:
        status = read_status(deployed.runs, first, 1)
        return status is not None and status.step > 0

    wait_for("a run at work", computes)
    deployed.deckhand("hold", parent)
    deployed.in_state("rest/in.melt", RunState.HELD)
    assert [record.state for record in records(deployed, parent)] == [RunState.HELD] * 3
    [mail] = wait_for("the message", lambda: deployed.mails(parent))
    assert mail["X-event"] == "run_held"
    deployed.deckhand("resume", parent)
    ended = deployed.in_state("rest/in.melt", RunState.COMPLETED)
    assert ended.points_done == 3
    attempts = records(deployed, parent)[0].attempts
    assert [item.verdict for item in attempts] == [Verdict.CANCELLED, Verdict.COMPLETED]
    assert attempts[1].resumed_from == attempts[0].checkpoint is not None
    wait_for("the second message", lambda: len(deployed.mails(parent)) == 2)
