"""A deck in plain `lmp`: whether it runs, and how much of it fits into some seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.corpus.bounded import Ended, run_bounded
from benchmarks.corpus.record import Plain
from deckhand.lammps.thermo import read_rows

WHOLE_SECONDS: Final = 60.0
"""A deck that ends in this time is taken as it is."""

LOOK_SECONDS: Final = 10.0
"""After this time the pace is known, and a deck that cannot make it is given up."""

MARGIN: Final = 1.3
SHORT_SECONDS: Final = 11.0
"""What a shortened deck shall take."""

TRIES: Final = 4

_LOOP: Final = re.compile(rb"Loop time of \S+ on \d+ procs for (\d+) steps with (\d+) atoms")
_ERROR: Final = re.compile(rb"^(?:ERROR|Cannot|Fatal|\[?ERROR).*$", re.MULTILINE)


@dataclass(frozen=True)
class Progress:
    """How far a run has come, by what it says; `dynamics` does not count minimisations."""

    steps: int
    dynamics: int
    atoms: int

    @classmethod
    def read(cls, screen: bytes) -> Progress:
        loops = list(_LOOP.finditer(screen))
        ends = [*(loop.start() for loop in loops[1:]), len(screen)]
        done = [
            (int(loop[1]), b"Minimization stats" in screen[loop.end() : end])
            for loop, end in zip(loops, ends, strict=False)
        ]
        rows = read_rows(screen[loops[-1].end() if loops else 0 :])
        going = rows[-1].step - rows[0].step if rows else 0
        return cls(
            steps=sum(steps for steps, _ in done) + going,
            dynamics=sum(steps for steps, minimised in done if not minimised),
            atoms=int(loops[-1][2]) if loops else 0,
        )


@dataclass(frozen=True)
class PlainRuns:
    """Runs of one deck in plain `lmp`; *lay* copies it, shortened, into a new folder."""

    lmp: Path
    environment: Mapping[str, str]
    work: Path
    file: str
    lay: Callable[[Path, float], None]

    def measure(self, total_steps: int | None) -> Plain:
        """Find out whether the deck runs, and the factor that makes it short enough."""
        factor = 1.0
        for number in range(TRIES):
            total = None if total_steps is None else total_steps * factor
            whole = factor == 1.0
            ended, screen = self._run(f"plain-{number}", factor, total if whole else None)
            progress = Progress.read(screen)
            if ended.code is not None:
                error = "" if ended.code == 0 else first_error(screen, ended.code)
                if error and factor != 1.0:
                    error = f"takes too long, and cut to {factor:g}: {error}"
                return Plain(
                    runs=ended.code == 0,
                    seconds=round(ended.seconds, 2),
                    factor=factor,
                    steps=progress.dynamics,
                    atoms=progress.atoms,
                    error=error,
                )
            factor = _shorter(factor, ended.seconds, progress.steps, total)
        return Plain(
            runs=False,
            seconds=WHOLE_SECONDS,
            error=f"does not end in {WHOLE_SECONDS:.0f} s, however short its runs are made",
        )

    def _run(self, name: str, factor: float, total: float | None) -> tuple[Ended, bytes]:
        folder = self.work / name
        self.lay(folder, factor)
        said = self.work / f"{name}.screen"
        next_look = LOOK_SECONDS

        def hopeless(seconds: float) -> bool:
            nonlocal next_look
            if total is None or seconds < next_look:
                return False
            next_look += LOOK_SECONDS
            done = Progress.read(said.read_bytes()).steps
            return done > 0 and seconds * total / done > WHOLE_SECONDS * MARGIN

        command = [str(self.lmp), "-nonbuf", "-in", self.file]
        ended = run_bounded(command, folder, self.environment, said, WHOLE_SECONDS, hopeless)
        return ended, said.read_bytes()


def first_error(screen: bytes, code: int) -> str:
    """LAMMPS' own sentence, else the last thing that was said."""
    found = _ERROR.search(screen)
    lines = screen.decode(errors="replace").strip().splitlines()
    said = found[0].decode(errors="replace").strip() if found else (lines[-1] if lines else "")
    return said or f"exit code {code}"


def _shorter(factor: float, seconds: float, done: int, total: float | None) -> float:
    """A factor for the next try, two digits of it."""
    if total and done:
        needed = seconds * total / done
        wanted = factor * SHORT_SECONDS / needed
    else:
        wanted = factor * SHORT_SECONDS / WHOLE_SECONDS
    return float(f"{wanted:.1g}") if wanted < 1e-3 else float(f"{wanted:.2g}")
