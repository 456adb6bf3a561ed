"""What a rehearsal proves: every row and frame once, and a dynamics that went on unchanged."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

from deckhand.cli.rehearsal import LOG, RUN_ID, Interruption, Played, Rehearsal
from deckhand.domain import keys
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, OutputKind, Segment, read_manifest
from deckhand.domain.run import Contract
from deckhand.lammps.comparison import (
    Completeness,
    Deviations,
    Form,
    Tally,
    compare_files,
    followed,
    form_of,
    numbers,
    partners,
    read_log,
)
from deckhand.lammps.thermo import Row

TOLERANCE: Final = 1e-6
"""The largest deviation from the control that round-off explains in the rows that are judged.

LAMMPS rounds the positions of atoms anew when it reads a file of a triclinic box that changes, or
is told of `compute chunk/atom … units reduced`. State that was lost shows at once.
"""

JUDGED_STEPS: Final = 1000
"""Round-off grows by a factor e in about 60 steps of a hot fluid, from 1e-15 to TOLERANCE in more
than these; a row that is later says nothing about what it began from."""

CURVE_ROWS: Final = 20
_FIRST_CHOICE: Final = "Temp"


@dataclass(frozen=True)
class Curve:
    """One thermo column around a resume, which stands before the row number `at`."""

    column: str
    undisturbed: tuple[float, ...]
    resumed: tuple[float, ...]
    at: int


@dataclass(frozen=True)
class Resume:
    """How the run went on after an interruption.

    `deviation` is that of the first thermo row, against the control; None where there is no such
    row.
    """

    begin: int
    deviation: float | None = None
    curve: Curve | None = None


@dataclass(frozen=True)
class _Log:
    """A log of all runs; `partners` are undisturbed rows, `control` those of the control."""

    path: str
    rows: list[Row]
    partners: list[Row | None]
    control: list[Row | None]


@dataclass(frozen=True)
class Proof:
    """The judgement of a rehearsal; `faults` say what is wrong, and are empty if it passed."""

    contract: Contract
    completeness: Completeness
    final_step: tuple[int | None, int | None]
    resumes: tuple[Resume, ...]
    max_deviation: float | None
    control_deviation: float | None
    interruptions: tuple[Interruption, ...]
    overhead: float
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        return {
            "contract": self.contract.value,
            "verdict": "pass" if self.passed else "fail",
            "rows": _counts(self.completeness, "rows"),
            "frames": _counts(self.completeness, "frames"),
            "final_step": {"expected": self.final_step[0], "got": self.final_step[1]},
            "first_deviation": [_finite(resume.deviation) for resume in self.resumes],
            "max_deviation": _finite(self.max_deviation),
            "control_deviation": _finite(self.control_deviation),
            "interruptions": [
                {
                    "kind": item.kind.value,
                    "step": item.step,
                    "lost_steps": item.lost_steps,
                    "seconds": item.seconds,
                }
                for item in self.interruptions
            ],
            "overhead": self.overhead,
        }


def prove(rehearsal: Rehearsal, played: Played) -> Proof:
    """Judge a rehearsal against the contract of its deck."""
    return _Court(rehearsal, played).proof()


@dataclass(frozen=True)
class _Court:
    rehearsal: Rehearsal
    played: Played

    def proof(self) -> Proof:
        played = self.played
        completeness = self._completeness()
        resumes = tuple(self._resume(item) for item in played.interruptions)
        faults = [*completeness.problems, *self._faults()]
        if self.rehearsal.report.contract is Contract.EXACT:
            faults += self._inexact()
        return Proof(
            contract=self.rehearsal.report.contract,
            completeness=completeness,
            final_step=self._final_step,
            resumes=resumes,
            max_deviation=self._largest("partners"),
            control_deviation=self._largest("control"),
            interruptions=played.interruptions,
            overhead=played.resumed_seconds / played.undisturbed_seconds - 1.0,
            faults=tuple(faults),
        )

    def _completeness(self) -> Completeness:
        played = self.played
        resumed = self._whole(played.resumed)
        if not self._depends_on_round_off:
            control = self._whole(played.control)
            return compare_files(self._whole(played.undisturbed), resumed, control=control)
        tallies = {path: self._like_control(log) for path, log in self._logs.items()}
        return compare_files(self._whole(played.control), resumed, tallies)

    def _whole(self, files: Mapping[str, Path]) -> dict[str, Path]:
        """Those that a resumed run does not begin again."""
        folder = PurePosixPath(self.rehearsal.deck).parent
        patterns = [str(folder / name) for name in self.rehearsal.report.begun_again]
        return {
            path: file
            for path, file in files.items()
            if not any(fnmatchcase(path, pattern) for pattern in patterns)
        }

    @property
    def _depends_on_round_off(self) -> bool:
        """Whether the deck minimises what dynamics has led to: nobody knows in how many steps."""
        kinds = [stage.kind for stage in self.rehearsal.report.stages]
        ran = "run" in kinds and "minimize" in kinds[kinds.index("run") :]
        return ran and bool(self.played.control)

    def _like_control(self, log: _Log) -> Tally:
        """The rows of a log against the control's, which has more of them where it was cut."""
        ours = Counter(row.step for row in log.rows)
        control = Counter(row.step for row in read_log(self.played.control[log.path]))
        numbers = (item.attempt + 1 for item in self.played.interruptions)
        cuts = {found.time_step for found in map(self._resumed_from, numbers) if found}
        missing = sum(n for step, n in (control - ours).items() if step not in cuts)
        doubled = (ours - control).total()
        expected = ours.total() + missing - doubled
        return Tally(expected, ours.total(), missing, doubled)

    def _faults(self) -> Iterator[str]:
        expected, got = self._final_step
        if expected != got:
            yield f"the run ends at step {got}, not at step {expected}"
        if self.rehearsal.moments and not self.played.interruptions:
            yield "the deck reached its end before it could be interrupted: nothing was rehearsed"

    def _inexact(self) -> Iterator[str]:
        """Faults of a deck whose resume is promised to be exact."""
        parting = self._parting()
        if parting is not None:
            row, deviation = parting
            yield (
                f"{LOG}: before anything was interrupted, the row of step {row.step:,} differs "
                f"by {deviation:.1e}"
            )
        for item in self.played.interruptions:
            lost = self._lost(item.attempt + 1)
            if lost is not None:
                row, deviation = lost
                yield (
                    f"after the resume by attempt {item.attempt + 1}, the row of step {row.step:,} "
                    f"differs from the control by {deviation:.1e}: something was not restored"
                )

    def _parting(self) -> tuple[Row, float] | None:
        """The first row that differs before LAMMPS wrote its first restart file."""
        log = self._logs.get(LOG)
        written = next(iter(self.played.completion.segments[0].restart_files), None)
        if log is None or not log.rows:
            return None
        before = written.step if written is not None and written.stage == 0 else math.inf
        origin, last = log.rows[0].step, -math.inf
        for row, partner in zip(log.rows, log.partners, strict=True):
            if partner is None or row.step <= last or row.step - origin >= before:
                return None
            deviation = self._deviations.of(row, partner)
            if deviation > 0.0:
                return row, deviation
            last = row.step
        return None

    def _lost(self, number: int) -> tuple[Row, float] | None:
        """The first row of an attempt that is not the control's, if round-off cannot be why.

        Where the two had parted before, as round-off lets them after an earlier resume, the rows
        behind this one prove nothing.
        """
        found, checkpoint = self._first_row(number), self._resumed_from(number)
        if found is None or checkpoint is None:
            return None
        log, at = found
        before = log.control[at - 1] if at else None
        if before is not None and self._deviations.of(log.rows[at - 1], before) > 0.0:
            return None
        for row, control in zip(log.rows[at:], log.control[at:], strict=True):
            deviation = self._deviations.of(row, control) if control else math.inf
            if deviation > 0.0:
                steps = row.step - checkpoint.time_step
                judged = 0 <= steps <= JUDGED_STEPS and deviation > TOLERANCE
                return (row, deviation) if judged else None
        return None

    @cached_property
    def _undisturbed_logs(self) -> dict[str, list[Row]]:
        """In the order in which they were last written."""
        files = self.played.undisturbed
        logs = (path for path, file in files.items() if form_of(file) is Form.LOG)
        return {
            path: read_log(files[path])
            for path in sorted(logs, key=lambda path: files[path].stat().st_mtime_ns)
        }

    @cached_property
    def _logs(self) -> dict[str, _Log]:
        found = {}
        for path, expected in self._undisturbed_logs.items():
            file = self.played.resumed.get(path)
            rows = read_log(file) if file is not None else []
            control = self.played.control.get(path)
            found[path] = _Log(
                path,
                rows,
                partners(rows, expected),
                followed(rows, read_log(control) if control is not None else []),
            )
        return found

    @cached_property
    def _deviations(self) -> Deviations:
        rows = [row for log in self._undisturbed_logs.values() for row in log]
        return Deviations.measured_by(rows)

    @property
    def _final_step(self) -> tuple[int | None, int | None]:
        last = next((path for path, rows in reversed(self._undisturbed_logs.items()) if rows), None)
        if last is None:
            return None, None
        ours, expected = self._logs[last].rows, self._undisturbed_logs[last]
        if self._depends_on_round_off and last in self.played.control:
            expected = read_log(self.played.control[last])
        return expected[-1].step, ours[-1].step if ours else None

    def _largest(self, run: Literal["partners", "control"]) -> float | None:
        found = [
            self._deviations.of(row, partner)
            for log in self._logs.values()
            for row, partner in zip(log.rows, getattr(log, run), strict=True)
            if partner is not None
        ]
        return max(found, default=None)

    def _manifest(self, checkpoint: CheckpointId) -> Manifest:
        text = self.rehearsal.bucket.read(keys.manifest(RUN_ID, checkpoint))
        return read_manifest(text or b"", RUN_ID)

    def _resumed_from(self, number: int) -> Manifest | None:
        status = self.rehearsal.status(number)
        if status is None or status.resumed_from is None:
            return None
        return self._manifest(CheckpointId.parse(status.resumed_from))

    def _resume(self, interruption: Interruption) -> Resume:
        number = interruption.attempt + 1
        checkpoint = self._resumed_from(number)
        begin = checkpoint.step if checkpoint else 0
        found = self._first_row(number)
        if found is None:
            return Resume(begin)
        log, at = found
        control = log.control[at]
        deviation = self._deviations.of(log.rows[at], control) if control else None
        return Resume(begin, deviation, _curve(log, at))

    def _first_row(self, number: int) -> tuple[_Log, int] | None:
        """The first thermo row of an attempt in the results, if any of its output is there."""
        segments = self.played.completion.segments
        at = next((i for i, segment in enumerate(segments) if segment.attempt == number), None)
        if at is None:
            return None
        before = _sizes(segments[:at])
        for output in segments[at].outputs:
            log = self._logs.get(output.path)
            if log is None:
                continue
            begin = before.get(output.path, 0) if output.kind is OutputKind.APPEND else 0
            index = next((i for i, row in enumerate(log.rows) if row.begin >= begin), None)
            if index is not None:
                return log, index
        return None


