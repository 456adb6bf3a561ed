"""The last message about a run: what became of it, and its report for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from deckhand.domain.attempt import Verdict
from deckhand.domain.deck import SUPERSEDED
from deckhand.domain.ledger import RunRecord
from deckhand.domain.message import (
    CLOSED,
    Event,
    Message,
    MessageKey,
    MessageSeverity,
    count,
    duration,
    money,
    run_name,
    shorten,
)
from deckhand.domain.report import AttemptReport, Report
from deckhand.domain.run import RunState

MAX_REASON: Final = 8_000
MAX_ATTEMPTS_SHOWN: Final = 20
MAX_RESULTS_SHOWN: Final = 20
MAX_POINTS_SHOWN: Final = 40

_EVENTS: Final = {
    RunState.COMPLETED: Event.RUN_COMPLETED,
    RunState.FAILED: Event.RUN_FAILED,
    RunState.REJECTED: Event.RUN_REJECTED,
    RunState.CANCELLED: Event.RUN_CANCELLED,
}


def closing_key(record: RunRecord) -> MessageKey:
    """There is one closing message in a round, however the run was closed."""
    return MessageKey(record.run_id, CLOSED, str(record.round))


def closing_message(record: RunRecord, report: Report, runs_bucket: str) -> Message:
    return Message(
        run_id=record.run_id,
        event=_EVENTS[report.state],
        occasion=str(record.round),
        severity=_severity(report),
        subject=f"Deckhand: {run_name(report.drop)} {_headline(report)}",
        body=report_text(report, runs_bucket),
        owner=record.owner,
        group=record.group,
        notify=record.notify,
    )


def report_text(report: Report, runs_bucket: str) -> str:
    """The report for people; also the body of the message."""
    sections = [
        "\n".join(_what_happened(report)),
        "\n".join(_loss_and_cost(report)),
        "\n".join(_points(report)),
        "\n".join(_where(report, runs_bucket)),
        "\n".join(_what_to_do(report)),
        "\n".join(_advice(report)),
        "\n".join(_attempts(report)),
        "\n".join(_log(report)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _severity(report: Report) -> MessageSeverity:
    done = report.state in (RunState.COMPLETED, RunState.CANCELLED) and not report.problems
    quiet = done or report.reason.startswith(SUPERSEDED)
    return MessageSeverity.INFO if quiet else MessageSeverity.ACTION


def _headline(report: Report) -> str:
    if report.points:
        return _headline_of_sweep(report)
    if report.state is RunState.COMPLETED:
        but = ", some results are missing" if report.problems else ""
        interrupted = count(report.interruptions, "interruption")
        return f"completed, {money(report.cost)}, {interrupted}{but}"
    if report.state is RunState.REJECTED:
        return f"was not run: {report.reason}"
    if report.state is RunState.CANCELLED:
        return f"was cancelled, {money(report.cost)}"
    return f"failed, {money(report.cost)}: {report.reason}"


def _headline_of_sweep(report: Report) -> str:
    interrupted = count(report.interruptions, "interruption")
    return f"{_tally(report)}, {money(report.cost)}, {interrupted}"


def _tally(report: Report) -> str:
    """How many of a sweep's runs came to which end, the completed ones in front."""
    states = Counter(point.state for point in report.points)
    texts = [
        f"{states.pop(RunState.COMPLETED, 0):,} of {count(len(report.points), 'run')} completed"
    ]
    texts += [f"{n:,} {state.value if state else 'not begun'}" for state, n in states.most_common()]
    return ", ".join(texts)


def _points(report: Report) -> Iterator[str]:
    """The runs of a sweep, those that did not complete in front."""
    if not report.points:
        return
    yield "Its runs, first those that did not complete:"
    ordered = sorted(report.points, key=lambda point: point.state is RunState.COMPLETED)
    for point in ordered[:MAX_POINTS_SHOWN]:
        values = ", ".join(f"{name}={value}" for name, value in point.variables.items())
        state = point.state.value if point.state else "not begun"
        why = "" if point.state is RunState.COMPLETED else f" {shorten(point.reason, 200)}"
        yield f"  {shorten(values, 60)}: {state}, {money(point.cost)}, {point.results}{why}"
    if len(ordered) > MAX_POINTS_SHOWN:
        yield f"  and {len(ordered) - MAX_POINTS_SHOWN:,} more, all of them in points.csv"


def _what_happened(report: Report) -> Iterator[str]:
    yield f"Run {report.run_id}"
    yield f"Drop {report.drop}, deck {report.deck}" if report.deck else f"Drop {report.drop}"
    yield ""
    verb = _verb(report.state, "sweep" if report.points else "run")
    yield f"What happened: {verb}. {shorten(report.reason, MAX_REASON)}".rstrip()


def _verb(state: RunState, what: str) -> str:
    done = "was not started" if state is RunState.REJECTED else _was(state)
    return f"the {what} {done}"


