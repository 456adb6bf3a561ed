"""A run on the terminal until it ends: the news line by line, the picture of now below."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape

from deckhand.cli import view
from deckhand.cli.place import Place
from deckhand.domain.errors import LedgerError
from deckhand.usecases.forecast_run import Forecast, ForecastRun
from deckhand.usecases.show_run import RunView, show_run

SECONDS: Final = 1.0
QUIET_SECONDS: Final = 10.0
ADMISSION_SECONDS: Final = 120.0


def wall_clock() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"


def forecast(of: ForecastRun, found: RunView, now: datetime) -> Forecast:
    return of(found.record, found.status, view.reached(found), now)


@dataclass(frozen=True)
class Follower:
    """Looks at a run again and again; `after_look` may add news of its own."""

    place: Place
    console: Console
    clock: Callable[[], str] = wall_clock
    after_look: Callable[[RunView], Iterable[str]] = lambda _: ()
    seconds: float = SECONDS

    @cached_property
    def forecast(self) -> ForecastRun:
        return self.place.forecast

    def follow(self, run_id: str) -> RunView:
        """Show the run until it ends; the last look at it."""
        before: RunView | None = None
        said = time.monotonic()
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while before is None or not before.record.state.is_final:
                if before is not None:
                    time.sleep(self.seconds)
                found = show_run(self.place.runs, self.place.ledger, run_id)
                for line in (*view.news(before, found), *self.after_look(found)):
                    self.say(line)
                    said = time.monotonic()
                if self.console.is_terminal:
                    live.update(self.picture(found), refresh=True)
                elif time.monotonic() - said > QUIET_SECONDS:
                    self.say(view.one_line(found))
                    said = time.monotonic()
                before = found
        return before

    def await_admission(self, run_id: str) -> None:
        """Wait until a drop that has just been uploaded is quiet; raises LedgerError."""
        deadline = time.monotonic() + ADMISSION_SECONDS
        with self.console.status("waiting until the drop is quiet …"):
            while self.place.ledger.run(run_id) is None:
                if time.monotonic() > deadline:
                    raise LedgerError(
                        f"There is no run {run_id}. `deckhand list` shows the runs there are."
                    )
                time.sleep(self.seconds)

    def picture(self, found: RunView) -> RenderableType:
        now = datetime.now(UTC)
        return view.picture(found, forecast(self.forecast, found, now), now)

    def say(self, line: str) -> None:
        self.console.print(f"[dim]{self.clock()}[/]  {escape(line)}", soft_wrap=True)