def _sizes(segments: tuple[Segment, ...]) -> dict[str, int]:
    """The size of each file that is joined from segments."""
    sizes: dict[str, int] = {}
    for segment in segments:
        for output in segment.outputs:
            before = sizes.get(output.path, 0) if output.kind is OutputKind.APPEND else 0
            sizes[output.path] = before + output.size
    return sizes


def _curve(log: _Log, at: int) -> Curve | None:
    columns = log.rows[at].columns
    energies = (name for name in columns if name.startswith(("E_", "Pot", "Tot", "Kin")))
    column = _FIRST_CHOICE if _FIRST_CHOICE in columns else next(energies, columns[-1])
    begin = max(0, at - CURVE_ROWS)
    pairs = [
        (_value(row, column), _value(partner, column), begin + i < at)
        for i, (row, partner) in enumerate(
            zip(log.rows[begin : at + CURVE_ROWS], log.partners[begin:], strict=False)
        )
        if partner is not None and column in row.columns
    ]
    if not pairs:
        return None
    ours, theirs, before = zip(*pairs, strict=True)
    return Curve(column, theirs, ours, sum(before))


def _value(row: Row, column: str) -> float:
    return numbers(row)[row.columns.index(column)] if column in row.columns else float("nan")


def _finite(deviation: float | None) -> float | None:
    """JSON has no infinity; the largest number stands for it."""
    return None if deviation is None else min(deviation, sys.float_info.max)


def _counts(completeness: Completeness, what: str) -> dict[str, int]:
    tally = completeness.rows if what == "rows" else completeness.frames
    return {
        "expected": tally.expected,
        "got": tally.got,
        "missing": tally.missing,
        "doubled": tally.doubled,
    }
