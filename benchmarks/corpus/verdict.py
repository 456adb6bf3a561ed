"""What the records of a corpus come to: a word for each deck, and the figures for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.corpus.record import Record
from deckhand.domain.run import Contract


class Verdict(StrEnum):
    """What becomes of a deck that is interrupted."""

    RESUMED = "resumed"
    REFUSED = "refused beforehand"
    WRONG = "silently wrong"
    FAILED = "failed aloud"
    NOT_INTERRUPTED = "not interrupted"
    NO_DYNAMICS = "no dynamics"
    NOT_TRIED = "not tried"


def verdict(record: Record) -> Verdict:
    """The word for a deck that runs in plain LAMMPS."""
    if record.check is None or record.plain is None or not record.plain.runs:
        return Verdict.NOT_TRIED
    if is_refused(record):
        return Verdict.REFUSED
    if not record.has_dynamics:
        return Verdict.NO_DYNAMICS
    return rehearsed(record)


def rehearsed(record: Record) -> Verdict:
    """What the rehearsal came to, refused beforehand or not."""
    resume = record.resume
    if resume is None:
        return Verdict.NOT_TRIED
    if not resume.played:
        return Verdict.FAILED
    if not resume.interruptions:
        return Verdict.NOT_INTERRUPTED
    return Verdict.WRONG if resume.faults else Verdict.RESUMED


def is_refused(record: Record) -> bool:
    check = record.check
    return check is not None and (check.contract is Contract.REFUSED or not check.ok)


@dataclass(frozen=True)
class Figures:
    """Counts over the decks of a corpus; `verdicts` are of those with dynamics."""

    decks: int
    runnable: int
    whole: int
    dynamics: int
    faithful: int
    compared: int
    refused: int
    repeated: int
    verdicts: Counter[Verdict]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Figures:
        every = list(records)
        runnable = [r for r in every if r.plain is not None and r.plain.runs]
        dynamics = [r for r in runnable if r.has_dynamics]
        compared = [r.fidelity for r in runnable if r.fidelity is not None and not is_refused(r)]
        return cls(
            decks=len(every),
            runnable=len(runnable),
            whole=sum(1 for r in runnable if r.plain is not None and r.plain.factor == 1.0),
            dynamics=len(dynamics),
            faithful=sum(1 for fidelity in compared if fidelity.identical),
            compared=len(compared),
            refused=sum(1 for r in dynamics if is_refused(r)),
            repeated=_repeated(dynamics),
            verdicts=Counter(map(verdict, dynamics)),
        )

    @property
    def not_resumed_share(self) -> float:
        """Decks with dynamics whose interruption costs more than the steps since a checkpoint."""
        return (self.refused + self.repeated) / self.dynamics if self.dynamics else 0.0


def _repeated(records: Sequence[Record]) -> int:
    return sum(
        1
        for r in records
        if not is_refused(r) and r.check is not None and r.check.contract is Contract.REPEAT
    )
