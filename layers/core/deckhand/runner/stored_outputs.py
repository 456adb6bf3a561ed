"""The outputs of an attempt on their way to S3: pieces, heads, and files that are stored whole."""

from __future__ import annotations

import fnmatch
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from deckhand.domain import keys
from deckhand.domain.manifest import Output, OutputKind, Piece
from deckhand.lammps.outputs import Cut
from deckhand.lammps.packing import packed
from deckhand.runner.digest import CHUNK, chunks_of, digest
from deckhand.usecases.ports import Bucket

IN_MEMORY: Final = 8 * 1024 * 1024


class Share(NamedTuple):
    """The outputs of one checkpoint: new bytes, and whole files with their modification times.

    `copies` are where the whole files are kept that somebody has written anew since.
    """

    cuts: tuple[Cut, ...]
    whole: dict[str, int]
    copies: dict[str, Path]

    def left_to(self, later: Share) -> Share:
        """The two as one: a checkpoint that was not stored leaves its outputs to the next.

        Of whole files the later one has its own.
        """
        for copy in self.copies.values():
            copy.unlink(missing_ok=True)
        return Share((*self.cuts, *later.cuts), later.whole, later.copies)


class _Whole(NamedTuple):
    modified: int
    piece: Piece


@dataclass
class _Taken:
    """The bytes of a cut, as they are stored: in memory, or in a file of ours."""

    body: bytes | None
    part: Path
    piece: Piece


