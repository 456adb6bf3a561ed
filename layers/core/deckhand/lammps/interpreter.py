"""Executes a LAMMPS script command by command, so that it can be left and entered anywhere.

Control flow (include, jump, label, next, if, run … every, quit) is done here; every other command
goes to LAMMPS with its variables expanded *once*. What LAMMPS was given is journalled, so that a
resumed run is told facts (a loop counter, a random number, which branch was taken) and never
evaluates them again. Semantics: https://docs.lammps.org/Commands_input.html and the pages of the
commands named above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.journal import (
    DRAWS,
    MAKES_BOX,
    FileFrame,
    Journal,
    ListFrame,
    RunInProgress,
    Setting,
)
from deckhand.lammps.process import Engine
from deckhand.lammps.script import Script, references, spans, without_comment, words


class Stopped(Exception):
    """A run was left before its end because the watch asked for it; not an error."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped at step {step}")
        self.step = step


class Watch(Protocol):
    """What happens around the runs of a deck: checkpoints, outputs, stop requests."""

    @property
    def stopping(self) -> bool:
        """Whether the attempt has been asked to stop."""

    @property
    def pausing(self) -> bool:
        """Whether the run has been halted only to be told when its next restart file is due."""

    def run_goes_on(self, step: int) -> None:
        """A run that was halted at *step* goes on where it is, as if it had not been."""

    def command_comes(self, command: list[str]) -> None:
        """LAMMPS is about to be given a command that is not a run."""

    def command_given(self, command: list[str]) -> None:
        """It was given the command, and the journal has taken note of it."""

    def box_made(self) -> None:
        """The simulation box exists from now on."""

    def can_stand(self, step: int) -> bool:
        """Whether a checkpoint at *step* loses nothing while no run is going on."""

    def run_comes(self, step: int) -> bool:
        """A run is next, nothing of it is done; True if a restart file was written before it."""

    def run_starts(self, step: int) -> None:
        """A run is about to begin at *step*; the journal says where it goes."""

    def run_ended(self, step: int) -> None:
        """A run, or a chunk of one, is over."""


