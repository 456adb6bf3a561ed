"""Whether the outputs of an interrupted run are those of an uninterrupted one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deckhand.lammps.thermo import Row, read_rows

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
    found, wanted = list(frames(ours.read_text())), list(frames(theirs.read_text()))
    ok, detail = _same([step for step, _ in found], [step for step, _ in wanted], "frames")
    torn = [step for step, atoms in found if atoms != wanted[0][1]]
    return ok and not torn, f"{detail}, torn at steps {torn}" if torn else detail


def frames(dump: str) -> Iterator[tuple[int, int]]:
    """Step and number of different atoms of each frame of a text dump."""
    for text in dump.split("ITEM: TIMESTEP\n")[1:]:
        head, _, atoms = text.partition("ITEM: ATOMS ")
        width = len(atoms.partition("\n")[0].split())
        rows = [line.split() for line in atoms.splitlines()[1:]]
        whole = {row[0] for row in rows if len(row) == width}
        yield int(head.split("\n", 1)[0]), len(whole) if len(whole) == len(rows) else -1


def _averages(ours: Path, theirs: Path) -> tuple[bool, str]:
    return _same(_first_words(ours), _first_words(theirs), "rows")


def _first_words(table: Path) -> list[str]:
    lines = table.read_text().splitlines()
    return [line.split()[0] for line in lines if line and not line.startswith("#")]


def _final(ours: Path, theirs: Path) -> tuple[bool, str]:
    found, wanted = (sorted(_sections(path.read_text())) for path in (ours, theirs))
    return _same(found, wanted, "lines in sections")


def _sections(structure: str) -> Iterator[tuple[str, str]]:
    """Section and first number of each line of a data file, for its order is LAMMPS' own."""
    section = ""
    for line in structure.splitlines():
        words = line.split()
        if words and words[0][0].isalpha():
            section = words[0]
        elif words and section:
            yield section, words[0]


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
