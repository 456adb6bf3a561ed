"""What a rehearsal proves: every row and frame once, and a dynamics that went on unchanged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from deckhand.cli.rehearsal import RUN_ID, Interruption, Played, Rehearsal
from deckhand.domain import keys
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, OutputKind, Segment, read_manifest
from deckhand.domain.run import Contract
from deckhand.lammps.comparison import (
    Completeness,
    Deviations,
    Form,
    compare_files,
    form_of,
    numbers,
    partners,
    read_log,
)
from deckhand.lammps.thermo import Row

TOLERANCE: Final = 1e-6
"""What the round-off of a new neighbour list may have grown to in the rows that are judged."""

JUDGED_STEPS: Final = 1000
"""Round-off grows by a factor e in about 60 steps of a hot fluid, from 1e-16 to TOLERANCE in more
than these; a row that is later says nothing."""

PARTING_STEPS: Final = 200
"""The same, from what eight printed digits hide."""

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

    `deviation` is that of the first thermo row: against what the attempt that wrote the checkpoint
    went on to print before it was killed, else against the undisturbed run. It is None where there
    is no such row, or where round-off has had time to grow: after a notice, most often.
    """

    begin: int
    deviation: float | None = None
    curve: Curve | None = None


@dataclass(frozen=True)
class _Log:
    """A log of both runs; `partners` are the undisturbed rows to the resumed ones."""

    path: str
    rows: list[Row]
    partners: list[Row | None]


@dataclass(frozen=True)
class Proof:
    """The judgement of a rehearsal; `faults` say what is wrong, and are empty if it passed."""

    contract: Contract
    completeness: Completeness
    final_step: tuple[int | None, int | None]
    resumes: tuple[Resume, ...]
    max_deviation: float | None
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
            "control_deviation": None,
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
        completeness = compare_files(played.undisturbed, played.resumed)
        resumes = tuple(self._resume(item) for item in played.interruptions)
        faults = [*completeness.problems, *self._faults()]
        if self.rehearsal.report.contract is Contract.EXACT:
            faults += self._inexact(resumes)
        return Proof(
            contract=self.rehearsal.report.contract,
            completeness=completeness,
            final_step=self._final_step,
            resumes=resumes,
            max_deviation=self._max_deviation(),
            interruptions=played.interruptions,
            overhead=played.resumed_seconds / played.undisturbed_seconds - 1.0,
            faults=tuple(faults),
        )

    def _faults(self) -> Iterator[str]:
        expected, got = self._final_step
        if expected != got:
            yield f"the run ends at step {got}, not at step {expected}"
        if self.rehearsal.moments and not self.played.interruptions:
            yield "the deck reached its end before it could be interrupted: nothing was rehearsed"

    def _inexact(self, resumes: tuple[Resume, ...]) -> Iterator[str]:
        """Faults of a deck whose resume is promised to be exact."""
        for log in self._logs.values():
            parting = self._parting(log)
            if parting is not None:
                step, deviation = parting
                yield (
                    f"{log.path}: before anything was interrupted, the row of step {step:,} "
                    f"differs by {deviation:.1e}"
                )
        for resume in resumes:
            if resume.deviation is not None and resume.deviation > TOLERANCE:
                yield (
                    f"the first row after the resume at step {resume.begin:,} of the run differs "
                    f"by {resume.deviation:.1e}: something was not restored"
                )

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
            found[path] = _Log(path, rows, partners(rows, expected))
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
        ours = self._logs[last].rows
        return self._undisturbed_logs[last][-1].step, ours[-1].step if ours else None

    def _max_deviation(self) -> float | None:
        found = [
            self._deviations.of(row, partner)
            for log in self._logs.values()
            for row, partner in zip(log.rows, log.partners, strict=True)
            if partner is not None
        ]
        return max(found, default=None)

    def _parting(self, log: _Log) -> tuple[int, float] | None:
        """Step and deviation of the first row that differs, unless it is round-off that grew.

        Writing checkpoints makes neighbour lists anew, so the rows part some day, but gradually.
        """
        end = _sizes(self.played.completion.segments[:1]).get(log.path, 0)
        before: Row | None = None
        for row, partner in zip(log.rows, log.partners, strict=True):
            if partner is None or row.end > end:
                return None
            deviation = self._deviations.of(row, partner)
            if deviation > 0.0:
                goes_on = before is not None and before.columns == row.columns
                steps = row.step - before.step if before is not None and goes_on else 0
                judged = deviation > TOLERANCE and steps <= PARTING_STEPS
                return (row.step, deviation) if judged else None
            before = row
        return None

    def _manifest(self, checkpoint: CheckpointId) -> Manifest:
        text = self.rehearsal.bucket.read(keys.manifest(RUN_ID, checkpoint))
        return read_manifest(text or b"", RUN_ID)

    def _resume(self, interruption: Interruption) -> Resume:
        number = interruption.attempt + 1
        status = self.rehearsal.status(number)
        checkpoint = None
        if status is not None and status.resumed_from is not None:
            checkpoint = self._manifest(CheckpointId.parse(status.resumed_from))
        begin = checkpoint.step if checkpoint else 0
        found = self._first_row(number)
        if found is None:
            return Resume(begin)
        log, at = found
        reference = self._reference(checkpoint, log, at)
        deviation = self._deviations.of(log.rows[at], reference) if reference else None
        return Resume(begin, deviation, _curve(log, at))

    def _reference(self, checkpoint: Manifest | None, log: _Log, at: int) -> Row | None:
        """What the first row after a resume must be, if it can be told."""
        if checkpoint is None:
            return log.partners[at]
        row = log.rows[at]
        steps = row.step - checkpoint.time_step
        if not 0 <= steps <= JUDGED_STEPS:
            return None
        going_on = self._continuation(checkpoint, log.path, row)
        if going_on is None and checkpoint.step + steps <= JUDGED_STEPS:
            return log.partners[at]
        return going_on

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

    def _continuation(self, checkpoint: Manifest, path: str, row: Row) -> Row | None:
        """The same row as the attempt that wrote the checkpoint printed it, going on."""
        file = self.rehearsal.workspace(checkpoint.attempt) / path
        stored = _local_end(checkpoint.segment, path)
        if not file.is_file():
            return None
        after = (ours for ours in read_log(file) if ours.begin >= stored)
        return next((o for o in after if (o.step, o.columns) == (row.step, row.columns)), None)


def _sizes(segments: tuple[Segment, ...]) -> dict[str, int]:
    """The size of each file that is joined from segments."""
    sizes: dict[str, int] = {}
    for segment in segments:
        for output in segment.outputs:
            before = sizes.get(output.path, 0) if output.kind is OutputKind.APPEND else 0
            sizes[output.path] = before + output.size
    return sizes


def _local_end(segment: Segment, path: str) -> int:
    """How far the attempt's own file was stored."""
    pieces = [piece for output in segment.outputs if output.path == path for piece in output.pieces]
    return max((piece.begin + piece.size for piece in pieces), default=0)


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
