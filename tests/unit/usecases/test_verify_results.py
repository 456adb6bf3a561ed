"""Results in a bucket and in a folder, held against their certificate."""

from __future__ import annotations

from pathlib import Path

import pytest

from deckhand.domain import keys
from deckhand.domain.certificate import certified_body, compose_certificate
from deckhand.domain.errors import CertificateError
from deckhand.domain.verification import Condition
from deckhand.usecases.verify_results import (
    Results,
    results_in_cloud,
    results_in_folder,
    verify_results,
)
from tests.fakes import FakeBucket
from tests.makers import RUN, admitted_run, manifest, run_record

FILES = {"log.lammps": b"Step\n" * 1000, "dump/späte bilder+.xyz": b"frame\n", "empty.txt": b""}
CERTIFICATE = (
    compose_certificate(
        run_record(),
        admitted_run(),
        manifest(10, 1),
        [certified_body(path, body) for path, body in FILES.items()],
    )
    .model_dump_json()
    .encode()
)


class Place:
    """Where results lie: a bucket or a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.bucket = FakeBucket()
        for path, body in FILES.items():
            self.put(path, body)
        self.put(keys.CERTIFICATE_NAME, CERTIFICATE)

    def put(self, path: str, body: bytes) -> None:
        if self.folder is None:
            self.bucket.write(keys.result(RUN, path), body)
        else:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(body)

    def remove(self, path: str) -> None:
        if self.folder is None:
            self.bucket.delete([keys.result(RUN, path)])
        else:
            (self.folder / path).unlink()

    def results(self) -> Results:
        if self.folder is None:
            return results_in_cloud(self.bucket, RUN)
        return results_in_folder(self.folder)


@pytest.fixture(params=["cloud", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(tmp_path if request.param == "folder" else None)


def conditions(results: Results) -> dict[str, Condition]:
    return {file.path: file.condition for file in verify_results(results).files}


def test_results_as_they_were_written_verify(place: Place) -> None:
    assert conditions(place.results()) == dict.fromkeys(sorted(FILES), Condition.OK)


def test_each_file_is_judged_by_itself(place: Place) -> None:
    place.put("log.lammps", b"Step\n" * 999)
    place.put("notes.txt", b"mine")
    place.remove("dump/späte bilder+.xyz")
    found = verify_results(place.results())
    assert not found.ok
    assert {file.path: file.condition for file in found.files} == {
        "dump/späte bilder+.xyz": Condition.MISSING,
        "empty.txt": Condition.OK,
        "log.lammps": Condition.DAMAGED,
        "notes.txt": Condition.NOT_CERTIFIED,
    }


def test_a_file_that_goes_while_it_is_looked_for_is_missing(place: Place) -> None:
    results = place.results()
    place.remove("log.lammps")
    assert conditions(results)["log.lammps"] is Condition.MISSING


def test_progress_is_told_of_every_byte_that_is_read(place: Place) -> None:
    place.put("notes.txt", b"nobody reads these")
    results = place.results()
    told: list[int] = []
    verify_results(results, told.append)
    assert sum(told) == results.bytes_to_read == sum(map(len, FILES.values()))


def test_what_has_no_certificate_says_how_to_get_one(place: Place) -> None:
    place.remove(keys.CERTIFICATE_NAME)
    with pytest.raises(CertificateError, match=r"deckhand (show|results)"):
        place.results()


@pytest.mark.parametrize(
    ("text", "expected"),
    [(CERTIFICATE[:-9], "is damaged"), (b'{"schema_version": 2}', "a newer Deckhand")],
)
def test_a_certificate_that_cannot_be_read_says_why(
    place: Place, text: bytes, expected: str
) -> None:
    place.put(keys.CERTIFICATE_NAME, text)
    with pytest.raises(CertificateError, match=expected):
        place.results()


def test_the_certificate_of_another_run_does_not_count() -> None:
    bucket = FakeBucket()
    bucket.write(keys.certificate("other"), CERTIFICATE)
    with pytest.raises(CertificateError, match=RUN):
        results_in_cloud(bucket, "other")
