"""Which commands open a file that grows, under which name and in which format."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

from deckhand.lammps.outputs import DUMP_FORMATS, ROW_FIXES, Format

_FIX_OPTIONS: Final = 5
_PRINT_OPTIONS: Final = 6


class Opening(NamedTuple):
    """A file as the deck names it, and how its records are told apart: see `OutputFile`."""

    name: str
    format: Format
    every: int = 0
    lines_per_record: int = 1
    title_lines: int = 1


def growing_file(command: list[str]) -> Opening | None:
    """The file that a command opens to write to it again and again; None for other commands."""
    match command:
        case ["dump", _, _, style, _, name, *_] if style in DUMP_FORMATS and "*" not in name:
            return Opening(name, DUMP_FORMATS[style])
        case ["fix", _, _, "print", *_]:
            return _prints(command)
        case ["fix", _, _, style, *_] if style in ROW_FIXES:
            return _averages(command)
        case ["print", _, *options] if name := _value(options, "file", "append"):
            return Opening(name, Format.LINES)
        case ["write_dump", _, _, name, *_] if "*" not in name:
            return Opening(name, Format.LINES)
        case ["log", name, *_] if name != "none":
            return Opening(name, Format.LOG)
    return None


def goes_on(command: list[str]) -> bool:
    """Whether the command keeps what is in the file."""
    if command[0] == "log":
        return "append" in command[2:]
    if command[0] == "write_dump":
        return ("append", "yes") in pairwise(command)
    return bool(_value(command[2:], "append"))


def writes_once(command: list[str]) -> bool:
    """Whether the file is complete when the command is done, unless another lets it grow."""
    return command[0] in ("print", "write_dump") and not goes_on(command)


def _prints(command: list[str]) -> Opening | None:
    options = command[_PRINT_OPTIONS:]
    name = _value(options, "file", "append")
    if not name:
        return None
    text, title = command[_PRINT_OPTIONS - 1], _value(options, "title")
    lines = (text.count("\n") + 1, title.count("\n") + 1)
    every = int(command[4]) if command[4].isdigit() else 0
    return Opening(name, Format.LINES, every, *lines)


def _averages(command: list[str]) -> Opening | None:
    name = _value(command[_FIX_OPTIONS:], "file", "append")
    if not name or "overwrite" in command:
        return None
    is_vector = command[3] == "ave/time" and "vector" in command
    return Opening(name, Format.BLOCKS if is_vector else ROW_FIXES[command[3]])


def _value(words: list[str], *keywords: str) -> str:
    return next((word for keyword, word in pairwise(words) if keyword in keywords), "")
