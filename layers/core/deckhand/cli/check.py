"""`deckhand check`: what is wrong with a deck, before it costs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from deckhand.cli.console import make_console
from deckhand.cli.engine import find_engine
from deckhand.cli.variables import Told, variables_of
from deckhand.domain import deck as decks
from deckhand.domain.deck import Problem, Severity
from deckhand.domain.errors import DropRejectedError
from deckhand.domain.message import count
from deckhand.domain.options import RunOptions
from deckhand.domain.run import CheckReport, Contract, DryRun, Stage
from deckhand.lammps.preflight import check_folder
from deckhand.lammps.sandbox import dry_run
from deckhand.usecases.unpack_archive import Limits, unpack_archive

DRY_RUN_SECONDS: Final = 60.0

_MEANING: Final = {
    Contract.EXACT: "a resumed run goes on as if nothing had happened, up to rounding",
    Contract.STATISTICAL: "a resumed run is another trajectory of the same ensemble",
    Contract.PARTIAL_OUTPUTS: "some averages start again after an interruption",
    Contract.REPEAT: "an interrupted command is done again from its beginning",
    Contract.REFUSED: "an interrupted run could not be resumed correctly, so it is not started",
}


@dataclass(frozen=True)
class Checked:
    """A deck that was read and, if wanted, carried through LAMMPS without computing.

    `runs` are those of a sweep, of which the first was looked at.
    """

    deck: str
    report: CheckReport
    dry: DryRun | None
    runs: int = 0

    @property
    def problems(self) -> list[Problem]:
        found = list(self.report.problems)
        if self.dry is not None and self.dry.problem is not None:
            found.append(self.dry.problem)
        if self.dry is not None and self.dry.shortfall:
            text = self.dry.shortfall
            found.append(Problem(severity=Severity.WARNING, file="", line=0, message=text))
        return found

    @property
    def ok(self) -> bool:
        return self.report.ok and (self.dry is None or self.dry.problem is None)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Those of the dry run where there is a whole one: it has followed the loops."""
        dry = self.dry
        return dry.stages if dry and dry.is_whole else self.report.stages

    @property
    def contract(self) -> Contract:
        return self.report.contract

    def as_json(self) -> dict[str, Any]:
        dry = self.dry
        return {
            "ok": self.ok,
            "deck": self.deck,
            "sweep": self.runs,
            "contract": self.contract.value,
            "problems": [problem.model_dump(mode="json") for problem in self.problems],
            "reads": list(self.report.reads),
            "missing": [problem.model_dump(mode="json") for problem in self.report.missing],
            "writes": list(self.report.writes),
            "begun_again": list(self.report.begun_again),
            "acceleration": self.report.acceleration.model_dump(mode="json"),
            "stages": [stage.model_dump(mode="json") for stage in self.stages],
            "atoms": dry.atoms if dry else None,
            "checkpoint_bytes": dry.checkpoint_bytes if dry else None,
        }


def check_path(path: Path, *, dry: bool, told: Sequence[str] = ()) -> Checked:
    """Check a deck, a folder with one, or an archive; raises DropRejectedError.

    *told* are variables that it is given besides those of its run.yaml.
    """
    with folder_of(path) as (root, deck, options):
        variables = variables_of(options, told)
        report = check_folder(root, deck, variables, options.accelerator)
        carried = None
        if dry and report.ok:
            engine = find_engine("A dry run")
            lmp, seconds = [str(engine.lmp)], DRY_RUN_SECONDS
            environment = engine.environment
            carried = dry_run(root, deck, lmp, seconds, environment, variables=variables)
        return Checked(deck, report, carried, options.point_count)


def check(
    path: Annotated[Path, typer.Argument(help="A deck, a folder with one, or an archive.")],
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Carry it through LAMMPS too, without computing.")
    ] = False,
    var: Told = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is wrong with a deck, and what a resume of it gives, before it costs."""
    try:
        checked = check_path(path, dry=dry, told=var or ())
    except DropRejectedError as error:
        if not as_json:
            raise
        print(json.dumps({"ok": False, "problems": [{"message": str(error)}]}))
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps(checked.as_json(), indent=1))
    else:
        _show(checked)
    if not checked.ok:
        raise typer.Exit(1)


def _show(checked: Checked) -> None:
    console = make_console()
    for problem in [*checked.problems, *checked.report.missing]:
        colour = "red" if problem.severity is Severity.ERROR else "yellow"
        console.print(f"[{colour}]{problem.severity.value}[/]  {escape(str(problem))}")
    for name, text in _facts(checked):
        console.print(f"[dim]{name:<10}[/]{escape(text)}", soft_wrap=True)


def _facts(checked: Checked) -> Iterator[tuple[str, str]]:
    yield "deck", f"{checked.deck} {'can be run' if checked.ok else 'cannot be run'}"
    if checked.runs:
        yield "sweep", f"{count(checked.runs, 'run')}; the first was looked at"
    yield "contract", f"{checked.contract.value}: {_MEANING[checked.contract]}"
    runs = [stage.steps for stage in checked.stages if stage.kind == "run"]
    known = [steps for steps in runs if steps is not None]
    total = f"{sum(known):,} steps" if len(known) == len(runs) else "steps known only to a real run"
    yield "stages", f"{len(checked.stages)}, {total}"
    found = checked.report.acceleration
    yield "on a GPU", f"{found.accelerator}: {found.why}"
    if found.on_host:
        yield "on host", ", ".join(found.on_host)
    if checked.report.reads:
        yield "reads", ", ".join(checked.report.reads)
    if checked.report.writes:
        yield "writes", ", ".join(checked.report.writes)
    if checked.report.begun_again:
        names = ", ".join(checked.report.begun_again)
        yield "partial", f"{names}: with what came after the last interruption"
    dry = checked.dry
    if dry and dry.atoms is not None and dry.checkpoint_bytes is not None:
        yield "atoms", f"{dry.atoms:,}; a restart file has {dry.checkpoint_bytes / 1e6:,.2f} MB"
    if dry and dry.network == "nothing":
        yield "dry run", "could have reached the network: this machine lets nobody take it away"


@contextmanager
def folder_of(path: Path) -> Iterator[tuple[Path, str, RunOptions]]:
    """The folder that the deck would lie in on the machine, its path in it, and its run.yaml."""
    if not path.exists():
        raise DropRejectedError(f"There is no {path}.")
    if path.is_dir():
        yield path, *_chosen(path)
    elif decks.is_archive(path.name):
        with tempfile.TemporaryDirectory(prefix="deckhand-") as folder:
            unpack_archive(path, path.name, Path(folder), Limits())
            yield Path(folder), *_chosen(Path(folder))
    else:
        yield path.parent, path.name, RunOptions()


def _options(file: Path) -> RunOptions:
    if not file.is_file():
        return RunOptions()
    # PyYAML takes as long to import as a whole check, and few decks come with options.
    from deckhand.usecases.read_options import read_options

    return read_options(file.read_bytes())


def _chosen(root: Path) -> tuple[str, RunOptions]:
    options = _options(root / decks.OPTIONS_NAME)
    files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    return decks.choose_deck(files, options.deck), options