def _was(state: RunState) -> str:
    return f"was {state.value}" if state is RunState.CANCELLED else str(state.value)


def _loss_and_cost(report: Report) -> Iterator[str]:
    if not report.attempts and not any(point.attempts for point in report.points):
        yield "What was lost: nothing."
        yield "What it cost: no machine was started, $0.00."
        return
    interrupted = count(report.interruptions, "interruption")
    lost = f"{report.steps_lost:,} steps were computed twice or not kept"
    yield f"What was lost: {lost if report.steps_lost else 'nothing'} ({interrupted})."
    yield (
        f"What it cost: {money(report.cost)}; the same hours on demand would have cost "
        f"{money(report.cost_on_demand)}."
    )


def _where(report: Report, runs_bucket: str) -> Iterator[str]:
    folder = f"s3://{runs_bucket}/runs/{report.run_id}/results/"
    if report.results:
        reached = "" if report.state is RunState.COMPLETED else " (up to the last checkpoint)"
        yield f"Where the results are{reached}: {folder}"
        for result in report.results[:MAX_RESULTS_SHOWN]:
            yield f"  {result.path}  {result.size:,} bytes"
        if len(report.results) > MAX_RESULTS_SHOWN:
            yield f"  and {len(report.results) - MAX_RESULTS_SHOWN} more"
    else:
        yield f"Where the report is: {folder}"
    for problem in report.problems:
        yield f"  missing: {problem}"
    yield f"More: deckhand show {report.run_id}"


def _what_to_do(report: Report) -> Iterator[str]:
    if report.problems:
        yield "What to do: the pieces of the missing results are kept; ask whoever runs Deckhand."
    elif report.points and report.state is RunState.FAILED:
        yield "What to do: read the reasons above. To let those go on that did not complete"
        yield f"  deckhand resume {report.run_id}"
    elif report.state is RunState.COMPLETED:
        yield "What to do: nothing. Fetch the results when you like."
    elif report.reason.startswith(SUPERSEDED):
        yield "What to do: nothing. The later upload has a run and a message of its own."
    elif report.state is RunState.REJECTED:
        yield "What to do: change what is named above and upload the drop again."
    elif report.state is RunState.CANCELLED:
        yield "What to do: nothing. To let it go on from its newest checkpoint"
        yield f"  deckhand resume {report.run_id}"
    else:
        yield f"What to do: {_remedy(report)}"


def _remedy(report: Report) -> str:
    """What helps a run that failed depends on how its last attempt ended."""
    verdict = report.attempts[-1].verdict if report.attempts else None
    if report.attempts and verdict is None:
        return f"let it go on from its newest checkpoint: deckhand resume {report.run_id}"
    if verdict is None or verdict is Verdict.DECK_ERROR:
        return "read the reason and the log below, then upload the deck again."
    if verdict is Verdict.OUT_OF_MEMORY:
        return (
            "ask for a larger machine in run.yaml (`instance`, `gpus`) or make the system "
            "smaller, then upload the deck again."
        )
    if verdict is Verdict.MISCONFIGURED:
        return (
            "ask for less in run.yaml (`gpus`, `instance`) and upload the deck again, or show "
            "this to whoever runs Deckhand."
        )
    return (
        "nothing is known to be wrong with the deck. Show this to whoever runs Deckhand. Once it "
        f"is mended, go on from the last checkpoint with `deckhand resume {report.run_id}`."
    )


def _advice(report: Report) -> Iterator[str]:
    if report.advice:
        yield "What would be faster or cheaper next time:"
        yield from (f"  {sentence}" for sentence in report.advice)


def _attempts(report: Report) -> Iterator[str]:
    if not report.attempts:
        return
    yield "Attempts:"
    for attempt in report.attempts[-MAX_ATTEMPTS_SHOWN:]:
        yield _attempt_line(attempt)
    if len(report.attempts) > MAX_ATTEMPTS_SHOWN:
        yield f"  the first {len(report.attempts) - MAX_ATTEMPTS_SHOWN} are in report.json"


def _attempt_line(attempt: AttemptReport) -> str:
    steps = ""
    if attempt.from_step is not None and attempt.reached_step is not None:
        steps = f", steps {attempt.from_step:,} to {attempt.reached_step:,}"
    if attempt.gpu_utilisation is not None:
        steps += f", GPU {attempt.gpu_utilisation:.0f} %"
    verdict = attempt.verdict.value if attempt.verdict else "not ended"
    return (
        f"  {attempt.number}. {attempt.market.value}, {duration(attempt.seconds)}, "
        f"{money(attempt.cost)}{steps}: {verdict}. {shorten(attempt.reason, 300)}".rstrip()
    )


def _log(report: Report) -> Iterator[str]:
    if report.state is RunState.FAILED and report.log_tail:
        yield "The end of the log:"
        for line in report.log_tail:
            yield f"  {line}"