@dataclass
class StoredOutputs:
    """What the manifest of *attempt* says of its outputs, and the bytes that are not stored yet.

    *inputs* are modification times of the files that were there before, *inherited* the paths that
    the lineage has outputs of. `appended` names the files that cuts speak for, as of now. Copies
    are made in *spool*.
    """

    bucket: Bucket
    workspace: Path
    spool: Path
    run_id: str
    attempt: int
    inputs: dict[str, int]
    inherited: frozenset[str]
    appended: Callable[[], frozenset[str]]
    _left: Share = field(default_factory=lambda: Share((), {}, {}))
    _taken: _Taken | None = None
    _copied: int = 0
    _files: threading.RLock = field(default_factory=threading.RLock)
    _pieces: dict[str, list[Piece]] = field(default_factory=dict)
    _heads: dict[str, Piece] = field(default_factory=dict)
    _anew: set[str] = field(default_factory=set)
    _whole: dict[str, _Whole] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)

    def share(self, cuts: Iterable[Cut]) -> Share:
        """The outputs as they are now: one that comes later is not known to this checkpoint."""
        return Share(tuple(cuts), self._whole_files(), {})

    def add(self, share: Share) -> None:
        """What `store` shall store, besides what it could not store before."""
        with self._files:
            self._left = self._left.left_to(share)

    def store(self) -> None:
        """Store all that was added; raises what S3 raises, and goes on there when called again."""
        while self._left.cuts:
            with self._files:  # until its bytes are taken, nobody may write them anew
                cut = self._left.cuts[0]
                self._taken = self._taken or self._take(cut)
            self._store_cut(cut, self._taken)
            with self._files:
                self._left = self._left._replace(cuts=self._left.cuts[1:])
                self._taken = None
        for path in self._whole.keys() - self._left.whole.keys():
            self._forget(path)  # LAMMPS has removed it: `dump_modify maxfiles`
        for path, modified in self._left.whole.items():
            known = self._whole.get(path)
            if modified != (known.modified if known else self.inputs.get(path)):
                self._store_whole(path, modified)

    def keep(self, waiting: Share | None) -> Share | None:
        """Copy what is not stored yet: LAMMPS is about to write its files anew.

        *waiting* is a share that has not been added yet; returns it with its copies.
        """
        with self._files:
            first = self._left.cuts[:1] if self._taken is not None else ()
            rest = self._kept(self._left._replace(cuts=self._left.cuts[len(first) :]))
            self._left = rest._replace(cuts=(*first, *rest.cuts))
            return self._kept(waiting) if waiting is not None else None

    def outputs(self) -> tuple[Output, ...]:
        """As of the last share that was stored."""
        appended = [
            Output(
                path=path,
                kind=OutputKind.ANEW if path in self._anew else OutputKind.APPEND,
                pieces=tuple(pieces),
                head=self._heads.get(path),
            )
            for path, pieces in self._pieces.items()
        ]
        whole = [
            Output(path=path, kind=OutputKind.WHOLE, pieces=(known.piece,))
            for path, known in self._whole.items()
        ]
        gone = [Output(path=path, kind=OutputKind.GONE, pieces=()) for path in sorted(self._gone)]
        return (*appended, *whole, *gone)

    def _kept(self, share: Share) -> Share:
        cuts = tuple(self._copy_of(cut) for cut in share.cuts)
        copies = dict(share.copies)
        for path, modified in share.whole.items():
            known = self._whole.get(path)
            is_stored = modified == (known.modified if known else self.inputs.get(path))
            if not is_stored and path not in copies:
                copy = self._new_copy()
                if _copied(self.workspace / path, copy):
                    copies[path] = copy
        return Share(cuts, share.whole, copies)

    def _copy_of(self, cut: Cut) -> Cut:
        """The same bytes at the same place of a file of ours, with nothing before them."""
        if cut.gone or cut.end <= cut.begin or _is_copy(cut):
            return cut
        copy = self._new_copy()
        with copy.open("wb") as file:
            file.seek(cut.begin)
            file.writelines(cut.chunks(self.workspace, CHUNK))
        return replace(cut, source=str(copy), ending=b"")

    def _new_copy(self) -> Path:
        self._copied += 1
        return self.spool / f"copy-{self._copied}"

    def _take(self, cut: Cut) -> _Taken | None:
        if cut.gone or cut.end <= cut.begin:
            return None
        chunks = cut.chunks(self.workspace, CHUNK)
        if cut.packing is not None:
            chunks = packed(chunks, cut.packing)
        begin, part = cut.base + cut.begin, self.spool / "part"
        if cut.end - cut.begin <= IN_MEMORY:
            body = b"".join(chunks)
            return _Taken(body, part, Piece(begin=begin, size=len(body), sha256=digest([body])))
        with part.open("wb") as file:
            file.writelines(chunks)
        return _Taken(None, part, _piece_of(part, begin))

    def _store_cut(self, cut: Cut, taken: _Taken | None) -> None:
        if cut.gone:
            self._remove(cut.path)
            return
        if taken is not None:
            self._store_range(cut, taken)
        head = self._store_head(cut) if cut.head else None
        self._gone.discard(cut.path)
        if cut.anew:
            self._forget(cut.path)
            self._anew.add(cut.path)
        if head is not None:
            self._heads[cut.path] = head
        self._pieces.setdefault(cut.path, []).extend([taken.piece] if taken else [])
        if _is_copy(cut):
            Path(cut.source).unlink()

    def _remove(self, pattern: str) -> None:
        known = {*self._pieces, *self._whole, *self.inherited}
        for path in fnmatch.filter(known, pattern):
            self._forget(path)
            self._gone.add(path)

    def _forget(self, path: str) -> None:
        """Nothing of a file that was stored is left in the results."""
        for known in (self._whole, self._pieces, self._heads):
            known.pop(path, None)
        self._anew.discard(path)

    def _store_range(self, cut: Cut, taken: _Taken) -> None:
        piece = taken.piece
        key = keys.output_piece(self.run_id, self.attempt, cut.path, piece.begin, piece.sha256)
        if taken.body is not None:
            self.bucket.write(key, taken.body)
        else:
            self.bucket.upload(key, taken.part)

    def _store_head(self, cut: Cut) -> Piece:
        """What the file begins with, as of this cut; it is numbered by where the cut ends."""
        version = cut.base + cut.end
        head = Piece(begin=version, size=len(cut.head), sha256=digest([cut.head]))
        key = keys.output_head(self.run_id, self.attempt, cut.path, version, head.sha256)
        self.bucket.write(key, cut.head)
        return head

    def _store_whole(self, path: str, modified: int) -> None:
        """A file that is complete in itself; `begin` numbers its versions within the attempt.

        It is copied first: the deck may be writing it anew.
        """
        version = self._versions.get(path, 0)
        with self._files:
            copy = self._left.copies.get(path)
            if copy is None:
                copy = self._new_copy()
                if not _copied(self.workspace / path, copy):
                    return  # LAMMPS has removed it
                self._left.copies[path] = copy
        piece = _piece_of(copy, version)
        key = keys.output_piece(self.run_id, self.attempt, path, version, piece.sha256)
        self.bucket.upload(key, copy)
        copy.unlink()
        self._left.copies.pop(path, None)
        self._versions[path] = version + 1
        self._whole[path] = _Whole(modified, piece)
        self._gone.discard(path)

    def _whole_files(self) -> dict[str, int]:
        """The files that no cut speaks for, with their modification times."""
        appended = self.appended()
        found = {}
        for source in self.workspace.rglob("*"):
            path = source.relative_to(self.workspace).as_posix()
            if path not in appended and not source.is_symlink() and source.is_file():
                found[path] = _modified(source)
        return {path: modified for path, modified in found.items() if modified is not None}


def _is_copy(cut: Cut) -> bool:
    """Whether its bytes are in a file of ours; LAMMPS' own are named relative to the workspace."""
    return Path(cut.source).is_absolute()


def _piece_of(path: Path, begin: int) -> Piece:
    return Piece(begin=begin, size=path.stat().st_size, sha256=digest(chunks_of(path)))


def _copied(source: Path, target: Path) -> bool:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        return False
    return True


def _modified(file: Path) -> int | None:
    """The modification time; None for a file that LAMMPS has removed meanwhile."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None
