"""What Deckhand's engine costs: `python -m benchmarks.engine CLAIM`, or `all`.

Each claim is measured in one run, what is compared in turns, and told as medians and a ratio.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.attempts import (
    CHAIN_FILES,
    DECK,
    ENGINE,
    LOG,
    Site,
    Spent,
    chain,
    first_row,
    seconds_to_stop,
    spent,
)
from benchmarks.claims import Claim, Measure, tell
from deckhand.cli.machine import Machine
from deckhand.domain.status import ExitCode
from deckhand.lammps.errors import DeckError
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal
from deckhand.lammps.process import Lammps
from deckhand.lammps.script import folder_reader, parse, references, without_comment, words
from tests.fuzz.author import Author
from tests.fuzz.bystander import Bystander

ROOT: Final = Path(__file__).parents[1]
EXAMPLE: Final = ROOT / "examples/polymer_melt"
PACE_SECONDS: Final = 10.0
PACED: Final = 10
"""Checkpoints whose distances are measured."""

MPIRUN: Final = Path(sys.executable).with_name("mpirun")


def overhead(options: argparse.Namespace) -> Iterator[Claim]:
    """Runner ÷ plain LAMMPS on the 32 000 beads of LAMMPS' own bench, in turns."""
    text = _chain(options.steps)
    pairs: list[tuple[Spent, Spent]] = []
    for number in range(options.repeats):
        with _site(text) as site:
            plain = spent(site.plain(number)) if number % 2 else None
            ours = spent(site.attempt(options.checkpoint_seconds))
            plain = plain or spent(site.plain(number))
            pairs.append((plain, ours))
            checkpoints = site.status(1)
            assert checkpoints is not None
            print(
                f"    plain {plain}  runner {ours}  {checkpoints.checkpoints_written} checkpoints"
            )
    yield Claim("plain LAMMPS, wall", median(p.wall for p, _ in pairs), unit="s")
    yield Claim("runner ÷ plain, wall", median(o.wall / p.wall for p, o in pairs), 1.02)
    yield Claim("runner ÷ plain, processor", median(o.cpu / p.cpu for p, o in pairs), 1.02)


def pacing(options: argparse.Namespace) -> Iterator[Claim]:
    """Wall clock from one verified checkpoint to the next ÷ the interval asked for."""
    with _site(_chain(1_000_000)) as site:
        course = site.attempt(PACE_SECONDS)
        for _ in range(PACED):
            course.wait_for_another("is verified")
        course.process.terminate()
        assert course.end() == ExitCode.CHECKPOINTED
        at = [when for line, when in course.said.items() if "is verified" in line][:PACED]
    ratios = [(after - before) / PACE_SECONDS for before, after in pairwise(at)]
    yield Claim(f"interval ÷ {PACE_SECONDS:g} s, median of {len(ratios)}", median(ratios), 1.2)
    yield Claim("shortest", min(ratios))
    yield Claim("longest", max(ratios), 1.2)


def resume(options: argparse.Namespace) -> Iterator[Claim]:
    """From a checkpoint that is fetched to the first step, ÷ LAMMPS' own from its start."""
    own: list[float] = []
    entered: list[float] = []
    before: list[float] = []
    with _site(_chain(1_000_000)) as site:
        course = site.attempt(1.0)
        course.wait_for("is verified")
        course.process.terminate()
        assert course.end() == ExitCode.CHECKPOINTED
        for number in range(options.repeats):
            course = site.plain(number)
            own.append(first_row(site.folder / f"plain-{number}" / LOG, course))
            course.process.kill()
            course.end()
            course = site.attempt(600.0, resume=True)
            fetched = course.wait_for("resuming from")
            before.append(course.wait_for("fetching"))
            entered.append(first_row(site.scratch(site.attempts) / "deck" / LOG, course) - fetched)
            course.process.kill()
            course.end()
    yield Claim("LAMMPS, from its start to its first step", median(own), unit="s")
    yield Claim("runner, from its start to the fetch", median(before), unit="s")
    yield Claim("runner, from the fetched checkpoint to the first step", median(entered), unit="s")
    yield Claim("of a resume ÷ LAMMPS", median(entered) / median(own), 1.5)


