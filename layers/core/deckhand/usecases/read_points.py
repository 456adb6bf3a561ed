"""Read the deck of a sweep with the variables of its points, without running it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from deckhand.domain.accelerator import Acceleration, suits_all
from deckhand.domain.message import shorten
from deckhand.domain.options import RunOptions, Value
from deckhand.domain.run import CheckReport, Contract, DryRun
from deckhand.domain.sweep import MAX_LABEL, Point, Sweep, point_run_id, variables_at
from deckhand.usecases.ports import Preflight, TimeLeft

FOR_THE_REST: Final = timedelta(seconds=400)
"""What the dry run and the copying of the deck's files are left of the time."""


@dataclass(frozen=True)
class PointsRead:
    """What reading the deck for each point has found, as far as there was time: the first ones."""

    values: tuple[dict[str, Value], ...]
    reports: tuple[CheckReport, ...]

    @property
    def first(self) -> CheckReport:
        """The report of the first point, with what is missing for any of them."""
        missing = dict.fromkeys(item for report in self.reports for item in report.missing)
        return self.reports[0].model_copy(update={"missing": tuple(missing)})

    @property
    def contract(self) -> Contract:
        return Contract.worst(report.contract for report in self.reports)

    @property
    def acceleration(self) -> Acceleration:
        """One for all points: they may share machines, and their parent's run.json."""
        return suits_all(report.acceleration for report in self.reports)

    @property
    def shortfall(self) -> str:
        """What a person should know of points that were not read."""
        unread = len(self.values) - len(self.reports)
        return f"There was no time to read the deck for the last {unread:,} runs." if unread else ""

    def refusals(self, refusal: Callable[[CheckReport], str]) -> Iterator[str]:
        """Why points are not run, in their order, each with the variables of the point."""
        for number, (values, report) in enumerate(
            zip(self.values, self.reports, strict=False), start=1
        ):
            reason = refusal(report)
            if reason:
                named = ", ".join(f"{name}={value}" for name, value in values.items())
                yield f"Run {number} of the sweep ({shorten(named, MAX_LABEL)}): {reason}"

    def sweep(self, run_id: str, dry: DryRun) -> Sweep:
        """*dry* is the dry run of the first point."""
        points = (self._point(run_id, index, dry) for index in range(len(self.values)))
        return Sweep(run_id=run_id, points=tuple(points))

    def _point(self, run_id: str, index: int, dry: DryRun) -> Point:
        report = self.reports[index] if index < len(self.reports) else None
        is_first = index == 0
        alike = report is not None and report.stages == self.reports[0].stages
        from_dry = dry.is_whole and (is_first or alike)
        read = (report.stages, report.total_steps) if report else ((), None)
        stages, total_steps = (dry.stages, dry.total_steps) if from_dry else read
        return Point(
            index=index,
            run_id=point_run_id(run_id, index),
            variables=self.values[index],
            contract=report.contract if report else self.contract,
            stages=stages,
            total_steps=total_steps,
            # Another variable may be another number of atoms.
            atoms=dry.atoms if is_first else None,
            checkpoint_bytes=dry.checkpoint_bytes if is_first else None,
        )


def read_points(
    preflight: Preflight, root: Path, deck: str, options: RunOptions, time_left: TimeLeft
) -> PointsRead:
    """The first point in any case."""
    values = tuple(options.points()) or ({},)
    reports: list[CheckReport] = []
    for mine in values:
        if reports and time_left() < FOR_THE_REST:
            break
        variables = variables_at(options, mine)
        reports.append(preflight(root, deck, variables, options.accelerator))
    return PointsRead(values, tuple(reports))


def some(lines: Sequence[str], most: int) -> str:
    """The first of many reasons."""
    more = [f"and {len(lines) - most:,} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])
