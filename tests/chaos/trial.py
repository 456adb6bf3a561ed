"""One point tried: AWS fails there, and the run must come to its one true end all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from deckhand.domain import keys
from deckhand.domain.ledger import RunRecord
from deckhand.domain.message import AGAIN
from deckhand.domain.report import Report
from deckhand.domain.run import RunState
from deckhand.usecases.verify_results import results_in_cloud, verify_results
from tests.chaos import job
from tests.chaos.cloud import Cloud
from tests.chaos.faults import How, Point

ABORTED: Final = frozenset({How.ABORTED_BEFORE, How.ABORTED_AFTER})
ROUNDS: Final = 12
"""Of surveys and reaping; after so many a cloud that still finds something to do never rests."""

PUBLISH: Final = "sns.Publish"
SENT: Final = "dynamodb.UpdateItem message#run_closed"
IN_DOUBT: Final = frozenset(
    {
        (PUBLISH, How.DIES_BEFORE),
        (PUBLISH, How.DIES_AFTER),
        (SENT, How.DIES_BEFORE),
        (SENT, How.REFUSED),
        (SENT, How.BROKEN),
        (SENT, How.UNREACHABLE),
    }
)
"""Between claim and note nobody can know whether people were told. The reaper tells them, and says
that they may know."""


@dataclass
class Trial:
    """What came of a point; `problems` are broken promises."""

    point: Point | None
    reached: bool = False
    state: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        if not self.reached and self.point is not None:
            return "NOT REACHED"
        return "BROKEN" if self.problems else "ok"


def points_of(cloud: Cloud) -> list[Point]:
    """Every way in which the requests of a good run may go wrong, in their order."""
    trial = tried(cloud, None)
    assert not trial.problems, trial.problems
    requests = cloud.faults.requests
    return [Point(str(request), how) for request in requests for how in request.ways]


def points_of_a_check_by_job(cloud: Cloud) -> list[Point]:
    """Those that a run has besides, whose deck a job carries through LAMMPS."""
    usual = {point.request for point in points_of(cloud)}
    trial = tried(cloud, None, checks_by_job=True)
    assert not trial.problems, trial.problems
    requests = [request for request in cloud.faults.requests if str(request) not in usual]
    return [Point(str(request), how) for request in requests for how in request.ways]


def tried(cloud: Cloud, point: Point | None, *, checks_by_job: bool = False) -> Trial:
    """Carry a drop to its end while *point* goes wrong."""
    cloud.checks_by_job = checks_by_job
    cloud.fresh(point)
    trial = Trial(point)
    try:
        rounds = _carry(cloud)
        trial.problems += _broken(cloud, point)
        if rounds == ROUNDS:
            trial.problems.append("there is always something to do")
    except Exception as error:
        trial.problems.append(f"{type(error).__name__}: {error}")
    trial.reached = cloud.faults.struck
    trial.state = ", ".join(record.state.value for record in cloud.records())
    return trial


def _carry(cloud: Cloud) -> int:
    for number in range(1, ROUNDS + 1):
        did = cloud.work()
        cloud.faults.release(all_of_them=True)
        cloud.survey()
        did = cloud.reap() or cloud.work() or did
        if not did:
            return number
    return ROUNDS


def _broken(cloud: Cloud, point: Point | None) -> Iterator[str]:
    records = cloud.records()
    if len(records) != 1:
        yield f"{len(records)} runs of one drop: {[item.run_id for item in records]}"
        return
    record = cloud.ledger.run(records[0].run_id)
    assert record is not None
    if record.state is RunState.CANCELLED and point and point.how in ABORTED:
        if record.closed_at is None:
            yield "the run is not closed"
    else:
        yield from _untrue(cloud, record)
    yield from _untold(cloud, record, point)
    yield from _left_over(cloud)


def _untrue(cloud: Cloud, record: RunRecord) -> Iterator[str]:
    """What the ledger, the report and the results say must be what happened: the deck ended."""
    if record.state is not RunState.COMPLETED or record.closed_at is None:
        yield f"the run is {record.state.value}: {record.reason}"
    made = {path: cloud.runs.read(keys.result(record.run_id, path)) for path in sorted(job.RESULTS)}
    if made != job.RESULTS:
        yield f"the results are {made}"
        return
    body = cloud.runs.read(keys.report(record.run_id))
    report = Report.model_validate_json(body or b"")
    if report.state is not record.state or report.problems:
        yield f"the report says {report.state.value}, {report.problems}"
    if not verify_results(results_in_cloud(cloud.runs, record.run_id)).ok:
        yield "the results are not as certified"
    unknown = [item.number for item in record.attempts if item.verdict is None]
    if unknown:
        yield f"attempts {unknown} have no verdict"


def _untold(cloud: Cloud, record: RunRecord, point: Point | None) -> Iterator[str]:
    """People are told once."""
    messages = cloud.messages()
    ours = [item for item in messages if record.run_id in item["Message"]]
    if len(ours) != len(messages):
        yield f"{len(messages) - len(ours)} messages about something else"
    said = [item for item in ours if not item["Message"].startswith(AGAIN)]
    doubt = point is not None and _leaves_doubt(point)
    if len(said) > 1 or not ours or (len(ours) > 1 and not doubt):
        yield f"{len(ours)} messages: {[item['Subject'] for item in ours]}"


def _leaves_doubt(point: Point) -> bool:
    return any(what in point.request and point.how is how for what, how in IN_DOUBT)


def _left_over(cloud: Cloud) -> Iterator[str]:
    running = [arn for arn, ended in cloud.executions.items() if ended.status == "RUNNING"]
    if running:
        yield f"{running} still run"
    live = [item.name for item in cloud.jobs if not item.ended]
    if live:
        yield f"the jobs {live} still run"
    if cloud.dead_letters:
        yield f"{cloud.dead_letters} dead letters"
