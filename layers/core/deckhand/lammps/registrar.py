"""Registers with the book of outputs which files a command opens, before LAMMPS is told it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath

from deckhand.lammps.contract import removals
from deckhand.lammps.files import folders, writes
from deckhand.lammps.formats import OPENED_AT_ONCE
from deckhand.lammps.journal import Journal
from deckhand.lammps.openings import Opening, appends, goes_on, growing_files, writes_once
from deckhand.lammps.outputs import OutputBook
from deckhand.lammps.process import Lammps


@dataclass(frozen=True)
class Registrar:
    """*cwd* is the deck's folder, below the *workspace* root."""

    lammps: Lammps
    journal: Journal
    workspace: Path
    cwd: Path
    book: OutputBook

    def command_comes(self, command: list[str]) -> None:
        """Register the files of a command of the deck.

        Their folders are made: an upload cannot carry empty ones.
        """
        self._make_folders(command)
        self._keep_whole_files(command)
        if command[:1] == ["dump_modify"] and appends(command):
            self._dump_appends(command[1])
        self._open_files(command)

    def told_again(self, command: list[str]) -> None:
        """The same for a command that LAMMPS is told again on resume: it goes on with its file."""
        self._make_folders(command)
        if command[0] == "dump_modify" and appends(command):
            self._dump_appends(command[1])
        opens = command[0] == "dump" and not self.journal.has_begun(command[1])
        for opening in growing_files(command):
            at_once = opening.layout.format in OPENED_AT_ONCE
            for path, source in self._files_of(opening):
                if opens and not at_once:
                    self.book.dump_opens(path, opening.layout, source)
                else:
                    self.book.register(path, opening.layout, source)

    @property
    def folder(self) -> str:
        """The deck's folder below the workspace root."""
        return self.cwd.relative_to(self.workspace).as_posix()

    def path_of(self, name: str) -> str:
        """A file name of the deck as a path below the workspace root."""
        return normpath(str(PurePosixPath(self.folder) / name))

    def _keep_whole_files(self, command: list[str]) -> None:
        """What is stored with a checkpoint must not be younger than it."""
        if any(self._is_stored_whole(name) for name in writes(command)):
            self.book.keep()
        for pattern in removals(command):
            self.book.keep()
            self.book.removes(self.path_of(pattern))

    def _is_stored_whole(self, name: str) -> bool:
        return (self.cwd / name).is_file() and self.path_of(name) not in self.book.paths

    def _open_files(self, command: list[str]) -> None:
        openings = list(growing_files(command))
        if openings:
            self.lammps.ask("")  # what was told before is done: the book looks at the files
        for opening in openings:
            for path, source in self._files_of(opening):
                if command[0] == "dump":
                    self.book.dump_opens(path, opening.layout, source)
                elif path in self.book.files or not writes_once(command):
                    empties = not goes_on(command)
                    self.book.opens(path, opening.layout, source, empties=empties)

    def _files_of(self, opening: Opening) -> Iterator[tuple[str, str]]:
        """Path and source of a file; of one for each process where its name says so."""
        if "%" not in opening.name:
            yield self.path_of(opening.name), self.path_of(opening.source)
            return
        for rank in range(int(self.lammps.ask("$(extract_setting(world_size):%.0f)"))):
            name, source = (text.replace("%", str(rank)) for text in (opening.name, opening.source))
            yield self.path_of(name), self.path_of(source)

    def _make_folders(self, command: list[str]) -> None:
        for folder in folders(command):
            (self.cwd / folder).mkdir(parents=True, exist_ok=True)

    def _dump_appends(self, identity: str) -> None:
        dumps = (dump.words for dump in self.journal.of("dump") if dump.key[1] == identity)
        for opening in growing_files(next(dumps, [])):
            for path, _ in self._files_of(opening):
                if opening.layout.format not in OPENED_AT_ONCE and path in self.book.files:
                    self.book.dump_appends(path)
