"""Certify the results of a run with the digests that its attempts took when they wrote them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from deckhand.domain import keys
from deckhand.domain.certificate import (
    Certificate,
    CertifiedFile,
    CertifiedPiece,
    certified_file,
    compose_certificate,
)
from deckhand.domain.ledger import RunRecord
from deckhand.domain.manifest import Manifest, Piece
from deckhand.domain.report import Result
from deckhand.domain.run import Run
from deckhand.domain.verification import Condition, check_file
from deckhand.usecases.finalise import output_pieces
from deckhand.usecases.ports import Bucket

READ_AT_MOST: Final = 8 * 1024 * 1024
"""A joined result of more bytes than this is not read to be certified."""


@dataclass(frozen=True)
class Certified:
    """A certificate, None where there can be none, and what was found to be wrong on the way."""

    certificate: Certificate | None = None
    problems: tuple[str, ...] = ()


def certify(
    runs: Bucket, record: RunRecord, manifest: Manifest | None, results: Sequence[Result]
) -> Certified:
    """Safe to repeat. What is wrong becomes a problem: the run is closed all the same."""
    if manifest is None or not results:
        return Certified()
    try:
        run = Run.model_validate_json(runs.read(keys.run_record(record.run_id)) or b"")
    except ValidationError:
        problem = f"{keys.CERTIFICATE_NAME}: {keys.run_record(record.run_id)} cannot be read."
        return Certified(problems=(problem,))
    stored = output_pieces(manifest)
    made = [
        _certified(runs, record.run_id, result, [item.piece for item in stored[result.path]])
        for result in results
    ]
    certificate = compose_certificate(record, run, manifest, [file for file, _ in made])
    return Certified(certificate, tuple(problem for _, problem in made if problem))


def _certified(
    runs: Bucket, run_id: str, result: Result, pieces: Sequence[Piece]
) -> tuple[CertifiedFile, str]:
    """The result and, if it was read, what is wrong with it."""
    path = result.key.removeprefix(keys.results(run_id))
    listed = [CertifiedPiece(size=piece.size, sha256=piece.sha256) for piece in pieces]
    file = certified_file(path, listed)
    if file.sha256 is not None or file.size > READ_AT_MOST:
        return file, ""
    body = runs.read(result.key) or b""
    checked = check_file(file, [body])
    if checked.condition is not Condition.OK:
        where = ", ".join(str(item) for item in checked.damaged)
        return file, f"{result.path}: {where} are not what the attempts wrote."
    return certified_file(path, listed, hashlib.sha256(body).hexdigest()), ""
