"""Verify results, in the cloud or downloaded, against the certificate of their run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deckhand.domain import keys
from deckhand.domain.certificate import Certificate, CertifiedFile, read_certificate
from deckhand.domain.errors import CertificateError, StorageError
from deckhand.domain.verification import CheckedFile, Condition, Verification, check_file
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Bucket

CHUNK: Final = 1024 * 1024


@dataclass(frozen=True)
class Results:
    """The results of a run, wherever they lie, by their paths; `certificate` is not among them."""

    certificate: Certificate
    sizes: Mapping[str, int]
    stream: Callable[[str], Iterator[bytes]]

    @property
    def bytes_to_read(self) -> int:
        certified = {file.path for file in self.certificate.files}
        return sum(size for path, size in self.sizes.items() if path in certified)


def results_in_cloud(runs: Bucket, run_id: str) -> Results:
    """Raises CertificateError."""
    text = runs.read(keys.certificate(run_id))
    if text is None:
        raise CertificateError(
            f"{run_id} has no certificate: it gets one when it is closed with results. "
            f"`deckhand show {run_id}` says where it is."
        )
    folder = keys.results(run_id)
    sizes = {key.removeprefix(folder): size for key, size in runs.sizes(folder).items()}
    return _results(read_certificate(text, run_id), sizes, lambda path: runs.stream(folder + path))


def results_in_folder(folder: Path) -> Results:
    """What `deckhand results` has put there; raises CertificateError."""
    try:
        text = (folder / keys.CERTIFICATE_NAME).read_bytes()
    except FileNotFoundError:
        raise CertificateError(
            f"{folder} has no {keys.CERTIFICATE_NAME}; `deckhand results` downloads it with the "
            "results. With --cloud the run of that name is verified, not the folder."
        ) from None
    files = (path for path in folder.rglob("*") if path.is_file())
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    return _results(read_certificate(text), sizes, lambda path: _chunks(folder / path))


def verify_results(
    results: Results, progress: Callable[[int], object] = lambda size: None
) -> Verification:
    """Read all that is certified; *progress* is told of the bytes, from several threads."""

    def check(certified: CertifiedFile) -> CheckedFile:
        missing = CheckedFile(path=certified.path, condition=Condition.MISSING, size=certified.size)
        if certified.path not in results.sizes:
            return missing
        try:
            return check_file(certified, _reported(results.stream(certified.path), progress))
        except (StorageError, FileNotFoundError):
            return missing  # deleted since it was listed

    certificate = results.certificate
    checked = in_parallel(check, certificate.files)
    beside = results.sizes.keys() - {file.path for file in certificate.files}
    checked += [
        CheckedFile(path=path, condition=Condition.NOT_CERTIFIED, size=results.sizes[path])
        for path in beside
    ]
    by_path = sorted(checked, key=lambda file: file.path)
    return Verification(run_id=certificate.run_id, files=tuple(by_path))


def _results(
    certificate: Certificate, sizes: Mapping[str, int], stream: Callable[[str], Iterator[bytes]]
) -> Results:
    listed = {path: size for path, size in sizes.items() if path != keys.CERTIFICATE_NAME}
    return Results(certificate, listed, stream)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _reported(chunks: Iterator[bytes], progress: Callable[[int], object]) -> Iterator[bytes]:
    for chunk in chunks:
        progress(len(chunk))
        yield chunk
