"""Shows how far a transfer of many bytes has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


@contextmanager
def shown(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for *total* bytes that is gone at the end; what it yields is told of each part.

    From any thread. Nothing is shown where nobody looks.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    quiet = not console.is_terminal
    with Progress(
        *columns, TransferSpeedColumn(), console=console, transient=True, disable=quiet
    ) as progress:
        task = progress.add_task(what, total=total)
        yield lambda size: progress.advance(task, size)
