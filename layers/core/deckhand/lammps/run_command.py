"""The `run` command: its words, and how what is left of a run is told to LAMMPS.

https://docs.lammps.org/run.html
"""

from __future__ import annotations

import re
from typing import Final

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.journal import RunInProgress


def need_words(command: list[str], least: int, most: int | None, place: Place) -> None:
    if len(command) < least:
        raise DeckError(f"`{command[0]}` needs {least - 1} argument(s)", place)
    if most is not None and len(command) > most:
        raise DeckError(f"`{command[0]}` takes {most - 1} argument(s) only", place)


def run_in_progress(command: list[str], now: int, place: Place) -> RunInProgress:
    """Read `run N [upto] [start S] [stop E] [pre yes] [post yes] [every M "command" …]`.

    https://docs.lammps.org/run.html
    """
    need_words(command, 2, None, place)
    steps = integer(command[1], place)
    run = RunInProgress(file=place.file, line=place.line, first=now, last=now + steps)
    index = 2
    while index < len(command):
        keyword = command[index]
        if keyword == "upto":
            run.last, index = steps, index + 1
            continue
        need_words(command, index + 2, None, place)
        value = command[index + 1]
        index += 2
        if keyword == "start":
            run.start = integer(value, place)
        elif keyword == "stop":
            run.stop = integer(value, place)
        elif keyword == "pre":
            run.pre = _truth(value, place)
        elif keyword == "post":
            run.post = _truth(value, place)
        elif keyword == "every":
            run.chunk, run.every = _chunks(value, command[index:], place)
            break
        else:
            raise DeckError(f"`run` has no keyword {keyword!r}", place)
    return run


def _chunks(value: str, commands: list[str], place: Place) -> tuple[int, list[str]]:
    steps = integer(value, place)
    if steps < 1 or not commands:
        raise DeckError("`run … every` needs a number of steps and a command", place)
    return steps, [] if commands == ["NULL"] else commands


_LOGICAL: Final = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}


def _truth(word: str, place: Place) -> bool:
    if word not in _LOGICAL:
        raise DeckError(f"{word!r} is neither `yes` nor `no`", place)
    return _LOGICAL[word]


def run_command(run: RunInProgress, *, pre: bool) -> str:
    """The run as the user meant it: ramps keep their ends however often it is cut."""
    start = run.first if run.start is None else run.start
    stop = run.target if run.stop is None else run.stop
    yes_no = {True: "yes", False: "no"}
    return (
        f"run {run.target} upto start {start} stop {stop} pre {yes_no[pre]} post {yes_no[run.post]}"
    )


_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")


def integer(word: str, place: Place) -> int:
    if not _INTEGER.fullmatch(word):
        raise DeckError(f"{word[:60]!r} is not a number of steps", place)
    return int(word)
