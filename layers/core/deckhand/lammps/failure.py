"""Why LAMMPS ended: its own error, with the line of the deck that it stumbled over."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from typing import Final

from deckhand.lammps import vocabulary
from deckhand.lammps.blow_up import Evidence, evidence_of, remedy_of, without_source
from deckhand.lammps.errors import DeckError, Place

LINES: Final = 20
_ERROR = re.compile(r"^ERROR(?: on proc \d+)?: (.*)$", re.MULTILINE)
_GPU = re.compile(
    r"^.*(?:cuda (?:driver |runtime )?error|cudaError(?!MemoryAllocation)\w+"
    r"|CUDA_ERROR_(?!OUT_OF_MEMORY)|uncorrectable ECC|\bXid\b).*$",
    re.MULTILINE | re.IGNORECASE,
)
_LAST = re.compile(r"^Last (?:input line|command): (.*)$", re.MULTILINE)

_REMEDIES: Final = (
    (
        "cannot redefine variable",
        "If run.yaml gives this variable, it is there before the deck; there, only `index` may "
        "define it too.",
    ),
    ("cannot open", "Upload the file together with the deck."),
    ("unknown command", "Check the spelling of the command."),
    ("unrecognized", "Check the spelling of the style, or whether this LAMMPS has its package."),
)


def explain(
    screen: str,
    returncode: int | None,
    sent: Sequence[tuple[str, Place | None]],
    current: str = "",
) -> DeckError:
    """Make an error of LAMMPS' last words; *sent* are the newest commands it was given.

    *current* is the one it was at, where that is known; LAMMPS does not always say it.
    """
    message = error_of(screen)
    last = _LAST.findall(screen) or ([current] if current else [])
    command = last[-1].strip() if last else ""
    place = _place_of(command, sent) if last else _place_of_run(sent)
    remedy = remedy_of(message) if message is not None else ""
    evidence = evidence_of(screen)
    if remedy or (evidence.explosion and _is_run(command, place)):
        return _blown_up(message or _unsaid(returncode), remedy, evidence, place)
    if message is None:
        return DeckError(_unsaid(returncode))
    remedy = next((text for sign, text in _REMEDIES if sign in message.lower()), "")
    remedy = remedy or _page_of(command)
    quoted = f" (command: {command[:120]})" if last and place is None else ""
    return DeckError(f"LAMMPS says: {message}{quoted}. {remedy}".strip(), place)


def _blown_up(message: str, remedy: str, evidence: Evidence, place: Place | None) -> DeckError:
    """The physics went wrong: what LAMMPS says, what to try, and the lines that tell it."""
    sentences = [f"The simulation blew up: {message.rstrip('.')}."]
    sentences += [text for text in (evidence.explosion, remedy) if text]
    lines = [f"  {line}" for line in evidence.lines]
    return DeckError("\n".join([" ".join(sentences), *lines]), place)


def _is_run(command: str, place: Place | None) -> bool:
    """Whether a run or a minimisation was going on; *place* is its line where LAMMPS names none."""
    return command.split()[:1] in (["run"], ["minimize"]) if command else place is not None


def error_of(screen: str) -> str | None:
    """What LAMMPS itself says is wrong, if it says anything."""
    error = _ERROR.findall(screen)
    return without_source(error[-1]) if error else None


def of_gpu(screen: str) -> str | None:
    """What the GPU or its driver is said to have failed with; being too small is no failure."""
    found = [line.strip() for line in _GPU.findall(screen)]
    return next((line for line in found if "out of memory" not in line.lower()), None)


def tail(screen: str) -> tuple[str, ...]:
    """The last lines of the screen output."""
    return tuple(line[:200] for line in screen.splitlines()[-LINES:])


def _page_of(command: str) -> str:
    """Where it is written how a command wants its arguments."""
    name = command.split()[0] if command.split() else ""
    return f"See https://docs.lammps.org/{name}.html." if vocabulary.knows("command", name) else ""


def _unsaid(returncode: int | None) -> str:
    if returncode is not None and -returncode in signal.valid_signals():
        name = signal.strsignal(-returncode) or f"signal {-returncode}"
        return f"LAMMPS was ended by {name} without a word."
    return f"LAMMPS ended with exit code {returncode} without an error message."


def _place_of(command: str, sent: Sequence[tuple[str, Place | None]]) -> Place | None:
    normal = " ".join(command.split())
    for text, place in reversed(sent):
        if " ".join(text.split()) == normal:
            return place
    return None


def _place_of_run(sent: Sequence[tuple[str, Place | None]]) -> Place | None:
    """Where the run stands that goes on; LAMMPS names no line when one loses its atoms."""
    for text, place in reversed(sent):
        if place is not None:
            return place if text.split()[:1] in (["run"], ["minimize"]) else None
    return None
