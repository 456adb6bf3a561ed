"""Reads a deck without running it: what it needs, what it writes, whether it can be resumed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Final

from deckhand.domain.accelerator import Accelerator
from deckhand.domain.deck import Problem, Severity
from deckhand.domain.run import CheckReport, Contract, Stage
from deckhand.lammps import contract, files, vocabulary
from deckhand.lammps.accelerator import Judge
from deckhand.lammps.bars import Bars
from deckhand.lammps.combinations import Combinations
from deckhand.lammps.conditions import changing, every_branch, names_in, taken
from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.journal import MAKES_BOX
from deckhand.lammps.openings import growing_files, writes_once
from deckhand.lammps.script import Script, decode, label_of, parse, without_comment, words
from deckhand.lammps.static import StaticVariables
from deckhand.lammps.styles import COMMAND_WHOLE
from deckhand.lammps.variables import GIVEN, Given, definitions

STYLE_AT: Final = {
    "fix": ("fix", 3),
    "compute": ("compute", 3),
    "dump": ("dump", 3),
    "region": ("region", 2),
    "pair_style": ("pair", 1),
    "bond_style": ("bond", 1),
    "angle_style": ("angle", 1),
    "dihedral_style": ("dihedral", 1),
    "improper_style": ("improper", 1),
    "kspace_style": ("kspace", 1),
    "run_style": ("integrate", 1),
    "min_style": ("minimize", 1),
}
"""Where a command names its style, and which kind of style it is."""

LEAST_WORDS: Final = {"fix": 4, "compute": 4, "dump": 6, "variable": 3, "region": 3, "run": 2}

MOST_PROBLEMS: Final = 200
MOST_GUESSES: Final = 20
"""A text that is no deck has as many problems as it has lines; nobody reads them all."""

_SEVERITY: Final = {Contract.EXACT: Severity.NOTE, Contract.REFUSED: Severity.ERROR}

MOST_NESTED: Final = 50
"""Files and commands inside one another; a string variable can hold a command that holds it."""


def check_folder(
    root: Path,
    deck: str,
    variables: Given | None = None,
    accelerator: Accelerator | None = None,
) -> CheckReport:
    """Check the deck *deck* in the folder *root*; both as they will lie on the machine.

    *variables* are those that it is given from outside, *accelerator* is what its run.yaml wants.
    """
    return _Walk(root, deck, variables or {}).report(accelerator)


@dataclass
class _Walk:
    """One pass over the text of a deck and the files it includes, in the order of the text.

    `changing` are the variables whose value depends on when they are read, `settled` says that the
    command at hand names none of them, `chosen` whether it is in a branch that is always taken
    (None outside of branches).
    """

    root: Path
    deck: str
    given: Given
    variables: StaticVariables = field(default_factory=StaticVariables)
    problems: list[Problem] = field(default_factory=list)
    missing: list[Problem] = field(default_factory=list)
    read: dict[str, None] = field(default_factory=dict)
    written: dict[str, None] = field(default_factory=dict)
    begun_again: dict[str, None] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    contracts: set[Contract] = field(default_factory=set)
    grown: set[str] = field(default_factory=set)
    combinations: Combinations = field(default_factory=Combinations)
    has_box: bool = False
    acts: bool = False
    has_jumps: bool = False
    visited: set[str] = field(default_factory=set)
    depth: int = 0
    changing: frozenset[str] | None = None
    settled: bool = False
    chosen: bool | None = None
    jumped_to: str = ""
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self.judge = Judge(Bars((self.root / self.deck).parent))

    def report(self, wanted: Accelerator | None) -> CheckReport:
        name = PurePosixPath(self.deck).name
        first = self._first_values()
        self.variables = StaticVariables(first)
        self.changing = changing(name, self._script, first)
        self._file(name, Place(name, 0))
        self._whole(name)
        self._given_in_vain()
        acceleration, found = self.judge.judge(wanted)
        for problem in found:
            self._keep(self.problems, problem)
        stages = self.stages
        if self.has_jumps:
            # How often a loop goes round is known only to a LAMMPS that runs it.
            stages = [stage.model_copy(update={"steps": None}) for stage in stages]
        return CheckReport(
            contract=Contract.worst(self.contracts),
            problems=tuple(self.problems),
            missing=tuple(self.missing),
            reads=tuple(self.read),
            writes=tuple(self.written),
            begun_again=tuple(self.begun_again),
            stages=tuple(stages),
            acceleration=acceleration,
        )

    def _first_values(self) -> dict[str, str]:
        """Of the variables that the deck is given, as far as LAMMPS can be told them."""
        try:
            return {command[1]: command[3] for command, _ in definitions(self.given)}
        except DeckError as error:
            self._error(error.place or GIVEN, error.message)
            return {}

    def _given_in_vain(self) -> None:
        """A variable that no script names is a slip of the pen, which LAMMPS passes by."""
        text = "\n".join(self._script(file) or "" for file in self.visited)
        for name in self.given:
            if not re.search(rf"\b{re.escape(name)}\b", text):
                message = f"gives the variable `{name}`, which no script of the deck names."
                self._add(self.problems, Severity.WARNING, GIVEN, message)

    def _whole(self, name: str) -> None:
        """What is wrong with the deck as a whole."""
        for place, promise in self.combinations.end():
            self._promise(promise, place)
        if {stage.kind for stage in self.stages} == {"minimize"}:
            self._promise(contract.ONLY_MINIMIZE, Place(name, 0))
        if self.missing or any(p.severity is Severity.ERROR for p in self.problems):
            return
        if not (self.stages or self.acts):
            self._error(Place(name, 0), "the deck has no `run` and no `minimize`: nothing to do.")
        elif not self.has_box:
            makers = ", ".join(sorted(MAKES_BOX))
            self._error(Place(name, 0), f"the deck never makes a simulation box ({makers}).")

    def _file(self, name: str, place: Place) -> None:
        if name in self.visited:
            return
        self.visited.add(name)
        body = self._local(name).read_bytes()
        if b"\0" in body:
            self._error(Place(name, 0), "is not a text file, so it cannot be a LAMMPS script.")
            return
        script = parse(name, decode(body))
        index = 0
        while index < len(script.lines):
            self._text(script.lines[index].text, script.place(index))
            index = self._next_line(script, index)

    def _script(self, name: str) -> str | None:
        return decode(self._local(name).read_bytes()) if self._is_here(name) else None

    def _next_line(self, script: Script, index: int) -> int:
        """The line behind *index*, or the label that is always jumped to from there.

        What lies between is left out unless another jump may lead into it.
        """
        target, self.jumped_to = self.jumped_to, ""
        if target:
            for later in range(index + 1, len(script.lines)):
                label = label_of(script.lines[later].text)
                if label is not None:
                    return later if label == target else index + 1
        return index + 1

    def _text(self, raw: str, place: Place) -> None:
        """Check a command, and those inside it unless they never come to an end."""
        if self.depth >= MOST_NESTED:
            self._error(place, f"commands are nested more than {MOST_NESTED} deep.")
            return
        self.depth += 1
        self._words(raw, place)
        self.depth -= 1

    def _words(self, raw: str, place: Place) -> None:
        try:
            text = self.variables.expand(without_comment(raw))
            command = words(text, place)
        except DeckError as error:
            self._error(place, error.message)
            return
        if command and "$" not in command[0]:
            self.settled = self.changing is not None and not names_in(raw) & self.changing
            self._command(command, place)

    def _command(self, command: list[str], place: Place) -> None:
        name = command[0]
        if not vocabulary.knows("command", name):
            self._unknown("command", name, f"there is no LAMMPS command `{name}`", place)
            return
        if len(command) < LEAST_WORDS.get(name, 1):
            self._error(place, f"`{name}` needs at least {LEAST_WORDS[name] - 1} arguments.")
            return
        if self._has_style(command, place):
            self._resume(command, place)
            self.judge.take(command, place)
        self._touched_files(command, place)
        self._removed_files(command, place)
        self._flow(command, place)

    def _has_style(self, command: list[str], place: Place) -> bool:
        kind, index = STYLE_AT.get(command[0], ("", 0))
        style = command[index] if kind and len(command) > index else "$"
        if "$" in style or style == "delete" or vocabulary.knows(kind, style):
            return True
        self._unknown(kind, style, f"there is no {kind} style `{style}` in this LAMMPS", place)
        return False

    def _resume(self, command: list[str], place: Place) -> None:
        for promise in contract.promises(command):
            self._promise(promise, place)
        for promise in self.combinations.take(command, place):
            self._promise(promise, place)

    def _promise(self, promise: contract.Promise, place: Place) -> None:
        self.contracts.add(promise.contract)
        severity = _SEVERITY.get(promise.contract, Severity.WARNING)
        self._add(self.problems, severity, place, promise.reason)

    def _touched_files(self, command: list[str], place: Place) -> None:
        for name in files.reads(command):
            if self._is_inside(name, place):
                self._needs(name, place)
            if name in self.grown:
                self._promise(contract.read_again(name), place)
        if not writes_once(command):
            self.grown |= {opening.name for opening in growing_files(command)}
        self.begun_again |= dict.fromkeys(files.begun_again(command))
        for name in files.writes(command):
            if "$" not in name and self._is_inside(name, place):
                self.written[name] = None

    def _removed_files(self, command: list[str], place: Place) -> None:
        for pattern in contract.removals(command):
            self._is_inside(pattern, place)

    def _needs(self, name: str, place: Place) -> None:
        if "$" in name or "*" in name or name in self.written:
            return
        self.read[name] = None
        if not self._is_here(name):
            message = f"the file {name} is not in the drop. Upload it together with the deck."
            self._add(self.missing, Severity.ERROR, place, message)

    def _is_inside(self, name: str, place: Place) -> bool:
        inside = normpath(PurePosixPath(self.deck).parent / name)
        if name.startswith(("/", "~")) or inside.startswith(".."):
            self._error(place, f"{name} is outside the deck's folder. Use a path inside it.")
            return False
        return True

    def _flow(self, command: list[str], place: Place) -> None:
        name = command[0]
        if name == "variable":
            self.variables.define(command)
        elif name in ("include", "jump"):
            self.has_jumps = self.has_jumps or name == "jump"
            self._enter(command, place)
        elif name == "if":
            self._choose(command, place)
        elif name == "run":
            self._run(command, place)
        elif name == "minimize":
            self._stage("minimize", None, place)
        elif name in MAKES_BOX:
            self.has_box = True
        self.acts = self.acts or name in COMMAND_WHOLE

    def _choose(self, command: list[str], place: Place) -> None:
        """Check the branch that is taken, or all of them where that is known only to a run."""
        branch = taken(command, self.variables.expand) if self.settled else None
        outside, self.chosen = self.chosen, branch is not None and self.chosen is not False
        for text in every_branch(command) if branch is None else branch:
            self._text(text, place)
        self.chosen = outside

    def _enter(self, command: list[str], place: Place) -> None:
        target = command[1] if len(command) > 1 else "SELF"
        if self.chosen and command[0] == "jump" and target == "SELF":
            self.jumped_to = " ".join(command[2:3])
        if target == "SELF" or "$" in target or not self._is_inside(target, place):
            return
        if self._is_here(target):
            self._file(target, place)

    def _run(self, command: list[str], place: Place) -> None:
        steps = self.variables.number(command[1])
        upto = "upto" in command
        self._stage("run", int(steps) if steps is not None and not upto else None, place)
        if "every" in command:
            for text in command[command.index("every") + 2 :]:
                if text != "NULL":
                    self._text(text, place)

    def _stage(self, kind: str, steps: int | None, place: Place) -> None:
        self.stages.append(
            Stage.model_validate(
                {"kind": kind, "steps": steps, "file": place.file, "line": place.line}
            )
        )

    def _is_here(self, name: str) -> bool:
        try:
            return self._local(name).is_file()
        except OSError:  # a name that no file system takes
            return False

    def _local(self, name: str) -> Path:
        return self.root / PurePosixPath(self.deck).parent / name

    def _unknown(self, kind: str, name: str, message: str, place: Place) -> None:
        guess = vocabulary.nearest(kind, name) if len(self.problems) < MOST_GUESSES else None
        hint = f" Did you mean `{guess}`?" if guess else ""
        self._error(place, f"{message}.{hint}")

    def _error(self, place: Place, message: str) -> None:
        self._add(self.problems, Severity.ERROR, place, message)

    def _add(self, to: list[Problem], severity: Severity, place: Place, message: str) -> None:
        self._keep(
            to, Problem(severity=severity, file=place.file, line=place.line, message=message)
        )

    def _keep(self, to: list[Problem], problem: Problem) -> None:
        if sum(known.severity is problem.severity for known in to) >= MOST_PROBLEMS:
            return
        if problem not in to:
            to.append(problem)
