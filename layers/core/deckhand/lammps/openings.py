"""Which commands open a file that grows, under which name and in which format."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from deckhand.lammps.formats import (
    ROW_FIXES,
    Format,
    Layout,
    average_format,
    dump_layout,
    packing_of,
    plain_style,
)
from deckhand.lammps.journal import Journal
from deckhand.lammps.script import quoted
from deckhand.lammps.styles import plain

PLAIN: Final = ".plain"
"""What is added to the name of a file that LAMMPS is to write without its compressor."""

YES: Final = frozenset({"yes", "on", "true"})
"""What LAMMPS takes for a yes."""

_FIX_OPTIONS: Final = 5
_PRINT_OPTIONS: Final = 6
_DUMP_STYLE: Final = 3
_DUMP_NAME: Final = 5
_PACKING_OPTIONS: Final = frozenset({"compression_level", "checksum"})


class Opening(NamedTuple):
    """A file as the deck names it, and how its records are told apart."""

    name: str
    layout: Layout

    @property
    def source(self) -> str:
        """The name that LAMMPS is told."""
        return f"{self.name}{PLAIN}" if self.layout.packing else self.name


def growing_files(command: list[str]) -> Iterator[Opening]:
    """The files that a command opens to write to them again and again; `%` is for each process."""
    match command:
        case ["dump", _, _, style, _, name, *_] if "*" not in name:
            layout = dump_layout(style, name)
            if layout is not None:
                yield Opening(name, layout)
        case ["fix", _, _, style, *_]:
            yield from _of_fix(plain(style), command)
        case ["print", _, *options] if name := _value(options, "file", "append"):
            yield Opening(name, Layout(Format.LINES))
        case ["write_dump", _, _, name, *_] if "*" not in name:
            yield Opening(name, Layout(Format.LINES))
        case ["info", *options] if name := _value(options, "append", "overwrite"):
            yield Opening(name, Layout(Format.LINES))
        case ["log", name, *_] if name != "none":
            yield Opening(name, Layout(Format.LOG))


def goes_on(command: list[str]) -> bool:
    """Whether the command keeps what is in the file."""
    if command[0] == "log":
        return "append" in command[2:]
    if command[0] == "write_dump":
        return appends(command)
    return bool(_value(command[2:], "append"))


def appends(command: list[str]) -> bool:
    """Whether `dump_modify`, or the one inside a `write_dump`, keeps the frames of a file."""
    return _value(command, "append") in YES


def writes_once(command: list[str]) -> bool:
    """Whether the file is complete when the command is done, unless another lets it grow."""
    return command[0] in ("print", "write_dump", "info") and not goes_on(command)


def told(text: str, command: list[str], journal: Journal) -> str:
    """A command of the deck as LAMMPS is told it: see `Layout` for what is compressed.

    The frames of a dump are flushed, whatever the deck says: a checkpoint counts on them.
    """
    match command:
        case ["dump" | "fix", *_]:
            packed = [opening for opening in growing_files(command) if opening.layout.packing]
            return _without_compressor(command, packed[0]) if packed else text
        case ["dump_modify", identity, *_]:
            dumps = (dump.words for dump in journal.of("dump") if dump.key[1] == identity)
            options = [*_told_options(command[2:], next(dumps, []))]
            if options == command[2:]:
                return text
            return " ".join(map(quoted, [*command[:2], *options])) if options else ""
    return text


def _without_compressor(command: list[str], opening: Opening) -> str:
    words = [opening.source if word == opening.name else word for word in command]
    if words[0] == "dump":
        words[_DUMP_STYLE] = plain_style(words[_DUMP_STYLE])
    return " ".join(map(quoted, words))


def _told_options(options: list[str], dump: list[str]) -> Iterator[str]:
    packed = any(opening.layout.packing for opening in growing_files(dump))
    index = 0
    while index < len(options):
        option, *value = options[index : index + 2]
        is_unflushed = option == "flush" and value and value[0] not in YES
        if is_unflushed or (packed and option in _PACKING_OPTIONS):
            index += 2
        else:
            yield options[index]
            index += 1


def _of_fix(style: str, command: list[str]) -> Iterator[Opening]:
    match style, command:
        case "print", _:
            yield from _prints(command)
        case "reaxff/bonds" | "reax/c/bonds", [_, _, _, _, _, name, *_]:
            yield from _reaxff(name, Format.BONDS)
        case "reaxff/species" | "reax/c/species", [_, _, _, _, _, _, _, name, *options]:
            yield from _reaxff(name, Format.SPECIES)
            yield from _reaxff(_after(options, "position", 2), Format.MOLECULES)
        case "qeq/comb" | "qeq/comb/omp", [_, _, _, _, _, _, *options]:
            if name := _value(options, "file"):
                yield Opening(name, Layout(Format.CHARGES))
        case _ if style in ROW_FIXES:
            yield from _averages(style, command)


def _reaxff(name: str, form: Format) -> Iterator[Opening]:
    if name and "*" not in name:
        yield Opening(name, Layout(form, packing=packing_of(name)))


def _prints(command: list[str]) -> Iterator[Opening]:
    options = command[_PRINT_OPTIONS:]
    name = _value(options, "file", "append")
    if name:
        text, title = command[_PRINT_OPTIONS - 1], _value(options, "title")
        lines = (text.count("\n") + 1, title.count("\n") + 1)
        every = int(command[4]) if command[4].isdigit() else 0
        yield Opening(name, Layout(Format.LINES, every, *lines))


def _averages(style: str, command: list[str]) -> Iterator[Opening]:
    name = _value(command[_FIX_OPTIONS:], "file", "append")
    if name and "overwrite" not in command:
        yield Opening(name, Layout(average_format(style, name, vector="vector" in command)))


def _value(words: list[str], *keywords: str) -> str:
    return next((word for keyword, word in pairwise(words) if keyword in keywords), "")


def _after(words: list[str], keyword: str, offset: int) -> str:
    at = words.index(keyword) + offset if keyword in words else len(words)
    return words[at] if at < len(words) else ""
