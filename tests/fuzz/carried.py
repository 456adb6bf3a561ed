"""One deck in plain LAMMPS and through the interpreter: what each of them leaves behind."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deckhand.cli.engine import find_engine
from deckhand.lammps.errors import DeckError, EngineDiedError
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal
from deckhand.lammps.process import Lammps
from deckhand.lammps.replay import replay
from deckhand.lammps.script import folder_reader
from deckhand.lammps.thermo import read_rows
from deckhand.lammps.watch import Stopped
from tests.fuzz.bystander import Bystander

DECK: Final = "in.deck"
PATIENCE_SECONDS: Final = 10

_ENGINE: Final = find_engine("The comparison with LAMMPS")
_LOG: Final = "log.lammps"


@dataclass(frozen=True)
class Left:
    """What a deck leaves behind: lines it printed (they begin with `>`), rows, files, its end."""

    printed: list[bytes]
    rows: list[tuple[int, tuple[str, ...]]]
    files: dict[str, bytes]
    ended_well: bool


def plain(folder: Path, files: Mapping[str, bytes]) -> Left:
    """Carry the deck in plain LAMMPS."""
    write(folder, files)
    command = [str(_ENGINE.lmp), "-in", DECK, "-log", _LOG, "-echo", "none", "-screen", "none"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=_ENGINE.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return _left(folder, files, ended_well=done.returncode == 0)


def interpreted(folder: Path, files: Mapping[str, bytes], control: Path) -> Left:
    """Carry the deck in LAMMPS that is told one command after the other."""
    write(folder, files)
    command = [str(_ENGINE.lmp), "-log", _LOG]
    lammps = Lammps(command, folder, control, _ENGINE.environment)
    ended_well = True
    try:
        reader = folder_reader(folder)
        Interpreter(lammps, Journal(deck=DECK), reader, Bystander()).execute()
        lammps.close()
    except DeckError:
        ended_well = False
        with contextlib.suppress(EngineDiedError):
            lammps.close()  # what was told before the fault is done
    except EngineDiedError:
        ended_well = False
    finally:
        lammps.kill()
    return _left(folder, files, ended_well=ended_well)


def resumed(folder: Path, files: Mapping[str, bytes], control: Path, runs: int) -> Left:
    """Carry the deck in one process after the other: each is left when it has done *runs* runs."""
    write(folder, files)
    journal, restart, step = Journal(deck=DECK), control / "left.restart", -1
    ended_well = True
    while True:
        log = _LOG if step < 0 else "none"
        lammps = Lammps([str(_ENGINE.lmp), "-log", log], folder, control, _ENGINE.environment)
        try:
            if step >= 0:
                replay(lammps, journal, restart, step, 1)
                lammps.send(f"log {_LOG} append")
            watch = _Leaving(runs)
            again = step >= 0
            Interpreter(lammps, journal, folder_reader(folder), watch, resumed=again).execute()
            lammps.close()
            break
        except Stopped as stopped:
            step = stopped.step
            lammps.send(f"write_restart {restart}")
            lammps.close()
            journal = Journal.model_validate_json(journal.model_dump_json())
        except DeckError:
            ended_well = False
            with contextlib.suppress(EngineDiedError):
                lammps.close()
            break
        except EngineDiedError:
            ended_well = False
            break
        finally:
            lammps.kill()
    return _left(folder, files, ended_well=ended_well)


class _Leaving(Bystander):
    """Wants to stop as soon as so many runs are done."""

    def __init__(self, runs: int) -> None:
        self._left = runs

    @property
    def stopping(self) -> bool:
        return self._left <= 0

    def can_stand(self, step: int) -> bool:
        return True

    def run_ended(self, step: int) -> None:
        self._left -= 1


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, body in files.items():
        (folder / name).write_bytes(body)


def _left(folder: Path, files: Mapping[str, bytes], *, ended_well: bool) -> Left:
    log = (folder / _LOG).read_bytes() if (folder / _LOG).exists() else b""
    made = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return Left(
        printed=[line for line in log.split(b"\n") if line.startswith(b">")],
        rows=[(row.step, tuple(row.values)) for row in read_rows(log)],
        files={n: body for n, body in made.items() if n not in files and n != _LOG},
        ended_well=ended_well,
    )