class Interpreter:
    """One walk through a deck, fresh or from the middle."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        read_script: Callable[[str], Script],
        watch: Watch,
        *,
        resumed: bool = False,
    ) -> None:
        self.engine = engine
        self.journal = journal
        self._read_script = read_script
        self._watch = watch
        self._scripts: dict[str, Script] = {}
        # A process that has not set up this system since the last restart file was written or
        # read cannot honour `run … pre no`.
        self._needs_setup = resumed
        if not journal.frames:
            journal.frames.append(FileFrame(file=journal.deck, next_line=0))

    def execute(self) -> None:
        """Carry the deck to its end; raises Stopped when the watch ends it earlier."""
        if self.journal.run is not None:
            self._drive()
        self._carry_down_to(0)

    def _carry_down_to(self, depth: int) -> None:
        """Execute until no more than *depth* frames are open."""
        while len(self.journal.frames) > depth:
            frame = self.journal.frames[-1]
            if isinstance(frame, ListFrame):
                self._next_of_list(frame)
            else:
                self._next_of_file(frame)

    def _next_of_list(self, frame: ListFrame) -> None:
        if not frame.commands:
            self.journal.frames.pop()
            return
        self._execute(frame.commands.pop(0), Place(frame.file, frame.line))

    def _next_of_file(self, frame: FileFrame) -> None:
        script = self._script(frame.file)
        if frame.next_line >= len(script.lines):
            self.journal.frames.pop()
            return
        index = frame.next_line
        frame.next_line += 1
        self._execute(script.lines[index].text, script.place(index))

    def _script(self, file: str) -> Script:
        if file not in self._scripts:
            self._scripts[file] = self._read_script(file)
        return self._scripts[file]

    def _execute(self, raw: str, place: Place) -> None:
        text = self._expanded(without_comment(raw), place)
        if not text:
            return
        command = words(text, place)
        control = _CONTROL.get(command[0])
        if control is not None:
            control(self, command, place)
        else:
            self._give(command, text, place)

    def _expanded(self, text: str, place: Place) -> str:
        """Replace variable references outside quotes by what LAMMPS says they are worth."""
        if "$" not in text:
            return text
        return "".join(
            span.text if span.quoted else self._replaced_bare(span.text, place)
            for span in spans(text)
        ).strip()

    def _replaced_bare(self, text: str, place: Place) -> str:
        """Refuse a value in which LAMMPS would see more than a value when it reads it again."""
        replaced = self._replaced(text, place)
        if any(sign in replaced for sign in "#$\n"):
            raise DeckError(
                "a variable whose value holds `#`, `$` or a line break is used outside quotes, "
                f"which Deckhand cannot hand on: {replaced.strip()[:60]}. Take the character out "
                "of the value.",
                place,
            )
        return replaced

    def _replaced(self, text: str, place: Place) -> str:
        parts: list[str] = []
        position = 0
        for reference in references(text, place):
            self.journal.draws = self.journal.draws or bool(DRAWS.search(reference.text))
            parts += text[position : reference.begin], self.engine.ask(reference.text)
            position = reference.end
        return "".join([*parts, text[position:]])

    def _give(self, command: list[str], text: str, place: Place) -> None:
        if command[0] == "minimize":
            if self.journal.halted:
                return
            self._leave_before(text, place)
        self._watch.command_comes(command)
        self.engine.send(text, place)
        self.journal.record(command, text, place)
        self._watch.command_given(command)
        if command[0] in MAKES_BOX and not self.journal.box:
            self.journal.box = True
            self._watch.box_made()
        if command[0] == "minimize":
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
        _need(command, 2, place)
        self.journal.frames.append(FileFrame(file=command[1], next_line=0))

    def _jump(self, command: list[str], place: Place) -> None:
        _need(command, 2, place)
        if self.journal.skip_jump:
            self.journal.skip_jump = False
            return
        frame = next(f for f in reversed(self.journal.frames) if isinstance(f, FileFrame))
        if command[1] != "SELF":
            frame.file = command[1]
        frame.next_line = 0
        if len(command) > 2:
            frame.next_line = self._after_label(frame.file, command[2], place)
            # On its way to a label LAMMPS skips commands, the rest of an `if` too.
            while self.journal.frames[-1] is not frame:
                self.journal.frames.pop()

    def _after_label(self, file: str, label: str, place: Place) -> int:
        script = self._script(file)
        for index, line in enumerate(script.lines):
            text = without_comment(line.text)
            # LAMMPS does not expand variables while it looks for a label.
            if text.startswith("label") and words(text, place)[:2] == ["label", label]:
                return index + 1
        raise DeckError(f"there is no `label {label}` in {file}", place)

    def _label(self, command: list[str], place: Place) -> None:
        """A mark; nothing happens when it is passed."""

    def _next(self, command: list[str], place: Place) -> None:
        _need(command, 2, place)
        self.engine.send(" ".join(command), place)
        for name in command[1:]:
            gone = self.engine.ask(f"$(is_defined(variable,{name}))").strip() == "0"
            self.journal.advance(name, exhausted=gone)
            self.journal.skip_jump = self.journal.skip_jump or gone

    def _if(self, command: list[str], place: Place) -> None:
        """`if C then A … elif C B … else D …`: the commands of the first true branch."""
        index = 0
        while index < len(command):
            keyword = command[index]
            if keyword in ("if", "elif"):
                if index + 1 >= len(command):
                    raise DeckError(f"`{keyword}` has no condition", place)
                taken = self.engine.holds(self._replaced(command[index + 1], place))
                index += 3 if keyword == "if" else 2
            elif keyword == "else":
                taken, index = True, index + 1
            else:
                raise DeckError(f"`if` has {keyword!r} where elif or else is expected", place)
            begin = index
            while index < len(command) and command[index] not in ("elif", "else"):
                index += 1
            if taken:
                self.journal.frames.append(
                    ListFrame(file=place.file, line=place.line, commands=command[begin:index])
                )
                return

    def _quit(self, command: list[str], place: Place) -> None:
        self.journal.frames.clear()

    def _run(self, command: list[str], place: Place) -> None:
        if self.journal.halted:
            return
        now = self.engine.step()
        self.journal.run = _run_in_progress(command, now, place)
        if self.journal.run.start is None:
            self._restate_deform()
        # With `every`, `pre no` holds from the second chunk on.
        self._needs_setup = self._needs_setup or self.journal.run.chunk > 0
        self._drive()

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

    def _drive(self) -> None:
        """Carry the run in progress to its end, chunk by chunk."""
        run = self.journal.run
        assert run is not None
        while True:
            self._one_chunk(run)
            quit_inside = not self.journal.frames
            if run.first >= run.last or quit_inside or self.journal.halted:
                break
        self.journal.run = None
        self.journal.stage += 1

    def _one_chunk(self, run: RunInProgress) -> None:
        target = run.target
        now = self.engine.step()
        if not run.begun:
            self._stand_before(now)
        run.begun = True
        self._watch.run_starts(now)
        pre = run.pre or self._needs_setup or now != run.first
        reached = self._run_to_halt(run, pre=pre)
        while reached < target and self._watch.pausing and not self._watch.stopping:
            self._watch.run_goes_on(reached)
            reached = self._run_to_halt(run, pre=False)
        self._needs_setup = False
        if reached < target and self._watch.stopping:
            raise Stopped(reached)
        self.journal.steps_done += reached - run.first
        # A halt of the user's own (fix halt) ends the run early, as it does in plain LAMMPS.
        run.first, run.begun = target, False
        self.journal.run_over(reached, early=reached < target)
        self._watch.run_ended(reached)
        depth = len(self.journal.frames)
        for text in run.every:
            self._execute(text, Place(run.file, run.line))
            self._carry_down_to(depth)

    def _run_to_halt(self, run: RunInProgress, *, pre: bool) -> int:
        self.engine.send(_run_command(run, pre=pre), Place(run.file, run.line))
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
    "echo": Interpreter._label,
}


def _need(command: list[str], count: int, place: Place) -> None:
    if len(command) < count:
        raise DeckError(f"`{command[0]}` needs {count - 1} argument(s)", place)


def _run_in_progress(command: list[str], now: int, place: Place) -> RunInProgress:
    """Read `run N [upto] [start S] [stop E] [pre yes] [post yes] [every M "command" …]`.

    https://docs.lammps.org/run.html
    """
    _need(command, 2, place)
    steps = _integer(command[1], place)
    run = RunInProgress(file=place.file, line=place.line, first=now, last=now + steps)
    index = 2
    while index < len(command):
        keyword = command[index]
        if keyword == "upto":
            run.last, index = steps, index + 1
            continue
        _need(command, index + 2, place)
        value = command[index + 1]
        index += 2
        if keyword == "start":
            run.start = _integer(value, place)
        elif keyword == "stop":
            run.stop = _integer(value, place)
        elif keyword == "pre":
            run.pre = value in _TRUE
        elif keyword == "post":
            run.post = value in _TRUE
        elif keyword == "every":
            run.chunk = _integer(value, place)
            run.every = [] if command[index : index + 1] == ["NULL"] else command[index:]
            break
        else:
            raise DeckError(f"`run` has no keyword {keyword!r}", place)
    return run


_TRUE = frozenset({"yes", "on", "true"})


def _run_command(run: RunInProgress, *, pre: bool) -> str:
    """The run as the user meant it: ramps keep their ends however often it is cut."""
    start = run.first if run.start is None else run.start
    stop = run.target if run.stop is None else run.stop
    yes_no = {True: "yes", False: "no"}
    return (
        f"run {run.target} upto start {start} stop {stop} pre {yes_no[pre]} post {yes_no[run.post]}"
    )


def _integer(word: str, place: Place) -> int:
    try:
        return int(float(word))
    except (ValueError, OverflowError):
        raise DeckError(f"{word!r} is not a number of steps", place) from None
