"""`deckhand rehearse`: interrupt a deck here, and see what comes of it."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deckhand.cli.check import check_path, folder_of
from deckhand.cli.console import make_console, note
from deckhand.cli.engine import find_engine
from deckhand.cli.proof import Curve, Proof, prove
from deckhand.cli.rehearsal import Kind, Rehearsal, choose_moments
from deckhand.cli.variables import Told, variables_of
from deckhand.domain.errors import DeckhandError, DropRejectedError
from deckhand.domain.run import CheckReport, Contract
from deckhand.lammps.preflight import check_folder

BARS: Final = "▁▂▃▄▅▆▇█"

Tell = Callable[[str, float | None], None]


def _read_kinds(text: str) -> list[Kind]:
    try:
        return [Kind(word.strip()) for word in text.split(",")]
    except ValueError:
        known = ", ".join(kind.value for kind in Kind)
        raise typer.BadParameter(f"{text!r} is not a list of some of {known}") from None


def rehearse(
    path: Annotated[
        Path, typer.Argument(exists=True, help="A deck, a folder with one, or an archive.")
    ],
    interruptions: Annotated[int, typer.Option(min=0, max=100, help="How many.")] = 2,
    seed: Annotated[int, typer.Option(help="Another one interrupts at other moments.")] = 1,
    kinds: Annotated[
        str, typer.Option(help="Of notice, kill (without a word), corrupt (and damage besides).")
    ] = "notice,kill,corrupt",
    checkpoint_seconds: Annotated[
        float | None, typer.Option(min=0.05, help="Between checkpoints; by default a twelfth.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="A new folder to leave both runs and the bucket in.")
    ] = None,
    var: Told = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="For programs."),
    ] = False,
) -> None:
    """Run a deck here undisturbed and interrupted, and prove that both gave the same."""
    chosen = _read_kinds(kinds)
    chance = random.Random(seed)
    contract = Contract.REFUSED
    try:
        if keep is not None and keep.exists():
            raise typer.BadParameter(f"{keep} is there already", param_hint="--keep")
        with (
            folder_of(path) as (root, deck, options),
            _work(keep) as work,
            _shown(as_json) as tell,
        ):
            variables = variables_of(options, var or ())
            report = check_folder(root, deck, variables, options.accelerator)
            contract = report.contract
            if not report.ok or contract is Contract.REFUSED:
                errors = [*report.problems, *report.missing]
                raise DropRejectedError("Refused. " + "\n".join(map(str, errors)))
            rehearsal = Rehearsal(
                root=root,
                deck=deck,
                report=report,
                total_steps=_total_steps(path, report, var or ()),
                engine=find_engine("A rehearsal"),
                work=work,
                variables=variables,
                moments=choose_moments(chance, interruptions, chosen),
                chance=chance,
                checkpoint_seconds=checkpoint_seconds,
                tell=tell,
            )
            proof = prove(rehearsal, rehearsal.play())
    except DeckhandError as error:
        if not as_json:
            raise
        print(json.dumps(_nothing(contract), indent=1))
        note.print(f"deckhand: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps(proof.as_json(), indent=1))
        for fault in proof.faults:
            note.print(f"deckhand: {escape(fault)}", soft_wrap=True)
    else:
        show(make_console(), proof, interruptions)
    if not proof.passed:
        raise typer.Exit(1)


def show(console: Console, proof: Proof, wanted: int) -> None:
    """The verdict, what it rests on, and the thermo before and after each resume."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("interruption")
    for name in ("at step", "resumed from", "steps again", "seconds", "first deviation"):
        table.add_column(name, justify="right")
    for item, resume in zip(proof.interruptions, proof.resumes, strict=True):
        seconds = "" if item.seconds is None else f"{item.seconds:.1f}"
        steps = (f"{item.step:,}", f"{resume.begin:,}", f"{item.lost_steps:,}", seconds)
        table.add_row(item.kind.value, *steps, _number(resume.deviation))
    console.print(table)
    for item, resume in zip(proof.interruptions, proof.resumes, strict=True):
        if resume.curve is not None:
            console.print()
            for line in _plot(resume.curve, item.kind):
                console.print(line, soft_wrap=True)
    console.print()
    for name, text in _facts(proof, wanted):
        console.print(f"[dim]{name:<15}[/]{escape(text)}", soft_wrap=True)
    for fault in proof.faults:
        console.print(f"[red]✗[/] {escape(fault)}", soft_wrap=True)
    verdict = "[bold green]pass[/]" if proof.passed else "[bold red]fail[/]"
    console.print(f"{verdict}  the contract is: {proof.contract.value}")


