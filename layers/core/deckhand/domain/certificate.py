"""The certificate of a closed run: where its results come from and what their bytes are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from pydantic import ValidationError, model_validator

from deckhand.domain.deck import Frozen
from deckhand.domain.errors import CertificateError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import RunRecord
from deckhand.domain.manifest import Manifest, Segment
from deckhand.domain.run import Contract, InputFile, Run, RunState

SCHEMA_VERSION: Final = 1


class CertifiedPiece(Frozen):
    """The next `size` bytes of a file, with the sha256 that they had when they were written."""

    size: int
    sha256: str


class CertifiedFile(Frozen):
    """A file below results/: nothing but its pieces, in this order.

    `sha256` is that of the whole file; it is None where nobody has read the file as a whole.
    """

    path: str
    size: int
    sha256: str | None
    pieces_sha256: str
    pieces: tuple[CertifiedPiece, ...]

    @model_validator(mode="after")
    def _agrees(self) -> CertifiedFile:
        sizes = [piece.size for piece in self.pieces]
        if sum(sizes) != self.size or pieces_digest(self.pieces) != self.pieces_sha256:
            raise ValueError(f"{self.path} is not the sum of its pieces")
        return self


class CertifiedSegment(Frozen):
    """The steps an attempt covers and the checkpoint it resumed from, None for the beginning.

    `seeds` were drawn anew when it resumed; the first segment has those of the deck.
    """

    attempt: int
    from_step: int
    to_step: int
    resumed_from: str | None
    seeds: tuple[int, ...]


class Certificate(Frozen):
    """results/certificate.json; docs/decisions/0012 says what it proves and what it does not.

    There is one LAMMPS version and one set of flags, for no attempt resumes with another version
    and all attempts of a run have one job definition. `image_unknown` says why `image_digest` is
    None.
    """

    schema_version: Literal[1] = 1
    run_id: str
    state: RunState
    deck: str
    deck_sha256: str
    image: str | None
    image_digest: str | None
    image_unknown: str
    lammps_version: str
    lammps_flags: tuple[str, ...]
    contract: Contract
    lineage: tuple[CertifiedSegment, ...]
    files: tuple[CertifiedFile, ...]

    def with_files(self, *files: CertifiedFile) -> Certificate:
        return self.model_copy(update={"files": (*self.files, *files)})


class Image(NamedTuple):
    """The container image of a run: its name, its digest, or why that is not known."""

    name: str | None
    digest: str | None
    unknown: str


def compose_certificate(
    record: RunRecord, run: Run, manifest: Manifest, files: Sequence[CertifiedFile]
) -> Certificate:
    image = image_of(record, manifest.segments)
    return Certificate(
        run_id=record.run_id,
        state=record.state,
        deck=run.deck,
        deck_sha256=deck_digest(run.inputs),
        image=image.name,
        image_digest=image.digest,
        image_unknown=image.unknown,
        lammps_version=manifest.lammps_version,
        lammps_flags=manifest.lammps_flags,
        contract=run.contract,
        lineage=tuple(_lineage(manifest.segments)),
        files=tuple(files),
    )


def certified_file(
    path: str, pieces: Iterable[CertifiedPiece], sha256: str | None = None
) -> CertifiedFile:
    """A file of these pieces; *sha256* is needed only where there is more than one of them."""
    listed = tuple(pieces)
    return CertifiedFile(
        path=path,
        size=sum(piece.size for piece in listed),
        sha256=listed[0].sha256 if len(listed) == 1 else sha256,
        pieces_sha256=pieces_digest(listed),
        pieces=listed,
    )


def certified_body(path: str, body: bytes) -> CertifiedFile:
    return certified_file(
        path, [CertifiedPiece(size=len(body), sha256=hashlib.sha256(body).hexdigest())]
    )


def pieces_digest(pieces: Iterable[CertifiedPiece]) -> str:
    """The sha256 of the lines `<size> <sha256>`, one for each piece."""
    return _digest(f"{piece.size} {piece.sha256}" for piece in pieces)


def deck_digest(inputs: Iterable[InputFile]) -> str:
    """The sha256 of the lines `<sha256>  <path>`, by path: of what `sha256sum` says of the deck."""
    by_path = sorted(inputs, key=lambda item: item.path)
    return _digest(f"{item.sha256}  {item.path}" for item in by_path)


def image_of(record: RunRecord, segments: Iterable[Segment]) -> Image:
    """The image that the attempts of a lineage ran in, as AWS Batch told of their jobs."""
    attempts = [record.attempt(segment.attempt) for segment in segments]
    names = sorted({item.image for item in attempts if item is not None and item.image})
    if not names:
        return Image(None, None, "No attempt of the lineage knows the image of its job.")
    if len(names) > 1:
        return Image(None, None, f"The attempts ran in several images: {', '.join(names)}.")
    digest = names[0].partition("@")[2]
    if not digest:
        return Image(names[0], None, "AWS Batch tells the image of a job by its tag only.")
    return Image(names[0], digest, "")


def read_certificate(text: str | bytes, run_id: str | None = None) -> Certificate:
    """Parse a certificate, of *run_id* if that is given; raises CertificateError."""
    _check_schema(text)
    try:
        certificate = Certificate.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise CertificateError(f"The certificate is damaged: {where}: {first['msg']}.") from error
    if run_id is not None and certificate.run_id != run_id:
        raise CertificateError(f"The certificate is that of run {certificate.run_id}.")
    return certificate


def _check_schema(text: str | bytes) -> None:
    """A certificate of the future must not be taken for a damaged one."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise CertificateError(
            f"The certificate has schema {version}; this Deckhand knows schemas up to "
            f"{SCHEMA_VERSION}. Verify it with a newer Deckhand."
        )


def _lineage(segments: Iterable[Segment]) -> Iterator[CertifiedSegment]:
    parent: str | None = None
    for segment in segments:
        yield CertifiedSegment(
            attempt=segment.attempt,
            from_step=segment.from_step,
            to_step=segment.to_step,
            resumed_from=parent,
            seeds=segment.seeds,
        )
        parent = str(CheckpointId(segment.to_step, segment.attempt))


def _digest(lines: Iterable[str]) -> str:
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(f"{line}\n".encode())
    return hasher.hexdigest()
