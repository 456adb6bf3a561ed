"""The text of a LAMMPS input script: lines, comments, quotes, words, variable references.

The rules are those of https://docs.lammps.org/Commands_parse.html, and where that page is silent
those of `src/input.cpp`; `tests/fuzz` compares them with LAMMPS itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from deckhand.lammps.errors import DeckError, Place

TRIPLE: Final = '"""'

_BLANKS: Final = " \t\n\v\f\r"
"""What C takes for white space; Python takes more."""

_MARK: Final = re.compile("[#\"']")
_QUOTE: Final = re.compile("[\"'\u2018\u2019\u201c\u201d]")
_SIGN: Final = re.compile("[$\"']")
_PARENTHESIS: Final = re.compile(r"[()]")
_UNQUOTED: Final = re.compile(r"[^ \t\n\v\f\r]+")
_WORD: Final = re.compile(
    r"""[ \t\n\v\f\r]*
    (?: \"{3} (.*?) \"{3} | "(?!"") ([^"]*) " | ' ([^']*) ' | ([^ \t\n\v\f\r]+) )""",
    re.DOTALL | re.VERBOSE,
)
_BARE: Final = re.compile(r"[^ \t\n\v\f\r\"'#$&]+")
_HARMLESS: Final = re.compile(r"[^\n$#\"'&]*")

_SPELLINGS: Final = {
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b"
    "\u202f\u2060\u2063\ufeff",
    "'": "\u2018\u2019",
    '"': "\u201c\u201d",
    "+": "\u02d6\u2064",
    "-": "\u02d7\u2212",
}
_SPELT: Final = {ord(sign): plain for plain, signs in _SPELLINGS.items() for sign in signs}
"""What LAMMPS replaces (`utf8_subst`) once the comment is off: pasted quotes and blanks."""


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

    def after_label(self, label: str, place: Place) -> int:
        """Index of the command behind the first such `label`; *place* is where it is looked for."""
        if label not in self._labels:
            raise DeckError(f"there is no `label {label}` in {self.file}", place)
        return self._labels[label]

    @cached_property
    def _labels(self) -> dict[str, int]:
        """Up to the first command that LAMMPS cannot read: it gets no further either."""
        found: dict[str, int] = {}
        for index, line in enumerate(self.lines):
            try:
                label = label_of(line.text)
            except DeckError:
                break
            if label is not None:
                found.setdefault(label, index + 1)
        return found


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
    raw = text.split("\n")
    lines: list[Line] = []
    index, last = 0, len(raw) - 1
    while index < last:
        first, line = index, raw[index].rstrip(_BLANKS)
        index += 1
        if line[-1:] == "&" or TRIPLE in line:
            line, index = _joined(raw, first)
        lines.append(Line(first + 1, line))
    if index == last and raw[last]:
        lines.append(Line(last + 1, raw[last]))  # without a newline it is taken as it is
    return Script(file, tuple(lines))


def _joined(raw: list[str], index: int) -> tuple[str, int]:
    """The command that begins at *index*, and the index behind it.

    White space at the end of each of its lines goes, empty lines in triple quotes with it.
    """
    parts: list[str] = []
    triples = 0
    while index < len(raw) - 1:
        piece = raw[index]
        index += 1
        triples += piece.count(TRIPLE)
        # Letter by letter where any of the next lines may still take something away.
        body = piece.rstrip(_BLANKS + "&")
        parts.extend([body] if body else [])
        parts.extend(piece[len(body) :])
        while parts and not parts[-1].strip(_BLANKS):
            parts.pop()
        if parts and parts[-1] == "&":
            parts.pop()
        elif triples % 2:
            parts.append("\n")
        else:
            return "".join(parts), index
    if not raw[index]:
        return "".join([*parts, "&"] if parts and not triples % 2 else parts), index + 1
    return "".join([*parts, raw[index]]), index + 1


def folder_reader(folder: Path) -> Callable[[str], Script]:
    """Reads scripts as LAMMPS finds them: relative to its working directory."""

    def read(file: str) -> Script:
        try:
            return parse(file, decode((folder / file).read_bytes()))
        except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
            reason = error.strerror if isinstance(error, OSError) else error
            raise DeckError(f"cannot read {file}: {reason}") from error

    return read


def without_comment(text: str, place: Place | None = None) -> str:
    """A command without its comment; raises DeckError for a quote that is not closed."""
    position = 0
    while mark := _MARK.search(text, position):
        if mark[0] == "#":
            text = text[: mark.start()]
            break
        position = _after_quotes(text, mark.start(), place)
    return (text if text.isascii() else _spelt(text, place)).strip(_BLANKS)


