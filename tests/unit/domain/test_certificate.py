"""What a certificate says, and what is refused as one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from deckhand.domain.attempt import Verdict
from deckhand.domain.certificate import (
    Certificate,
    certified_body,
    compose_certificate,
    deck_digest,
    image_of,
    read_certificate,
)
from deckhand.domain.errors import CertificateError
from deckhand.domain.manifest import Segment
from deckhand.domain.run import InputFile
from tests.makers import RUN, admitted_run, ended_attempt, manifest, run_record

NAME = "123456789012.dkr.ecr.us-east-2.amazonaws.com/images:0.1.0"
SEGMENTS = (
    Segment(attempt=1, from_step=0, to_step=1000),
    Segment(attempt=3, from_step=1000, to_step=5000, seeds=(17, 4)),
)


def certificate(**change: Any) -> Certificate:
    made = compose_certificate(
        run_record(), admitted_run(), manifest(5000, 3, *SEGMENTS), [certified_body("log", b"x\n")]
    )
    return made.model_copy(update=change)


def images(*names: str | None) -> tuple[str | None, str | None, str]:
    attempts = [
        ended_attempt(number, Verdict.INTERRUPTED, image=name)
        for number, name in zip((1, 3), names, strict=True)
    ]
    return image_of(run_record(attempts=tuple(attempts)), SEGMENTS)


def test_the_lineage_tells_where_each_attempt_resumed_and_its_seeds() -> None:
    first, second = certificate().lineage
    assert (first.resumed_from, first.seeds) == (None, ())
    assert (second.resumed_from, second.seeds) == ("000000001000-a1", (17, 4))


def test_the_digest_of_a_deck_is_that_of_what_sha256sum_prints() -> None:
    bodies = {"in.melt": b"run 1\n", "a b/chains.data": b"atoms\n"}
    digests = {path: hashlib.sha256(body).hexdigest() for path, body in bodies.items()}
    inputs = [
        InputFile(path=path, version_id="1", size=len(body), sha256=digests[path])
        for path, body in bodies.items()
    ]
    printed = "".join(f"{digests[path]}  {path}\n" for path in sorted(bodies))
    assert deck_digest(inputs) == hashlib.sha256(printed.encode()).hexdigest()


def test_the_image_is_as_well_known_as_the_attempts_know_it() -> None:
    digest = f"sha256:{'1' * 64}"
    assert images(f"images@{digest}", f"images@{digest}") == (f"images@{digest}", digest, "")
    name, unknown_digest, why = images(NAME, None)
    assert (name, unknown_digest) == (NAME, None)
    assert "tag only" in why
    assert images(None, None)[:2] == (None, None)
    assert "No attempt" in images(None, None)[2]
    assert "several images: a:1, b:2" in images("a:1", "b:2")[2]


def test_a_certificate_reads_back() -> None:
    made = certificate()
    assert read_certificate(made.model_dump_json(indent=1), RUN) == made


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": "two"}', "[" * 10_000])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(CertificateError, match="is damaged"):
        read_certificate(text)


def test_a_certificate_of_the_future_is_not_called_damaged() -> None:
    with pytest.raises(CertificateError, match=r"schema 2.* newer Deckhand"):
        read_certificate(json.dumps({"schema_version": 2, "results": "otherwise"}))


def test_the_certificate_of_another_run_is_refused() -> None:
    with pytest.raises(CertificateError, match=f"that of run {RUN}"):
        read_certificate(certificate().model_dump_json(), "another-run")


@pytest.mark.parametrize("field", ["size", "pieces_sha256"])
def test_a_file_that_contradicts_its_pieces_is_refused(field: str) -> None:
    document = json.loads(certificate().model_dump_json())
    document["files"][0][field] = 3 if field == "size" else "0" * 64
    with pytest.raises(CertificateError, match="log is not the sum of its pieces"):
        read_certificate(json.dumps(document))


def test_a_changed_digest_of_a_piece_is_noticed() -> None:
    document = json.loads(certificate().model_dump_json())
    document["files"][0]["pieces"][0]["sha256"] = "0" * 64
    with pytest.raises(CertificateError, match="log is not the sum of its pieces"):
        read_certificate(json.dumps(document))