def stop(options: argparse.Namespace) -> Iterator[Claim]:
    """From SIGTERM to a checkpoint that is stored and verified, on one and on two ranks."""
    launchers: dict[str, tuple[str, ...]] = {"one rank": ()}
    if MPIRUN.exists():
        launchers["two ranks"] = (str(MPIRUN), "-n", "2")
    for name, launcher in launchers.items():
        seconds = []
        for _ in range(options.repeats):
            with _site(_chain(1_000_000), (*launcher, str(ENGINE.lmp))) as site:
                seconds.append(seconds_to_stop(site))
        yield Claim(f"from SIGTERM to the verified checkpoint, {name}", median(seconds), unit="s")


def check(options: argparse.Namespace) -> Iterator[Claim]:
    """`deckhand check`, as a person types it: a process of its own each time."""
    program = Path(sys.executable).with_name("deckhand")
    with tempfile.TemporaryDirectory() as name:
        large = Path(name) / "in.large"
        text = (EXAMPLE / "in.melt").read_text(encoding="utf-8")
        large.write_text(text * (1_000_000 // len(text)), encoding="utf-8")
        for case, words_, most in (
            ("examples/polymer_melt", [str(EXAMPLE)], 1.0),
            ("a deck of 1 MB", [str(large)], None),
            ("examples/polymer_melt --dry-run", [str(EXAMPLE), "--dry-run"], 5.0),
        ):
            times = [_run([str(program), "check", *words_]) for _ in range(2 * options.repeats + 1)]
            yield Claim(f"check {case}, wall", median(t.wall for t in times), most, "s")
            yield Claim(f"check {case}, processor", median(t.cpu for t in times), unit="s")


def parser(options: argparse.Namespace) -> Iterator[Claim]:
    """Lines, comments, words and references of 5 MB of decks; the processor's time."""
    melt = (EXAMPLE / "in.melt").read_text(encoding="utf-8")
    mixed = "".join(
        body.decode()
        for seed in range(60)
        for name, body in Author(random.Random(seed)).write().items()
        if name != "names.txt"
    )
    for case, text in {"in.melt": melt, "random decks": mixed}.items():
        body = text * (5_000_000 // len(text) + 1)
        times = []
        for _ in range(options.repeats):
            begin = time.process_time()
            for line in parse(DECK, body).lines:
                with suppress(DeckError):
                    bare = without_comment(line.text)
                    words(bare)
                    sum(1 for _ in references(bare))
            times.append(time.process_time() - begin)
        yield Claim(
            f"{case} over and over", len(body) / 1e6 / median(times), unit="MB/s (at least 1)"
        )


def loop(options: argparse.Namespace) -> Iterator[Claim]:
    """A loop that LAMMPS goes round 100 000 times: time, memory and journal at its quarters."""
    rounds = options.rounds
    text = (
        f"variable i loop {rounds}\nlabel again\nvariable x equal $i*2\n"
        f'if "$i > {rounds}" then "print never"\nnext i\njump SELF again\n'
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / DECK).write_text(text, encoding="utf-8")
        command = [str(ENGINE.lmp), "-log", "none"]
        lammps = Lammps(command, folder, folder, ENGINE.environment)
        journal = Journal(deck=DECK)
        quarters = _Quarters(journal, lammps, rounds)
        try:
            Interpreter(quarters.engine, journal, folder_reader(folder), Bystander()).execute()
            quarters.look()
        finally:
            lammps.kill()
    times = [after - before for before, after in zip(quarters.at, quarters.at[1:], strict=False)]
    yield Claim("rounds per second", rounds / (quarters.at[-1] - quarters.at[0]))
    yield Claim("last quarter ÷ first quarter, time", times[-1] / times[0])
    yield Claim("memory grown from the first quarter to the end", quarters.grown, unit="MB")
    yield Claim("journal at the end", len(journal.model_dump_json()), unit="bytes")


def journal(options: argparse.Namespace) -> Iterator[Claim]:
    """The journal of the example, and of any other deck, where it is largest."""
    for path in [EXAMPLE / "in.melt", *map(Path, options.decks)]:
        size, settings = _journal_of(path)
        yield Claim(f"{path.parent.name}/{path.name}, {settings} settings", size, unit="bytes")


CLAIMS: Final[dict[str, Measure]] = {
    "overhead": overhead,
    "pacing": pacing,
    "resume": resume,
    "stop": stop,
    "check": check,
    "parser": parser,
    "loop": loop,
    "journal": journal,
}


class _Quarters:
    """Looks at the clock and at the memory each time that a quarter of the rounds is done."""

    def __init__(self, kept: Journal, lammps: Lammps, rounds: int) -> None:
        self.at: list[float] = []
        self.memory: list[float] = []
        self.engine = self
        self._lammps, self._done, self._quarter = lammps, 0, max(1, rounds // 4)
        self.ask, self.holds, self.step = lammps.ask, lammps.holds, lammps.step

    def send(self, command: str, place: object = None) -> None:
        if command.startswith("next"):
            if self._done % self._quarter == 0:
                self.look()
            self._done += 1
        self._lammps.send(command)

    def look(self) -> None:
        self._lammps.ask("")
        self.at.append(time.monotonic())
        self.memory.append(_resident())

    @property
    def grown(self) -> float:
        return self.memory[-1] - self.memory[1]


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _journal_of(deck: Path) -> tuple[int, int]:
    """Bytes of the journal, and its settings, when all runs of a deck are skipped."""
    largest = (0, 0)

    class Looks(Bystander):
        def run_starts(self, step: int, *, set_up: bool) -> None:
            nonlocal largest
            largest = max(largest, (len(kept.model_dump_json()), len(kept.settings)))

    kept = Journal(deck=deck.name)
    with tempfile.TemporaryDirectory() as control, tempfile.TemporaryDirectory() as work:
        subprocess.run(["cp", "-r", f"{deck.parent}/.", work], check=True)
        command = [str(ENGINE.lmp), "-skiprun", "-log", "none"]
        lammps = Lammps(command, Path(work), Path(control), ENGINE.environment)
        try:
            Interpreter(lammps, kept, folder_reader(Path(work)), Looks()).execute()
        finally:
            lammps.kill()
    return largest


def _chain(steps: int) -> str:
    # Else what plain LAMMPS has written is seen late.
    return chain(f"thermo_modify flush yes\nrun {steps}")


@contextmanager
def _site(text: str, lmp: Sequence[str] = (str(ENGINE.lmp),)) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="deckhand-bench-") as name, Machine() as machine:
        yield Site(Path(name), CHAIN_FILES, text, machine, lmp)


def _run(command: Sequence[str]) -> Spent:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(time.monotonic() - begin, cpu)


def main() -> int:
    """Measure; the exit code is 1 if a claim does not hold."""
    parser_ = argparse.ArgumentParser(description=__doc__)
    parser_.add_argument("claim", choices=[*CLAIMS, "all"])
    parser_.add_argument("decks", nargs="*", help="other decks, for `journal`")
    parser_.add_argument("--repeats", type=int, default=3)
    parser_.add_argument("--steps", type=int, default=8000, help="of `overhead`")
    parser_.add_argument("--checkpoint-seconds", type=float, default=60.0)
    parser_.add_argument("--rounds", type=int, default=100_000, help="of `loop`")
    parser_.add_argument("--json", type=Path, metavar="FILE", help="write the result there too")
    options = parser_.parse_args()
    names = CLAIMS if options.claim == "all" else [options.claim]
    return tell(CLAIMS, names, options, options.json)


if __name__ == "__main__":
    sys.exit(main())
