"""Whether an error in a dry run would come in a real run too.

Runs are skipped, so what a deck does with their results (a temperature in a condition, a file that
a run writes, atoms that were to move apart) goes another way. A good deck must not be rejected for
that: in doubt it is the first attempt that tells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from deckhand.domain.run import Bound
from deckhand.lammps import files
from deckhand.lammps.script import references

_SURROUNDINGS: Final = re.compile(
    r"alloc|out of memory|I/O error|no space left|too many open files|file too large"
    r"|permission denied|read-only|compressed|gzip|pipe"
    r"|package (is )?(not )?(installed|enabled)|not enabled in this|not (built|compiled) with"
    r"|with python support"
    r"|physical processors|number of (procs|processors|partitions)",
    re.IGNORECASE,
)
"""Errors of this machine, of this build of LAMMPS, or of its one process."""

_BOUNDS: Final = (
    (
        Bound.MEMORY,
        re.compile(
            r"(cannot|could not|fail(ed)? to) (re)?allocate|bad_alloc|out of memory|MemoryError",
            re.IGNORECASE,
        ),
    ),
    (Bound.DISK, re.compile(r"no space left|disk quota", re.IGNORECASE)),
)
"""Not by "alloc" alone: every run tells how much memory it has allocated."""

_WORDING: Final = re.compile(
    r"(illegal|unknown|unrecognized|incorrect|invalid|expected|could not find|cannot find|missing"
    r"|numeric index|too (few|many) arg|.*(does not exist|must be|requires|not defined|not set))",
    re.IGNORECASE,
)
"""Errors about how a command is written, whatever the atoms do."""

_RESULTS: Final = re.compile(
    r"thermo keyword|variable formula|not current|between runs|non-?numeric|\bnan\b|\binf\b",
    re.IGNORECASE,
)
"""Errors about values that a run leaves behind."""

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_IS_DEFINED: Final = re.compile(r"is_defined\([^()]*\)")
_FORMAT: Final = re.compile(r":%[^:]*$")
_LASTING: Final = frozenset(
    [
        "sqrt",
        "exp",
        "ln",
        "log",
        "abs",
        "sign",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "atan2",
        "random",
        "normal",
        "ceil",
        "floor",
        "round",
        "ternary",
        "PI",
        "version",
        "yes",
        "no",
        "on",
        "off",
        "true",
        "false",
        "dt",
    ]
)
_LASTING_STYLES: Final = frozenset({"index", "loop", "string", "getenv", "file", "universe"})


def bound_of(message: str) -> Bound | None:
    """What of the machine was too small, where an error is about that."""
    return next((bound for bound, pattern in _BOUNDS if pattern.search(message)), None)


@dataclass
class Doubts:
    """What a dry run has passed by, and what was made of it."""

    skipped: bool = False
    strayed: bool = False
    fleeting: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def command_comes(self, command: Sequence[str]) -> None:
        """Take note of variables that a run changes, and of files that it writes."""
        words = list(command)
        self.written.update(files.writes(words))
        if words[0] == "variable" and len(words) > 2:
            formula = "" if words[2] in _LASTING_STYLES else " ".join(words[3:])
            lasts = words[2] in (*_LASTING_STYLES, "equal") and not self._changes(formula)
            (self.fleeting.discard if lasts else self.fleeting.add)(words[1])

    def asked(self, text: str) -> None:
        """The deck goes by the values of *text*, and a run that was skipped may change one."""
        if self.skipped and any(self._depends(reference.text) for reference in references(text)):
            self.strayed = True

    def about(self, message: str, command: Sequence[str]) -> str:
        """Why the error *message* about *command* may not come in a real run; else empty."""
        if _SURROUNDINGS.search(message):
            return "it says more of the machine of the dry run than of the deck"
        name = next((word for word in command[1:] if self.comes_of_a_run(word)), None)
        if name is not None:
            return f"{name} is written by a run, and runs are skipped"
        if self.strayed:
            return "the deck goes by results of a run, and runs are skipped"
        if self.skipped and (_RESULTS.search(message) or not _WORDING.match(message)):
            return "runs before it were skipped"
        return ""

    def comes_of_a_run(self, name: str) -> bool:
        """Whether a file is one that the deck itself writes; `*` and a restart's step left open."""
        heads = (re.split(r"[*%]", written)[0] for written in self.written)
        return any(head and name.startswith(head) for head in heads)

    def _depends(self, reference: str) -> bool:
        if reference.startswith("$("):
            return self._changes(_FORMAT.sub("", reference[2:-1]))
        return reference.strip("${}") in self.fleeting

    def _changes(self, formula: str) -> bool:
        """Whether a run may change the value of a formula."""
        names = _NAME.findall(_IS_DEFINED.sub("", formula))
        return any(name not in _LASTING and not self._is_lasting(name) for name in names)

    def _is_lasting(self, name: str) -> bool:
        return name.startswith("v_") and name[2:] not in self.fleeting
