"""Executes a LAMMPS script command by command, so that it can be left and entered anywhere.

Control flow (include, jump, label, next, if, run … every, quit) is done here; every other command
goes to LAMMPS with its variables expanded *once*. What LAMMPS was given is journalled, so that a
resumed run is told facts (a loop counter, a random number, which branch was taken) and never
evaluates them again. Semantics: https://docs.lammps.org/Commands_input.html and the pages of the
commands named above.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.journal import (
    DRAWS,
    MAKES_BOX,
    FileFrame,
    Frame,
    Journal,
    ListFrame,
    RunFrame,
    RunInProgress,
    Setting,
)
from deckhand.lammps.openings import told
from deckhand.lammps.pacing import is_set_up_anew
from deckhand.lammps.process import Engine
from deckhand.lammps.run_command import integer, need_words, run_command, run_in_progress
from deckhand.lammps.script import (
    Script,
    as_line,
    label_of,
    quoted,
    references,
    replaced,
    without_comment,
    words,
)
from deckhand.lammps.styles import COMMAND_WHOLE, plain
from deckhand.lammps.watch import Stopped, Watch

WHOLE: Final = frozenset({"minimize", *COMMAND_WHOLE})
"""Commands that take long and cannot be entered in the middle."""


EXTENSION: Final = "extension"
"""In the place of a file: a run that was added behind the deck's end. Its line is its number."""

MOST_FILES: Final = 16
"""Files inside one another that LAMMPS takes (`LMP_MAXFILE`)."""

BREATH: Final = 1000
"""Commands between two questions to LAMMPS; while an answer is awaited, time is looked at."""

MOST_NESTED: Final = 1000
"""Commands inside one another; a variable can hold an `if` that holds the variable."""


