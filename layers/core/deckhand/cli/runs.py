"""What a person asks of a stack: to run a deck, how its runs are doing, their results."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from deckhand.cli import sweep, view
from deckhand.cli.console import make_console
from deckhand.cli.follow import Follower, forecast
from deckhand.cli.place import EndpointOption, Place, RunArgument, StackOption, find_place
from deckhand.cli.transfers import shown
from deckhand.cli.upload import plan_upload
from deckhand.domain import keys
from deckhand.domain.deck import is_run_id, run_id
from deckhand.domain.errors import StorageError
from deckhand.domain.run import RunState
from deckhand.usecases.list_drop import list_drop
from deckhand.usecases.list_runs import list_runs
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.show_run import show_run

console = make_console()


def submit(
    path: Annotated[Path, typer.Argument(help="A deck, a folder with one, or an archive.")],
    name: Annotated[str | None, typer.Option(help="The drop's name.")] = None,
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Upload a deck with its files; the upload starts the run."""
    upload = plan_upload(path, name)
    place = find_place(stack, endpoint)
    with shown(console, "uploading", upload.size) as tell:
        for key, file in upload.objects():
            place.inbox.upload(key, file)
            tell(file.stat().st_size)
    expected = run_id(list_drop(place.inbox, upload.prefix))
    count = "1 file" if len(upload.files) == 1 else f"{len(upload.files)} files"
    console.print(f"Uploaded {count} to s3://{place.inbox.name}/{upload.prefix}", soft_wrap=True)
    console.print(f"The run will be [bold]{expected}[/]", soft_wrap=True)
    console.print(f"Next: deckhand show {expected} --follow", soft_wrap=True)


def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    points: Annotated[bool, typer.Option("--points", help="With the runs of sweeps.")] = False,
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Show the newest runs."""
    place = find_place(stack, endpoint)
    records = list_runs(place.ledger, limit)
    if points:
        records = [item for record in records for item in (record, *sweep.runs_of(place, record))]
    if records:
        console.print(view.runs_table(records, datetime.now(UTC)))
    else:
        console.print("No runs yet. Next: deckhand submit examples/polymer_melt")


def show(
    run: RunArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the run ends.")] = False,
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Show a run: where it is, what it has cost and will cost, when it will end."""
    place = find_place(stack, endpoint)
    if follow:
        _follow(place, run)
        return
    found = show_run(place.runs, place.ledger, place.run_id(run))
    now = datetime.now(UTC)
    console.print(view.picture(found, forecast(place.forecast, found, now), now))
    if found.record.points:
        console.print("", sweep.points_table(place, found.record), sep="\n")
    if found.record.state.is_final and found.results:
        console.print(f"\nNext: deckhand results {found.record.run_id}", soft_wrap=True)


def results(
    run: RunArgument,
    folder: Annotated[
        Path | None, typer.Argument(help="Where to; a new folder by default.")
    ] = None,
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Download the results of a run; those of a sweep's runs into a folder each."""
    place = find_place(stack, endpoint)
    name = place.run_id(run)
    there = sweep.results_of(place, name)
    if not there:
        raise StorageError(f"{name} has no results yet. `deckhand show {name}` says where it is.")
    target = folder or Path(name)
    with shown(console, "downloading", sum(item.size for item in there)) as tell:
        paths = in_parallel(
            lambda item: download(place, item.key, target, item.path, tell),
            there,
        )
    for path, item in zip(paths, there, strict=True):
        console.print(f"{escape(str(path))}  [dim]{item.size:,} bytes[/]", soft_wrap=True)
    if any(item.key == keys.certificate(name) for item in there):
        console.print(f"\nNext: deckhand verify {escape(str(target))}", soft_wrap=True)


def download(
    place: Place,
    key: str,
    folder: Path,
    inside: str,
    tell: Callable[[int], None] = lambda size: None,
) -> Path:
    """Fetch an object, telling of its bytes; half of one never bears its name."""
    path = folder / inside
    if not path.resolve().is_relative_to(folder.resolve()):
        raise StorageError(f"{key} would be written outside {folder}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        for chunk in place.runs.stream(key):
            file.write(chunk)
            tell(len(chunk))
    partial.replace(path)
    return path


def _follow(place: Place, run: str) -> None:
    """Follow a run, also one that has just been uploaded and is not in the ledger yet."""
    follower = Follower(place, console)
    if is_run_id(run):
        follower.await_admission(run)
    last = follower.follow(place.run_id(run))
    console.print(follower.picture(last))
    if last.record.state is not RunState.COMPLETED:
        raise typer.Exit(1)
