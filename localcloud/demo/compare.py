"""Whether the outputs of an interrupted run are those of an uninterrupted one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.markup import escape

from deckhand.lammps.comparison import row_names, sections
from deckhand.lammps.thermo import Row, read_rows
from deckhand.lammps.trajectory import frames

LOG: Final = "log.lammps"
DUMP: Final = "melt.lammpstrj"
AVERAGES: Final = "msd.dat"
FINAL: Final = "final.data"


@dataclass(frozen=True)
class Finding:
    """One question that was asked, the answer, and what it rests on."""

    question: str
    ok: bool
    detail: str

    @property
    def line(self) -> str:
        """For a console of rich."""
        sign = "[green]✓[/]" if self.ok else "[red]✗[/]"
        return f"{sign} {escape(self.question)}  [dim]{escape(self.detail)}[/]"


def compare(results: Path, reference: Path) -> Iterator[Finding]:
    """Every row and frame once, in order; files that are missing are findings."""
    checks: tuple[tuple[str, str, Callable[[Path, Path], tuple[bool, str]]], ...] = (
        ("every thermo row once", LOG, _thermo),
        ("every dump frame once and whole", DUMP, _frames),
        ("every average once", AVERAGES, _averages),
        ("the last step reached", LOG, _last_step),
        ("the final structure whole", FINAL, _final),
    )
    for question, name, check in checks:
        try:
            ok, detail = check(results / name, reference / name)
        except (OSError, ValueError) as error:
            ok, detail = False, f"{name}: {error}"
        yield Finding(question, ok, detail)


def _thermo(ours: Path, theirs: Path) -> tuple[bool, str]:
    found = [(row.columns, row.step) for row in _rows(ours)]
    wanted = [(row.columns, row.step) for row in _rows(theirs)]
    return _same(found, wanted, "rows")


def _last_step(ours: Path, theirs: Path) -> tuple[bool, str]:
    found, wanted = _rows(ours)[-1].step, _rows(theirs)[-1].step
    return found == wanted, f"step {found:,} of {wanted:,}"


def _rows(log: Path) -> list[Row]:
    rows = read_rows(log.read_bytes())
    if not rows:
        raise ValueError("no thermo rows")
    return rows


def _frames(ours: Path, theirs: Path) -> tuple[bool, str]:
    found, wanted = ([*frames(path.read_bytes())] for path in (ours, theirs))
    ok, detail = _same([frame.step for frame in found], [frame.step for frame in wanted], "frames")
    torn = [frame.step for frame in found if frame.atoms != wanted[0].atoms]
    return ok and not torn, f"{detail}, torn at steps {torn}" if torn else detail


def _averages(ours: Path, theirs: Path) -> tuple[bool, str]:
    found, wanted = ([*row_names(path.read_text())] for path in (ours, theirs))
    return _same(found, wanted, "rows")


def _final(ours: Path, theirs: Path) -> tuple[bool, str]:
    found, wanted = (sorted(sections(path.read_text())) for path in (ours, theirs))
    return _same(found, wanted, "lines in sections")


def _same(found: Sequence[object], wanted: Sequence[object], what: str) -> tuple[bool, str]:
    if found == wanted:
        return True, f"{len(found):,} {what}, as in the reference"
    pairs = enumerate(zip(found, wanted, strict=False))
    at = next((i for i, (ours, theirs) in pairs if ours != theirs), min(len(found), len(wanted)))
    return False, (
        f"{len(found):,} {what} instead of {len(wanted):,}; the first that differs is number "
        f"{at + 1}: {_item(found, at)} instead of {_item(wanted, at)}"
    )


def _item(items: Sequence[object], at: int) -> object:
    return items[at] if at < len(items) else "nothing"