class Interpreter:
    """One walk through a deck, fresh or from the middle.

    *extensions* are steps of runs that follow behind its end, as if it had a line for each; not
    behind a `quit`, which ends LAMMPS too.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        read_script: Callable[[str], Script],
        watch: Watch,
        *,
        resumed: bool = False,
        extensions: Sequence[int] = (),
    ) -> None:
        self.engine = engine
        self.journal = journal
        self._read_script = read_script
        self._watch = watch
        self._extensions = extensions
        self._has_quit = False
        self._scripts: dict[str, Script] = {}
        self._since_breath = 0
        # A process that has not set up this system since the last restart file was written or
        # read cannot honour `run … pre no`.
        self._needs_setup = resumed
        if not journal.frames:
            journal.frames.append(FileFrame(file=journal.deck, next_line=0))

    def execute(self) -> None:
        """Carry the deck to its end; raises Stopped when the watch ends it earlier."""
        if self.journal.run is not None:
            self._drive(self.journal.run)
        while self.journal.frames or self._extend():
            self._breathe()
            frame = self.journal.frames[-1]
            if isinstance(frame, ListFrame):
                self._next_of_list(frame)
            elif isinstance(frame, RunFrame):
                self.journal.frames.pop()
                self._drive(self._next_chunk(frame.run))
            else:
                self._next_of_file(frame)

    @property
    def extensions_left(self) -> int:
        """How many runs behind the deck's end have not begun."""
        return len(self._extensions) - self.journal.extended

    def _extend(self) -> bool:
        """Go on behind the deck's end; False where nothing is left to be done."""
        if self._has_quit or self.extensions_left <= 0:
            return False
        steps = self._extensions[self.journal.extended]
        self.journal.extended += 1
        run = ListFrame(file=EXTENSION, line=self.journal.extended, commands=[f"run {steps}"])
        self.journal.frames.append(run)
        return True

    def _breathe(self) -> None:
        """Let a loop that asks LAMMPS for nothing notice that it is to end, too."""
        self._since_breath += 1
        if self._since_breath >= BREATH:
            self._since_breath = 0
            self.engine.ask("")

    def _next_of_list(self, frame: ListFrame) -> None:
        if not frame.commands:
            self.journal.frames.pop()
            return
        self._execute(frame.commands.pop(0), Place(frame.file, frame.line))

    def _next_of_file(self, frame: FileFrame) -> None:
        script = self._script(frame.file, None)
        if frame.next_line >= len(script.lines):
            self.journal.frames.pop()
            return
        index = frame.next_line
        frame.next_line += 1
        self._execute(script.lines[index].text, script.place(index))

    def _script(self, file: str, place: Place | None) -> Script:
        if file not in self._scripts:
            try:
                self._scripts[file] = self._read_script(file)
            except DeckError as error:
                raise type(error)(error.message, error.place or place) from error
        return self._scripts[file]

    def _execute(self, raw: str, place: Place) -> None:
        """Carry out a command; the values of its variables are asked from LAMMPS, once."""
        text = self._replaced(without_comment(raw, place), place)
        command = words(text, place)
        if not command:
            return
        control = _CONTROL.get(command[0])
        if control is not None:
            control(self, command, place)
            return
        if command[0] == "variable" and command[2:3] == ["string"] and "$" in text:
            # LAMMPS replaces what stands inside its quotes too, when it defines the variable.
            command = [*command[:3], *(self._replaced(word, place) for word in command[3:])]
            text = " ".join(quoted(word) for word in command)
            if any(reference for word in command[3:] for reference in references(word, place)):
                raise DeckError(f"the value of a variable holds a `$`: {text[:60]}", place)
        self._give(command, as_line(text, command, place), place)

    def _replaced(self, text: str, place: Place) -> str:
        def value_of(reference: str) -> str:
            self._note_draws(reference)
            return _asked(self.engine, reference, place)

        return replaced(text, value_of, place)

    def _note_draws(self, text: str) -> None:
        self.journal.draws = self.journal.draws or bool(DRAWS.search(text))

    def _give(self, command: list[str], text: str, place: Place) -> None:
        whole = command[0] in WHOLE
        if command[0] == "minimize" and self.journal.halted:
            return
        if whole:
            self._leave_before(text, place)
        if _dilates(command) and self.journal.box:
            text = f"{text} fixedpoint {self.engine.ask(_CENTER)}"
        self._watch.command_comes(command, place)
        self.engine.send(told(text, command, self.journal), place)
        self.journal.record(command, text, place)
        self._watch.command_given(command)
        if command[0] in MAKES_BOX and not self.journal.box:
            self.journal.box = True
            self._watch.box_made()
        if whole:
            self.engine.step()
            if self._watch.stopping:
                # Cut short by our own stop or not, it cannot be told: it is repeated on resume.
                raise Stopped(-1)
            self.journal.stage += 1

    def _leave_before(self, text: str, place: Place) -> None:
        """Stop, if so asked, in front of a command that takes long and cannot be cut."""
        if not self._watch.stopping:
            return
        step = self.engine.step()
        if self._watch.can_stand(step):
            frame = ListFrame(file=place.file, line=place.line, commands=[text])
            self.journal.frames.append(frame)
            raise Stopped(step)

    def _include(self, command: list[str], place: Place) -> None:
        need_words(command, 2, 2, place)
        if sum(isinstance(frame, FileFrame) for frame in self.journal.frames) >= MOST_FILES:
            raise DeckError(f"files include one another more than {MOST_FILES} deep", place)
        file = self._replaced(command[1], place)
        self._script(file, place)
        self.journal.frames.append(FileFrame(file=file, next_line=0))

    def _jump(self, command: list[str], place: Place) -> None:
        need_words(command, 2, 3, place)
        if self.journal.skip_jump:
            self.journal.skip_jump = False
            return
        frame = next(f for f in reversed(self.journal.frames) if isinstance(f, FileFrame))
        if command[1] != "SELF":
            frame.file = command[1]
        script = self._script(frame.file, place)
        frame.next_line = 0
        if len(command) == 3 and not self._is_among_rest(command[2]):
            frame.next_line = script.after_label(command[2], place)

    def _is_among_rest(self, label: str) -> bool:
        """Skip, as LAMMPS does on its way to a label, the rest of an `if` and of `run … every`.

        The run itself goes on to its end. False if the label is not among the rest.
        """
        runs: list[Frame] = []
        found = False
        while not found and not isinstance(frame := self.journal.frames.pop(), FileFrame):
            if isinstance(frame, RunFrame):
                frame.run.every.clear()
                runs.append(frame)
                continue
            while frame.commands and not found:
                found = label_of(frame.commands.pop(0)) == label
        self.journal.frames += [frame, *reversed(runs)]
        return found

    def _label(self, command: list[str], place: Place) -> None:
        """A mark; nothing happens when it is passed."""
        need_words(command, 2, 2, place)

    def _next(self, command: list[str], place: Place) -> None:
        need_words(command, 2, None, place)
        _refuse_odd_names(command, place)
        names = command[1:]
        ends = {name: self.journal.is_last(name) for name in names}
        self.engine.send(" ".join(command), place)
        if None in ends.values():
            text = " ".join(f"$(is_defined(variable,{name}))" for name in ends)
            defined = self.engine.ask(text).split()
            ends = dict(zip(ends, (word == "0" for word in defined), strict=True))
        for name in names:
            self.journal.advance(name, exhausted=bool(ends[name]))
        self.journal.skip_jump = self.journal.skip_jump or any(ends.values())

    def _if(self, command: list[str], place: Place) -> None:
        """`if C then A … elif C B … else D …`: the commands of the first true branch."""
        need_words(command, 4, None, place)
        if command[2] != "then":
            raise DeckError(f"`if` has {command[2]!r} where `then` is expected", place)
        branches = [["if", command[1]]]
        for word in command[3:]:
            if word in ("elif", "else"):
                branches.append([word])
            else:
                branches[-1].append(word)
        for keyword, *branch in branches:
            if keyword == "else":
                branch.insert(0, "1")
            if self._holds(keyword, branch, place):
                self._enter(branch[1:], place)
                return

    def _holds(self, keyword: str, branch: list[str], place: Place) -> bool:
        """Whether a branch is to be taken; it begins with its condition."""
        if not branch:
            raise DeckError(f"`{keyword}` has no condition", place)
        # Its references are left to LAMMPS: they are replaced once more, inside quotes or not.
        self._note_draws(branch[0])
        return keyword == "else" or self.engine.holds(branch[0])

    def _enter(self, commands: list[str], place: Place) -> None:
        if not commands or "" in commands:
            raise DeckError("`if` has a branch without a command", place)
        self._refuse_depth(place)
        frame = ListFrame(file=place.file, line=place.line, commands=commands)
        self.journal.frames.append(frame)

    def _refuse_depth(self, place: Place) -> None:
        if len(self.journal.frames) > MOST_NESTED:
            raise DeckError(f"commands are nested more than {MOST_NESTED} deep", place)

    def _echo(self, command: list[str], place: Place) -> None:
        """Left out: the commands in the log would be ours."""

    def _quit(self, command: list[str], place: Place) -> None:
        need_words(command, 1, 2, place)
        status = integer(command[1], place) if len(command) > 1 else 0
        if status:
            raise DeckError(f"the deck ended itself with `quit {status}`", place)
        self.journal.frames.clear()
        self._has_quit = True

    def _run(self, command: list[str], place: Place) -> None:
        if self.journal.halted:
            return
        self._refuse_depth(place)
        now = self.engine.step()
        self.journal.run = run_in_progress(command, now, place)
        if self.journal.run.start is None:
            self._restate_deform()
        # With `every`, `pre no` holds from the second chunk on.
        self._needs_setup = self._needs_setup or self.journal.run.chunk > 0
        self._drive(self.journal.run)

    def _restate_deform(self) -> None:
        """Make the box at the start of this run the one that a resumed `run … start` refers to.

        fix deform takes the box it had *when it was defined* as soon as a run has a `start`
        (https://docs.lammps.org/fix_deform.html, restart section).
        """
        for setting in self.journal.of("fix"):
            if setting.words[3] == "deform":
                self.engine.send(setting.text, setting.place)
                for modify in self._modifiers(setting):
                    self.engine.send(modify.text, modify.place)

    def _modifiers(self, setting: Setting) -> list[Setting]:
        return [m for m in self.journal.of("fix_modify") if m.key[1] == setting.key[1]]

    def _drive(self, run: RunInProgress) -> None:
        """Carry a run to its end, or to the commands between two of its chunks."""
        self.journal.run = run
        while True:
            self._one_chunk(run)
            is_over = run.first >= run.last or self.journal.halted
            if run.every or is_over:
                break
        self.journal.run = None
        self.journal.stage += is_over
        if not is_over:
            self.journal.frames.append(RunFrame(run=run))
        if run.every:
            frame = ListFrame(file=run.file, line=run.line, commands=list(run.every))
            self.journal.frames.append(frame)

    def _next_chunk(self, run: RunInProgress) -> RunInProgress:
        """What is left of a run, from where its last chunk and the commands since have come to."""
        moved = self.engine.step() - run.first
        run.first += moved
        run.last += moved
        return run

    def _one_chunk(self, run: RunInProgress) -> None:
        target = run.target
        now = self.engine.step()
        if not run.begun:
            self._stand_before(now)
        run.begun = True
        pre = run.pre or self._needs_setup or now != run.first
        self._watch.run_starts(now, set_up=pre)
        reached = self._run_to_halt(run, pre=pre)
        while reached < target and self._watch.pausing and not self._watch.stopping:
            self._watch.run_goes_on(reached)
            reached = self._run_to_halt(run, pre=is_set_up_anew(self.journal))
        self._needs_setup = False
        if reached < target and self._watch.stopping:
            raise Stopped(reached)
        self.journal.steps_done += reached - run.first
        self.journal.ran(run.first, reached)
        # A halt of the user's own (fix halt) ends the run early, as it does in plain LAMMPS.
        run.first, run.begun = target, False
        self.journal.run_over(reached, early=reached < target)
        self._watch.run_ended(reached)

    def _run_to_halt(self, run: RunInProgress, *, pre: bool) -> int:
        self.engine.send(run_command(run, pre=pre), Place(run.file, run.line))
        return self.engine.step()

    def _stand_before(self, step: int) -> None:
        """Where a run may be left and entered without being cut: all before it is done.

        Not after a run: what the deck prints and computes there needs the run's last values, which
        a process that reads a restart file does not have.
        """
        if self._watch.stopping and self._watch.can_stand(step):
            raise Stopped(step)
        if self._watch.run_comes(step):
            self._needs_setup = True


