"""A run on the terminal: the picture of now, and the news since the last look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deckhand.cli.figures import dollars, span
from deckhand.cli.kept import checkpoints_table, kept_text, loss_text
from deckhand.cli.money import money_facts
from deckhand.domain.attempt import AttemptRecord, Verdict
from deckhand.domain.cost import as_if_ended
from deckhand.domain.gpu import GpuUse
from deckhand.domain.ledger import RunRecord
from deckhand.domain.message import shorten
from deckhand.domain.run import RunState
from deckhand.domain.status import Phase, Status
from deckhand.usecases.forecast_run import Forecast
from deckhand.usecases.show_run import RunView

BAR_WIDTH: Final = 40
MAX_REASON: Final = 2_000

COLOURS: Final = {
    RunState.COMPLETED: "green",
    RunState.FAILED: "red",
    RunState.REJECTED: "red",
    RunState.CANCELLED: "yellow",
    RunState.WAITING: "yellow",
}


def picture(view: RunView, forecast: Forecast, now: datetime) -> RenderableType:
    """Everything about one run."""
    record = view.record
    parts: list[RenderableType] = [_title(record), _progress(view)]
    facts = Table.grid(padding=(0, 2))
    for name, text in (*facts_of(view), *money_facts(view.record, forecast, now)):
        facts.add_row(Text(name, style="dim"), text)
    parts.append(facts)
    if record.attempts and not record.points:
        parts += ["", attempts_table(view, now)]
    if view.checkpoints:
        parts += ["", checkpoints_table(view.checkpoints, now)]
    if view.results:
        parts += ["", _results(view.results)]
    return Group(*parts)


def one_line(view: RunView) -> str:
    """The same where there is no room or no terminal."""
    status = view.live_status
    words = [f"{doing(view)}"]
    if status and status.step:
        words.append(_steps(status.step, status.steps_total))
        words += [text for text in (_speed(status), _eta(status)) if text]
    if view.verified:
        words.append(f"{len(view.verified)} checkpoints kept")
    return ", ".join(words)


RESTING: Final = {
    RunState.CHECKING: "checking the deck",
    RunState.HELD: "held, at no cost, until it is resumed",
}


def doing(view: RunView) -> str:
    """What is being done about a run, in words."""
    record = view.record
    if record.state in RESTING:
        return RESTING[record.state]
    if record.state is RunState.WAITING:
        return "waiting for missing files" if record.deck is None else "waiting for its hours"
    if record.state.is_final:
        return record.state.value
    return done_text(record) if record.points else _attempting(view)


def _attempting(view: RunView) -> str:
    attempts = view.record.attempts
    if not attempts:
        return "planning the first attempt"
    attempt = attempts[-1]
    if attempt.verdict is Verdict.COMPLETED:
        return "putting the results together"
    if attempt.verdict is not None:
        return f"planning attempt {attempt.number + 1}"
    return f"attempt {attempt.number}, {attempt.market.value} queue: {_phase(view.status)}"


def done_text(record: RunRecord) -> str:
    """How far a sweep is."""
    return f"{record.points_done:,} of {record.points or 0:,} done"


def _phase(status: Status | None) -> str:
    if status is None:
        return "waiting for a machine"
    words = {
        Phase.FETCHING: "fetching",
        Phase.RUNNING: "LAMMPS is running",
        Phase.STOPPING: "stopping",
        Phase.ENDED: "ended",
    }
    return words[status.phase]


def _title(record: RunRecord) -> Text:
    colour = COLOURS.get(record.state, "cyan")
    title = Text.assemble((record.run_id, "bold"), "  ", (record.state.value, f"bold {colour}"))
    deck = f", deck {record.deck}" if record.deck else ""
    title.append(f"\ndrop {record.drop}{deck}", style="dim")
    return title


def _progress(view: RunView) -> RenderableType:
    total, step = view.record.total_steps, reached(view)
    if not total:
        return Text("")
    bar = ProgressBar(total=total, completed=min(step, total), width=BAR_WIDTH)
    grid = Table.grid(padding=(0, 2))
    grid.add_row(bar, Text(_steps(step, total)), Text(f"{min(100, 100 * step // total)} %"))
    return grid


def reached(view: RunView) -> int:
    """The furthest step that is not lost: of the living attempt, else of the newest checkpoint."""
    if view.record.state is RunState.COMPLETED:
        return view.record.total_steps or 0
    kept = view.verified[0].step if view.verified else 0
    attempts = view.record.attempts
    if view.status and attempts and attempts[-1].verdict in (None, Verdict.COMPLETED):
        return max(view.status.step, view.status.from_step)
    return kept


def facts_of(view: RunView) -> Iterator[tuple[str, str]]:
    record, status = view.record, view.live_status
    yield "now", escape(doing(view))
    if record.reason:
        yield "reason", escape(shorten(record.reason, MAX_REASON))
    if status and not record.state.is_final:
        speed = [text for text in (_speed(status), _eta(status), _stage(status)) if text]
        yield "speed", ", ".join(speed) or "not known yet"
        if status.gpu is not None:
            yield "gpu", escape(_gpu(status.gpu))
        yield "last", escape(status.event)
    if not record.points:
        yield "kept", kept_text(view.verified)
    if view.loss is not None:
        yield "at risk", loss_text(view.loss)
    if status and status.checkpoint_reason:
        yield "interval", escape(status.checkpoint_reason)


def _gpu(use: GpuUse) -> str:
    """What the GPUs of the attempt that goes on have done so far."""
    told = [f"{use.gpus} x {use.name}"]
    if use.utilisation is not None:
        told.append(f"{use.utilisation:.0f} % at work")
    if use.memory_mib is not None and use.memory_total_mib is not None:
        told.append(f"{use.memory_mib:,} of {use.memory_total_mib:,} MiB")
    if use.watts is not None:
        told.append(f"{use.watts:.0f} W")
    if use.throttled:
        slowed = (f"{reason} in {100 * share:.0f} %" for reason, share in use.throttled.items())
        told.append(f"slowed down: {', '.join(slowed)}")
    return ", ".join(told)


def attempts_table(view: RunView, now: datetime) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("attempt", "market"):
        table.add_column(name)
    for name in ("from step", "to step", "time"):
        table.add_column(name, justify="right")
    table.add_column("how it ended", overflow="fold")
    for item in view.record.attempts:
        table.add_row(*_attempt_row(as_if_ended(item, view.status, now), view.status))
    return table


def _attempt_row(attempt: AttemptRecord, status: Status | None) -> tuple[str, ...]:
    mine = status if status and status.attempt == attempt.number else None
    begin = attempt.from_step if attempt.from_step is not None else mine and mine.from_step
    end = attempt.reached_step if attempt.reached_step is not None else mine and mine.step
    if attempt.verdict is None:
        ended = _phase(mine)
    else:
        colour = "green" if attempt.verdict is Verdict.COMPLETED else "yellow"
        ended = f"[{colour}]{attempt.verdict.value}:[/] [dim]{escape(attempt.reason)}[/]"
    return (
        str(attempt.number),
        attempt.market.value,
        "" if begin is None else f"{begin:,}",
        "" if end is None else f"{end:,}",
        span(attempt.seconds) if attempt.seconds else "",
        ended,
    )


def _results(results: dict[str, int]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("result")
    table.add_column("bytes", justify="right")
    for path, size in sorted(results.items()):
        table.add_row(escape(path), f"{size:,}")
    return table


def runs_table(records: Sequence[RunRecord], now: datetime) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    widest = max((len(record.run_id) for record in records), default=0)
    table.add_column("run", no_wrap=True, min_width=widest)
    table.add_column("state", no_wrap=True)
    table.add_column("admitted", no_wrap=True)
    table.add_column("cost", justify="right", no_wrap=True)
    table.add_column("reason", overflow="ellipsis", no_wrap=True)
    for record in records:
        is_sweep = record.points and not record.state.is_final
        reason = f"{done_text(record)}. {record.reason}" if is_sweep else record.reason
        colour = COLOURS.get(record.state, "cyan")
        table.add_row(
            record.run_id,
            f"[{colour}]{record.state.value}[/]",
            f"{span((now - record.admitted_at).total_seconds())} ago",
            "" if record.cost is None else dollars(record.cost),
            escape(reason),
        )
    return table


def news(before: RunView | None, view: RunView) -> Iterator[str]:
    """What happened to a run between two looks at it, one line each, in order."""
    record = view.record
    changed = before is None or before.record.state is not record.state
    if changed and not record.state.is_final:
        yield _news_of_state(record)
    old = {item.number: item for item in before.record.attempts} if before else {}
    for item in record.attempts:
        yield from _news_of_attempt(old.get(item.number), item, before, view)
    if changed and record.state.is_final:
        yield _news_of_state(record)


def _news_of_state(record: RunRecord) -> str:
    if record.state is RunState.RUNNING:
        known = f", {record.total_steps:,} steps" if record.total_steps else ""
        return f"the deck {record.deck} is sound{known}"
    return f"the run is {record.state.value}. {record.reason}".strip()


def _news_of_attempt(
    old: AttemptRecord | None, item: AttemptRecord, before: RunView | None, view: RunView
) -> Iterator[str]:
    if old is None:
        origin = f"checkpoint {item.resumed_from}" if item.resumed_from else "the start"
        yield f"attempt {item.number} goes to the {item.market.value} queue, from {origin}"
    if view.status and view.status.attempt == item.number:
        known = before.status if before else None
        same = known if known and known.attempt == item.number else None
        yield from _news_of_status(same, view.status)
    if item.verdict is not None and (old is None or old.verdict is None):
        yield f"attempt {item.number} {item.verdict.value}: {item.reason}"


def _news_of_status(old: Status | None, new: Status) -> Iterator[str]:
    if old is None:
        machine = f" on {new.instance_id}" if new.instance_id else ""
        yield f"attempt {new.attempt} has started{machine}"
    if new.notice_at and not (old and old.notice_at):
        yield f"attempt {new.attempt} has been told to stop"
    if new.checkpoint and new.checkpoint != (old.checkpoint if old else None):
        yield f"checkpoint {new.checkpoint} is in S3 and verified"
    for reason in new.skipped[len(old.skipped) if old else 0 :]:
        yield f"a checkpoint was passed over: {reason}"


def _steps(step: int, total: int | None) -> str:
    return f"{step:,} of {total:,} steps" if total else f"{step:,} steps"


def _speed(status: Status) -> str:
    return f"{status.steps_per_second:,.0f} steps/s" if status.steps_per_second else ""


def _eta(status: Status) -> str:
    return f"{span(status.eta_seconds)} to go" if status.eta_seconds is not None else ""


def _stage(status: Status) -> str:
    return f"stage {status.stage}" if status.stage else ""
