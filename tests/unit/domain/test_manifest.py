"""A manifest is believed as it was written, by its own run, and in no other form."""

from __future__ import annotations

import json

import pytest

from deckhand.domain.errors import ManifestError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, Segment, read_manifest
from tests.makers import RUN, manifest, output

OUTPUTS = (output("log.lammps", b"1000\n", b"2000\n"), output("größe.dat", b"1\n"))
FIRST = Segment(attempt=1, from_step=0, to_step=2000, outputs=OUTPUTS)
SECOND = Segment(attempt=3, from_step=2000, to_step=5000, seeds=(17,))


def written() -> bytes:
    made = manifest(5000, 3, FIRST, SECOND, parent="000000002000-a1")
    return made.model_dump_json().encode()


def read(document: object) -> Manifest:
    return read_manifest(json.dumps(document), RUN)


def test_a_manifest_is_read_as_it_was_made() -> None:
    assert read_manifest(written(), RUN) == manifest(
        5000, 3, FIRST, SECOND, parent="000000002000-a1"
    )


def test_only_what_is_said_counts() -> None:
    document = json.loads(written())
    turned = dict(reversed(document.items()))
    assert read(turned) == read_manifest(written(), RUN)


def test_no_flipped_bit_passes() -> None:
    body = written()
    for at in range(len(body)):
        for bit in range(8):
            flipped = body[:at] + bytes([body[at] ^ 1 << bit]) + body[at + 1 :]
            with pytest.raises(ManifestError):
                read_manifest(flipped, RUN)


def test_no_cut_passes() -> None:
    body = written()
    for end in range(len(body)):
        with pytest.raises(ManifestError):
            read_manifest(body[:end], RUN)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sha256": "0" * 64}, "not as it was written"),
        ({"sha256": None}, "not as it was written"),
        ({"schema_version": 2}, "schema_version"),
        ({"added_later": 1}, "added_later"),
        ({"run_id": "film-0123456789abcdef"}, "belongs to run film-0123456789abcdef"),
    ],
)
def test_another_document_is_refused_with_the_reason(
    change: dict[str, object], reason: str
) -> None:
    with pytest.raises(ManifestError, match=reason):
        read({**json.loads(written()), **change})


def test_the_way_to_a_manifest_is_that_of_its_segments() -> None:
    made = read_manifest(written(), RUN)
    on_the_way = [CheckpointId(1000, 1), CheckpointId(2000, 1), CheckpointId(4000, 3)]
    beside = [CheckpointId(3000, 1), CheckpointId(3000, 2), CheckpointId(6000, 3)]
    assert all(made.leads_past(item) for item in on_the_way)
    assert not any(made.leads_past(item) for item in beside)