_CONTROL: dict[str, Callable[[Interpreter, list[str], Place], None]] = {
    "include": Interpreter._include,
    "jump": Interpreter._jump,
    "label": Interpreter._label,
    "next": Interpreter._next,
    "if": Interpreter._if,
    "quit": Interpreter._quit,
    "run": Interpreter._run,
    "echo": Interpreter._echo,
}


_CENTER: Final = " ".join(f"$(0.5*({axis}lo+{axis}hi):%.17g)" for axis in "xyz")


def _dilates(command: list[str]) -> bool:
    """Whether a barostat takes the center of the box, as it is now, for the point that stays.

    https://docs.lammps.org/fix_nh.html, keyword fixedpoint. No restart file holds it, and that of
    the box that was reached is another one in its last bits.
    """
    if command[0] != "fix" or len(command) < 4 or "fixedpoint" in command:
        return False
    style = plain(command[3])
    return style.startswith(("npt", "nph")) and not style.endswith("/uef")


_REFERENCE: Final = re.compile(r"\$(?:\w|\{\w+\}|\(.*\))", re.ASCII | re.DOTALL)
_RAW: Final = re.compile(r"[\xa0\xc0-\xff]")


def _asked(engine: Engine, reference: str, place: Place) -> str:
    """What LAMMPS puts in the place of a reference."""
    if not _REFERENCE.fullmatch(reference):
        raise DeckError(f"{reference[:60]} is no reference to a variable", place)
    value = engine.ask(reference)
    if _RAW.search(value):
        # LAMMPS changes such letters when it reads them, not when a variable brings them.
        raise DeckError(f"{reference[:60]} has letters that are not ASCII; take them out", place)
    return value


def _refuse_odd_names(command: list[str], place: Place) -> None:
    for name in command[1:]:
        if not re.fullmatch(r"\w+", name, re.ASCII):
            raise DeckError(f"{name[:60]!r} is no name of a variable", place)
