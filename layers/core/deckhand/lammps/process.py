"""An unmodified LAMMPS process, told one command at a time over its standard input."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import select
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from deckhand.lammps.errors import EngineDiedError, Place
from deckhand.lammps.script import as_line, quoted
from deckhand.lammps.shared_memory import release, segments_of

POLL_SECONDS: Final = 0.1
END: Final = "\x1e"
"""Ends an answer: the value of a variable may have several lines."""

_QUOTES: Final = re.compile("[\"'\\n]")
_LAST_WORDS_SECONDS: Final = 20.0
_REMEMBERED: Final = 2048
_PR_SET_PDEATHSIG: Final = 1
_PIPE_PAGE: Final = 65536

Tick = Callable[[], None]


class Engine(Protocol):
    """What the interpreter needs of LAMMPS."""

    def send(self, command: str, place: Place | None = None) -> None:
        """Give LAMMPS one command; it is done when the next answer is there."""

    def ask(self, text: str) -> str:
        """Let LAMMPS expand the variables of *text*, after everything sent before."""

    def holds(self, condition: str) -> bool:
        """Whether LAMMPS finds the condition of an `if` true; it replaces the references in it."""

    def step(self) -> int:
        """The current time step, after everything sent before."""


class Lammps:
    """A running `lmp` (or `mpirun … lmp`).

    Answers come back through a named pipe that LAMMPS' own `print … file` writes to, so that
    neither the screen nor the log shows anything that an undisturbed run would not show.
    *control* is a directory of ours whose path has no blanks: LAMMPS cuts commands at blanks.
    `tick` is called several times a second while an answer is awaited; `answers` counts them.
    """

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        control: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.screen_path = control / "screen.log"
        self._pipe = control / "answers"
        self._pipe.unlink(missing_ok=True)
        os.mkfifo(self._pipe)
        # Held open for reading and writing: LAMMPS opens and closes its end at every answer.
        self._answers = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        self._buffer = b""
        self.answers = 0
        self._unanswered: list[tuple[str, Place]] = []
        self.tick: Tick = lambda: None
        self._sent: deque[tuple[str, Place | None]] = deque(maxlen=_REMEMBERED)
        with self.screen_path.open("wb") as screen:
            self._process = subprocess.Popen(
                [*command, "-nonbuf", "-echo", "none"],
                cwd=cwd,
                env=dict(environment) if environment is not None else None,
                stdin=subprocess.PIPE,
                stdout=screen,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # one prctl call, no locks taken
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: str, place: Place | None = None) -> None:
        self._sent.append((command, place))
        if place is not None:
            self._unanswered.append((command, place))
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command.encode() + b"\n")
        except (BrokenPipeError, ValueError):
            raise self._died() from None

    def ask(self, text: str) -> str:
        self.send(self._print(text))
        return self._answer()

    def holds(self, condition: str) -> bool:
        command = ["if", condition, "then", self._print("1"), "else", self._print("0")]
        self.send(as_line(" ".join(quoted(word) for word in command), command))
        return self._answer() == "1"

    def _print(self, text: str) -> str:
        if not _QUOTES.search(text):
            return f'print "{text}{END}" file {self._pipe} screen no'
        command = ["print", f"{text}{END}", "file", str(self._pipe), "screen", "no"]
        return as_line(" ".join(quoted(word) for word in command), command)

    def step(self) -> int:
        """The current time step; waits until everything sent before is done."""
        return int(self.ask("$(step:%.0f)"))

    def close(self) -> int:
        """Let LAMMPS read the end of its input and end by itself."""
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                raise self._died() from None
        code = self._process.wait()
        self._release()
        if code != 0:
            raise self._died()
        return code

    def kill(self) -> None:
        """End LAMMPS and all its ranks at once.

        A launcher gives each rank a session of its own: no signal to a group reaches them. One that
        hangs in a driver may not even go then; it is not waited for.
        """
        segments: set[Path] = set()
        if self._process.poll() is None:
            pids = (*_below(self._process.pid), self._process.pid)
            segments = segments_of(pids)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_SECONDS)
        release(segments)
        self._release()

    def last_places(self) -> list[tuple[str, Place | None]]:
        """The newest commands sent, oldest first, with the deck lines they came from."""
        return list(self._sent)

    def unanswered(self) -> list[tuple[str, Place]]:
        """The commands of the deck that it was sent since its last answer; it is at one of them."""
        return list(self._unanswered)

    def screen(self) -> str:
        return self.screen_path.read_text(errors="replace")

    def _answer(self) -> str:
        end = f"{END}\n".encode()
        self._flush()
        while end not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], POLL_SECONDS)
            if ready:
                self._buffer += os.read(self._answers, _PIPE_PAGE)
            elif self._process.poll() is not None:
                raise self._died()
            self.tick()
        answer, self._buffer = self._buffer.split(end, 1)
        self.answers += 1
        self._unanswered.clear()
        return answer.decode("latin-1")

    def _flush(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self._died() from None

    def _died(self) -> EngineDiedError:
        try:
            code = self._process.wait(_LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:  # it reads no more, and does not go
            self.kill()
            code = self._process.wait()
        return EngineDiedError(f"LAMMPS ended with exit code {code}.", code)

    def _release(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1
        self._pipe.unlink(missing_ok=True)


def _below(ancestor: int) -> list[int]:
    """The processes that *ancestor* has started, and those that they have; none but on Linux."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in front may hold anything, a bracket too.
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = [ancestor]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def _die_with_parent() -> None:
    """Linux: when the runner is killed without a word, its LAMMPS must not go on writing."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
