"""`deckhand verify`: whether the results of a run are as they were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from deckhand.cli.console import make_console, note
from deckhand.cli.place import EndpointOption, StackOption, find_place
from deckhand.cli.transfers import shown
from deckhand.domain.errors import CertificateError
from deckhand.domain.verification import CheckedFile, Condition, Verification
from deckhand.usecases.verify_results import (
    Results,
    results_in_cloud,
    results_in_folder,
    verify_results,
)

COLOURS: Final = {
    Condition.OK: "green",
    Condition.DAMAGED: "red",
    Condition.MISSING: "red",
    Condition.NOT_CERTIFIED: "yellow",
}
RANGES_SHOWN: Final = 8

console = make_console()


def verify(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR", help="A run, or a folder that `deckhand results` has filled."
        ),
    ],
    cloud: Annotated[
        bool, typer.Option("--cloud", help="The run, even if there is a folder of that name.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    stack: StackOption = None,
    endpoint: EndpointOption = None,
) -> None:
    """Check every byte of the results against the certificate; ends with 1 if any is wrong."""
    folder = None if cloud else _folder(what)
    results = results_in_folder(folder) if folder else _in_cloud(what, stack, endpoint)
    found = _verified(results)
    if as_json:
        print(json.dumps({"ok": found.ok, **found.model_dump(mode="json")}, indent=1))
    else:
        _show(found, folder)
    if not found.ok:
        raise typer.Exit(1)


def _folder(what: str) -> Path | None:
    path = Path(what)
    if path.is_dir():
        return path
    if path.exists() or len(path.parts) > 1:
        raise CertificateError(f"{what} is not a folder with results, and no run is called so.")
    return None


def _in_cloud(run: str, stack: str | None, endpoint: str | None) -> Results:
    place = find_place(stack, endpoint)
    return results_in_cloud(place.runs, place.run_id(run))


def _verified(results: Results) -> Verification:
    with shown(note, "verifying", results.bytes_to_read) as tell:
        return verify_results(results, tell)


def _show(found: Verification, folder: Path | None) -> None:
    for file in found.files:
        word = f"[{COLOURS[file.condition]}]{file.condition.value:<13}[/]"
        console.print(f"{word}  {escape(file.path)}  [dim]{_detail(file)}[/]", soft_wrap=True)
    good, beside = found.count(Condition.OK), found.count(Condition.NOT_CERTIFIED)
    certified = len(found.files) - beside
    console.print(
        f"\n{good} of {certified} certified files of {found.run_id} are as they were written.",
        soft_wrap=True,
    )
    if not found.ok and folder is not None:
        again = escape(f"deckhand results {found.run_id} {folder}")
        console.print(f"Next: {again} downloads them again.", soft_wrap=True)


def _detail(file: CheckedFile) -> str:
    if not file.damaged:
        return f"{file.size:,} bytes"
    shown = ", ".join(str(item) for item in file.damaged[:RANGES_SHOWN])
    more = len(file.damaged) - RANGES_SHOWN
    return f"{shown}{f' and {more:,} ranges more' if more > 0 else ''}; it has {file.size:,} bytes"