def _spelt(text: str, place: Place | None) -> str:
    text = text.translate(_SPELT)
    position = 0
    while mark := _QUOTE.search(text, position):
        position = _after_quotes(text, mark.start(), place)
    return text


def _after_quotes(text: str, begin: int, place: Place | None) -> int:
    """The index behind the quoted text that begins at *begin*."""
    quote = TRIPLE if text.startswith(TRIPLE, begin) else text[begin]
    end = text.find(quote, begin + len(quote))
    if end < 0:
        raise _open_quote(text, place)
    return end + len(quote)


def _open_quote(text: str, place: Place | None) -> DeckError:
    return DeckError(f"a quote is opened but not closed: {text.strip()[:80]}", place)


def words(text: str, place: Place | None = None) -> list[str]:
    """The words of a command, quotes removed; raises DeckError for quotes that do not match."""
    if '"' not in text and "'" not in text:
        return _UNQUOTED.findall(text)
    found: list[str] = []
    position = 0
    while match := _WORD.match(text, position):
        bare = match[4]
        if bare is not None and bare[0] in "\"'":
            raise _open_quote(text, place)
        found.append(match[match.lastindex or 0])
        position = match.end()
        if bare is None and text[position : position + 1].strip(_BLANKS):
            raise DeckError(f"a blank is missing after a quote: {text.strip()[:80]}", place)
    return found


def quoted(word: str) -> str:
    """A word as a command has to hold it; see `as_line` for words that none can hold."""
    if _BARE.fullmatch(word):
        return word
    for quote in ('"', "'"):
        if quote not in word and "\n" not in word:
            return f"{quote}{word}{quote}"
    return f"{TRIPLE}{word}{TRIPLE}"


def as_line(text: str, command: list[str], place: Place | None = None) -> str:
    """A command, without references, as a line that LAMMPS reads as the words *command*.

    What stands in a value or in the middle of an `if` may mean more at the end of a line.
    """
    if _HARMLESS.fullmatch(text):
        return text
    for line in (text, " ".join(quoted(word) for word in command)):
        for end in ("", " #", f" # {TRIPLE}"):
            if _reads_as(line + end, command):
                return line + end
    raise DeckError(f"there is no way to tell LAMMPS this command: {text[:80]!r}", place)


def _reads_as(line: str, command: list[str]) -> bool:
    first, *rest = parse("", f"{line}\nnext\n").lines
    try:
        text = without_comment(first.text)
        return len(rest) == 1 and not any(references(text)) and words(text) == command
    except DeckError:
        return False


def label_of(text: str) -> str | None:
    """The name that a command gives as a label; LAMMPS looks for it with no variable replaced."""
    if "label" not in text and _QUOTE.search(text) is None:
        return None
    command = words(without_comment(text))
    return command[1] if len(command) == 2 and command[0] == "label" else None


class Reference(NamedTuple):
    """A variable reference in [begin, end) of a text: `$x`, `${name}` or `$(formula:format)`."""

    begin: int
    end: int
    text: str


def references(text: str, place: Place | None = None) -> Iterator[Reference]:
    """The variable references that LAMMPS replaces when it reads *text*: those outside quotes."""
    position = 0
    while sign := _SIGN.search(text, position):
        begin = sign.start()
        if sign[0] != "$":
            position = _after_quotes(text, begin, place)
            continue
        position = _reference_end(text, begin)
        if position < 0:
            raise DeckError(f"a variable reference is not complete: {text[begin:][:60]}", place)
        yield Reference(begin, position, text[begin:position])


def replaced(text: str, value_of: Callable[[str], str], place: Place | None = None) -> str:
    """*text* with its references replaced by what *value_of* says of them."""
    if "$" not in text:
        return text
    parts: list[str] = []
    position = 0
    for reference in references(text, place):
        parts += text[position : reference.begin], value_of(reference.text)
        position = reference.end
    return "".join([*parts, text[position:]])


def _reference_end(text: str, begin: int) -> int:
    opening = text[begin + 1 : begin + 2]
    if opening == "{":
        return text.find("}", begin) + 1 or -1
    if opening == "(":
        depth = 0
        for sign in _PARENTHESIS.finditer(text, begin + 1):
            depth += 1 if sign[0] == "(" else -1
            if depth == 0:
                return sign.end()
        return -1
    return begin + 2 if opening else -1
