"""Says on the terminal what takes long, and afterwards how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from deckhand.cli.console import make_console

Note = Callable[[str], None]


class Progress:
    """Steps one after another; on a terminal the one that is being done moves."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or make_console()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, what: str) -> Iterator[Note]:
        """Time a step; what is noted meanwhile is shown while it lasts, and the last note stays."""
        begin = time.monotonic()
        noted = ""
        shown = self.console.status(f"{escape(what)} …")

        def note(text: str) -> None:
            nonlocal noted
            noted = text
            shown.update(f"{escape(what)} … [dim]{escape(text)}[/]")

        with shown:
            yield note
        seconds = self.seconds[what] = time.monotonic() - begin
        tail = f"  [dim]{escape(noted)}[/]" if noted else ""
        line = f"[green]✓[/] {escape(what)} [dim]{seconds:.1f} s[/]{tail}"
        self.console.print(line, soft_wrap=True)
