"""Find the output of a closed run that no manifest names: what attempts stored after their last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deckhand.domain import keys
from deckhand.domain.errors import ManifestError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.manifest import Manifest, read_manifest
from deckhand.usecases.ports import Bucket


def unnamed_outputs(runs: Bucket, record: RunRecord, kept: Iterable[Manifest]) -> list[str]:
    """The keys of pieces and heads that neither a kept checkpoint nor an end of the run names.

    Those of an attempt without a verdict may still be named. None at all where an end of the run
    cannot be read: it may name any of them.
    """
    try:
        naming = [*kept, *_ends(runs, record)]
    except ManifestError:
        return []
    named = {key for manifest in naming for key in _named_by(manifest)}
    return [
        key
        for attempt in record.attempts
        if attempt.verdict is not None
        for key in runs.sizes(keys.outputs(record.run_id, attempt.number))
        if key not in named
    ]


def _ends(runs: Bucket, record: RunRecord) -> Iterator[Manifest]:
    for attempt in record.attempts:
        content = runs.read(keys.completion(record.run_id, attempt.number))
        if content is not None:
            yield read_manifest(content, record.run_id)


def _named_by(manifest: Manifest) -> Iterator[str]:
    run_id = manifest.run_id
    for segment in manifest.segments:
        attempt = segment.attempt
        for output in segment.outputs:
            for piece in output.pieces:
                yield keys.output_piece(run_id, attempt, output.path, piece.begin, piece.sha256)
            if (head := output.head) is not None:
                yield keys.output_head(run_id, attempt, output.path, head.begin, head.sha256)