def _facts(proof: Proof, wanted: int) -> Iterator[tuple[str, str]]:
    for name, tally in (("rows", proof.completeness.rows), ("frames", proof.completeness.frames)):
        yield (
            name,
            f"{tally.got:,} of {tally.expected:,}, {tally.missing:,} missing, "
            f"{tally.doubled:,} doubled",
        )
    expected, got = proof.final_step
    if expected is not None:
        yield "last step", f"{'none' if got is None else f'{got:,}'} of {expected:,}"
    yield (
        "max deviation",
        f"{_number(proof.max_deviation)}, of any row from the undisturbed run; dynamics is "
        "chaotic, so it grows from round-off",
    )
    yield (
        "control",
        f"{_number(proof.control_deviation)}, of any row from one process that was cut and "
        "continued where the run was resumed; 0 means that no state was lost",
    )
    yield "overhead", f"{proof.overhead:+.0%} of the undisturbed wall time"
    if len(proof.interruptions) < wanted:
        yield "note", f"{len(proof.interruptions)} of {wanted} interruptions: the deck was faster"


def _plot(curve: Curve, kind: Kind) -> Iterator[str]:
    values = [*curve.undisturbed, *curve.resumed]
    low, high = min(values), max(values)
    span = f"{curve.column} from {low:g} to {high:g}"
    yield f"[dim]{escape(span)}, the resume after {kind.value} at │[/]"
    for name, row in (("undisturbed", curve.undisturbed), ("resumed", curve.resumed)):
        before, after = (sparkline(part, low, high) for part in (row[: curve.at], row[curve.at :]))
        yield f"{name:<12}{before}[dim]│[/]{after}"


def sparkline(values: Sequence[float], low: float, high: float) -> str:
    """Values as bars between *low* and *high*; a blank for one that is no number."""
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    places = (round((value - low) * scale) if low <= value <= high else None for value in values)
    return "".join(" " if place is None else BARS[place] for place in places)


def _number(deviation: float | None) -> str:
    return "none" if deviation is None else f"{deviation:.1e}"


def _total_steps(path: Path, report: CheckReport, told: Sequence[str]) -> int | None:
    """Steps of the whole run; where reading the deck does not tell, a dry run follows its loops."""
    if report.total_steps is not None:
        return report.total_steps
    stages = check_path(path, dry=True, told=told).stages
    runs = [stage.steps for stage in stages if stage.kind == "run"]
    known = [steps for steps in runs if steps is not None]
    return sum(known) if len(known) == len(runs) else None


def _nothing(contract: Contract) -> dict[str, Any]:
    """The answer where there are no two runs to compare."""
    counts = dict.fromkeys(("expected", "got", "missing", "doubled"))
    return {
        "contract": contract.value,
        "verdict": "fail",
        "rows": counts,
        "frames": counts,
        "final_step": {"expected": None, "got": None},
        "first_deviation": [],
        "max_deviation": None,
        "control_deviation": None,
        "interruptions": [],
        "overhead": None,
    }


@contextmanager
def _work(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="deckhand-rehearsal-") as folder:
        yield Path(folder).resolve()


@contextmanager
def _shown(quiet: bool) -> Iterator[Tell]:
    """Show what is being done while it is; on standard error, for the answer may be piped."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=note, transient=True, disable=quiet) as progress:
        shown = progress.add_task("checking", total=None)

        def tell(text: str, fraction: float | None) -> None:
            total = None if fraction is None else 1.0
            progress.update(shown, description=text, total=total, completed=fraction or 0.0)

        yield tell
