"""Where the command writes to."""

from __future__ import annotations

from typing import Final

from rich.console import Console

PIPE_WIDTH: Final = 160
"""Columns where there is no terminal to ask: rich would take 80 and cut names in two."""


def make_console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


note = make_console(stderr=True)
