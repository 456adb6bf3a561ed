"""Put the outputs of a run's segments together into results, inside S3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deckhand.domain import keys
from deckhand.domain.errors import StorageError
from deckhand.domain.manifest import Manifest, Output, OutputKind, Piece, Segment
from deckhand.domain.parts import Range, plan_parts
from deckhand.domain.report import Result
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Bucket

RESERVED = frozenset({"report.json", "report.txt", keys.CERTIFICATE_NAME})
"""Names below results/ that are ours; an output of the deck with such a name moves aside."""


@dataclass(frozen=True)
class StoredPiece:
    """A piece of an output and the object that it is."""

    key: str
    piece: Piece

    @property
    def range(self) -> Range:
        return Range(self.key, 0, self.piece.size)


@dataclass(frozen=True)
class Finalised:
    results: tuple[Result, ...]
    problems: tuple[str, ...]


def finalise(runs: Bucket, manifest: Manifest) -> Finalised:
    """Make every output of the lineage one object; one that cannot be made is a problem.

    Safe to repeat: a result that is there with its full size is left as it is.
    """
    there = runs.sizes(keys.results(manifest.run_id))
    stored = _stored_pieces(runs, manifest)

    def make(item: tuple[str, list[Range]]) -> Result | str:
        """The result, or why there is none."""
        path, pieces = item
        key = result_key(manifest.run_id, path)
        size = sum(piece.size for piece in pieces)
        try:
            if there.get(key) != size:
                _check_pieces(pieces, stored)
                runs.join(key, plan_parts(pieces))
        except StorageError as error:
            return f"{path}: {error}"
        return Result(path=path, key=key, size=size)

    made = in_parallel(make, output_ranges(manifest).items())
    return Finalised(
        results=tuple(item for item in made if isinstance(item, Result)),
        problems=tuple(item for item in made if isinstance(item, str)),
    )


def result_key(run_id: str, path: str) -> str:
    return keys.result(run_id, f"outputs/{path}" if path in RESERVED else path)


def output_ranges(manifest: Manifest) -> dict[str, list[Range]]:
    """The ranges that make up each output, by path."""
    stored = output_pieces(manifest)
    return {path: [item.range for item in pieces] for path, pieces in stored.items()}


def output_pieces(manifest: Manifest) -> dict[str, list[StoredPiece]]:
    """The pieces that make up each output, in their order, by path."""
    heads: dict[str, list[StoredPiece]] = {}
    pieces: dict[str, list[StoredPiece]] = {}
    for segment in manifest.segments:
        for output in segment.outputs:
            if output.kind is not OutputKind.APPEND:
                heads.pop(output.path, None)
                pieces.pop(output.path, None)
            if output.kind is OutputKind.GONE:
                continue
            if output.head is not None:
                heads[output.path] = [_head(manifest.run_id, segment, output.path, output.head)]
            here = _pieces(manifest.run_id, segment, output)
            pieces[output.path] = pieces.get(output.path, []) + here
    return {path: heads.get(path, []) + pieces[path] for path in sorted(pieces)}


def _head(run_id: str, segment: Segment, path: str, head: Piece) -> StoredPiece:
    return StoredPiece(
        keys.output_head(run_id, segment.attempt, path, head.begin, head.sha256), head
    )


def _pieces(run_id: str, segment: Segment, output: Output) -> list[StoredPiece]:
    return [
        StoredPiece(
            keys.output_piece(run_id, segment.attempt, output.path, piece.begin, piece.sha256),
            piece,
        )
        for piece in output.pieces
    ]


def _stored_pieces(runs: Bucket, manifest: Manifest) -> dict[str, int]:
    folders = {keys.outputs(manifest.run_id, segment.attempt) for segment in manifest.segments}
    return {key: size for folder in folders for key, size in runs.sizes(folder).items()}


def _check_pieces(pieces: Iterable[Range], stored: Mapping[str, int]) -> None:
    for piece in pieces:
        if stored.get(piece.key) != piece.size:
            found = f"{stored[piece.key]:,}" if piece.key in stored else "none"
            raise StorageError(f"{piece.key} should have {piece.size:,} bytes, but has {found}.")
