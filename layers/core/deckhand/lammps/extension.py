"""Whether a deck can go on behind its end, with runs that are added when it is known already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.journal import MAKES_BOX
from deckhand.lammps.script import parse, without_comment, words


def why_not_extended(deck: str, read: Callable[[str], str | None]) -> str:
    """Why no `run` can follow behind the end of *deck*; empty where one can.

    *read* gives the text of a script by the name that the deck has for it, None where there is
    none. What stands in the branches of an `if` is not looked at: whether it comes to that is known
    only to a run, which ends without its extensions if it comes to a `quit` there.
    """
    standing = _Standing()
    for command, place in _commands(deck, read, set()):
        if command[0] == "quit":
            return (
                f"{place}: the deck ends itself with `quit`, and nothing behind it is executed. "
                "Take it out and upload the deck again."
            )
        standing.take(command)
    return standing.hindrance()


@dataclass
class _Standing:
    """What there is when the commands of a deck are done: a box, fixes, and at its last run."""

    has_box: bool = False
    has_run: bool = False
    had_fixes: bool = False
    fixes: set[str] = field(default_factory=set)

    def take(self, command: list[str]) -> None:
        match command:
            case ["clear", *_]:
                self.has_box = False
                self.fixes.clear()
            case ["fix", identity, _, _, *_]:
                self.fixes.add(identity)
            case ["unfix", identity, *_]:
                self.fixes.discard(identity)
            case ["run", *_]:
                self.has_run, self.had_fixes = True, bool(self.fixes)
            case [name, *_] if name in MAKES_BOX:
                self.has_box = True

    def hindrance(self) -> str:
        if not self.has_run:
            return "The deck has no `run` that could go on."
        if not self.has_box:
            return "The deck has no system left at its end: it takes it away with `clear`."
        if self.had_fixes and not self.fixes:
            return (
                "Behind its last `run` the deck takes back every fix, so a further run would move "
                "nothing. Take the `unfix` out and upload the deck again."
            )
        return ""


def _commands(
    file: str, read: Callable[[str], str | None], seen: set[str]
) -> Iterator[tuple[list[str], Place]]:
    """The commands in the order of the text, those of other files where they are entered."""
    text = None if file in seen else read(file)
    seen.add(file)
    script = parse(file, text or "")
    for index, line in enumerate(script.lines):
        place = script.place(index)
        try:
            command = words(without_comment(line.text), place)
        except DeckError:
            continue
        if command[:1] in (["include"], ["jump"]) and command[1:2] not in ([], ["SELF"]):
            yield from _commands(command[1], read, seen)
        elif command:
            yield command, place
