"""A deck in `deckhand check`: its contract, and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.corpus.record import Check, Reason
from deckhand.domain.deck import Problem, Severity
from deckhand.lammps.preflight import check_folder


def check(folder: Path, deck: str) -> Check:
    """Read a deck as the product does before it runs."""
    report = check_folder(folder, deck)
    errors = [*(p for p in report.problems if p.severity is Severity.ERROR), *report.missing]
    return Check(
        contract=report.contract,
        ok=report.ok,
        reasons=_reasons(errors),
        warnings=_reasons(p for p in report.problems if p.severity is not Severity.ERROR),
        steps=report.total_steps,
    )


def _reasons(problems: Iterable[Problem]) -> tuple[Reason, ...]:
    return tuple(Reason(message=p.message, file=p.file, line=p.line or 0) for p in problems)
