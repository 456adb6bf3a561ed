"""Copy the inputs of a run to where nobody changes them, with the sha256 of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from deckhand.domain import keys
from deckhand.domain.deck import MAX_NAME_BYTES
from deckhand.domain.errors import DropRejectedError
from deckhand.domain.run import InputFile
from deckhand.usecases.gather_files import Found, sha256_of
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Bucket

CHUNK: Final = 1024 * 1024
MANY_ATTEMPTS: Final = 9_999
ANY_DIGEST: Final = "0" * 64


def freeze_deck(
    inbox: Bucket, runs: Bucket, run_id: str, deck: str, files: Sequence[Found]
) -> tuple[InputFile, ...]:
    for found in files:
        _check_key(keys.deck(run_id, found.path), found.path)
    # Whatever it is called: a simulation whose outputs cannot be stored is paid for in vain.
    output = PurePosixPath(deck).with_name("x" * MAX_NAME_BYTES)
    _check_key(keys.output_piece(run_id, MANY_ATTEMPTS, str(output), 0, ANY_DIGEST), deck)
    return tuple(in_parallel(lambda found: _freeze(inbox, runs, run_id, found), files))


def _check_key(key: str, path: str) -> None:
    if len(key.encode()) > keys.MAX_KEY_BYTES:
        raise DropRejectedError(
            f"The path {path[:60]!r}… is too long for S3 to hold it and the outputs beside it. "
            "Use shorter folder names."
        )


def _freeze(inbox: Bucket, runs: Bucket, run_id: str, found: Found) -> InputFile:
    key = keys.deck(run_id, found.path)
    if found.local is not None:
        runs.upload(key, found.local)
        sha256 = found.sha256 or sha256_of(_chunks(found.local))
    else:
        runs.take(inbox, found.item, key)
        stream = inbox.stream(found.item.key, found.item.version_id)
        sha256 = found.sha256 or sha256_of(stream)
    return InputFile(
        path=found.path, version_id=found.item.version_id, size=found.size, sha256=sha256
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
