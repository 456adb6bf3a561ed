"""The text of a LAMMPS input script: lines, comments, quotes, words.

The rules are those of https://docs.lammps.org/Commands_parse.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from deckhand.lammps.errors import DeckError, Place

TRIPLE: Final = '"""'

_WORD = re.compile(r"\s*(?:\"\"\"(.*?)\"\"\"|\"([^\"]*)\"|'([^']*)'|(\S+))", re.DOTALL)


def names(text: str) -> frozenset[str]:
    """A set of names, written as one text of words."""
    return frozenset(text.split())


class Line(NamedTuple):
    """A command as it is executed: continuation lines joined; the number of its first line."""

    number: int
    text: str


@dataclass(frozen=True)
class Script:
    """One file of a deck, cut into commands."""

    file: str
    lines: tuple[Line, ...]

    def place(self, index: int) -> Place:
        return Place(self.file, self.lines[index].number)


def decode(body: bytes) -> str:
    """The text of a file as LAMMPS takes it: UTF-8, or else Latin-1, where each byte is a letter.

    Scripts of an older day have µ, Å and umlauts in their comments, one byte each; LAMMPS reads
    past them.
    """
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def parse(file: str, text: str) -> Script:
    """Join continued (`&`) and triple-quoted lines as LAMMPS does when it reads a file."""
    raw = text.replace("\r\n", "\n").split("\n")
    lines: list[Line] = []
    index = 0
    while index < len(raw):
        first, joined = index, raw[index]
        while index + 1 < len(raw):
            stripped = joined.rstrip()
            if stripped.endswith("&"):
                joined = stripped[:-1] + raw[index + 1]
            elif joined.count(TRIPLE) % 2:
                joined = f"{joined}\n{raw[index + 1]}"
            else:
                break
            index += 1
        lines.append(Line(first + 1, joined))
        index += 1
    return Script(file, tuple(lines))


def folder_reader(folder: Path) -> Callable[[str], Script]:
    """Reads scripts as LAMMPS finds them: relative to its working directory."""

    def read(file: str) -> Script:
        try:
            return parse(file, decode((folder / file).read_bytes()))
        except OSError as error:
            raise DeckError(f"cannot read {file}: {error.strerror}") from error

    return read


class Span(NamedTuple):
    """A stretch of a command's text, and whether it stands inside quotes (or is a quote)."""

    text: str
    quoted: bool


def spans(text: str) -> Iterator[Span]:
    """Cut a command into quoted and unquoted stretches; the comment is left out."""
    position, begin = 0, 0
    while position < len(text):
        quote = _quote_at(text, position)
        if quote:
            if position > begin:
                yield Span(text[begin:position], quoted=False)
            end = text.find(quote, position + len(quote))
            end = len(text) if end < 0 else end + len(quote)
            yield Span(text[position:end], quoted=True)
            position = begin = end
        elif text[position] == "#":
            break
        else:
            position += 1
    if position > begin:
        yield Span(text[begin:position], quoted=False)


def _quote_at(text: str, position: int) -> str:
    if text.startswith(TRIPLE, position):
        return TRIPLE
    return text[position] if text[position] in "\"'" else ""


def without_comment(text: str) -> str:
    return "".join(span.text for span in spans(text)).strip()


def words(text: str, place: Place | None = None) -> list[str]:
    """The words of a command, quotes removed; raises DeckError for quotes that do not match."""
    if any(span.quoted and not _is_closed(span.text) for span in spans(text)):
        raise DeckError(f"a quote is opened but not closed: {text.strip()[:80]}", place)
    found: list[str] = []
    position = 0
    while match := _WORD.match(text, position):
        bare = match[4]
        if bare is not None and bare[0] in "\"'":
            raise DeckError(f"a quote is opened but not closed: {text.strip()[:80]}", place)
        found.append(next(group for group in match.groups() if group is not None))
        position = match.end()
        if bare is None and text[position : position + 1].strip():
            raise DeckError(f"a blank is missing after a quote: {text.strip()[:80]}", place)
    return found


def _is_closed(quoted: str) -> bool:
    quote = _quote_at(quoted, 0)
    return len(quoted) >= 2 * len(quote) and quoted.endswith(quote)


class Reference(NamedTuple):
    """A variable reference in [begin, end) of a text: `$x`, `${name}` or `$(formula:format)`."""

    begin: int
    end: int
    text: str


def references(text: str, place: Place | None = None) -> Iterator[Reference]:
    """Find the variable references of a text that is not inside quotes."""
    position = text.find("$")
    while position >= 0:
        end = _reference_end(text, position)
        if end < 0:
            raise DeckError(f"a variable reference is not complete: {text[position:][:60]}", place)
        yield Reference(position, end, text[position:end])
        position = text.find("$", end)


def _reference_end(text: str, begin: int) -> int:
    opening = text[begin + 1 : begin + 2]
    if opening == "{":
        return text.find("}", begin) + 1 or -1
    if opening == "(":
        depth = 0
        for index in range(begin + 1, len(text)):
            depth += (text[index] == "(") - (text[index] == ")")
            if depth == 0:
                return index + 1
        return -1
    return begin + 2 if opening else -1
