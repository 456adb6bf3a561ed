"""The record of calls: one of each kind, as it comes."""

from __future__ import annotations

from pathlib import Path

from localcloud.calls import FILE, Call, Calls, read

ROLE = "deckhand-local-JobRole-4D5F30154C7E6"


def test_calls_that_differ_by_numbers_and_digests_are_of_one_kind(tmp_path: Path) -> None:
    calls = Calls(tmp_path / FILE)
    first = Call(f"{ROLE}/a", "s3:PutObject", "arn:aws:s3:::b/runs/one-17b00979dab6/attempts/1/x")
    calls.note(first)
    calls.note(
        Call(f"{ROLE}/b", "s3:PutObject", "arn:aws:s3:::b/runs/one-0123456789ab/attempts/2/x")
    )
    assert read(tmp_path / FILE) == [first]


def test_a_call_that_was_refused_or_has_another_condition_is_another_kind(tmp_path: Path) -> None:
    made = [
        Call(ROLE, "s3:ListBucket", "arn:aws:s3:::b"),
        Call(ROLE, "s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "runs/"}),
        Call(ROLE, "s3:ListBucket", "arn:aws:s3:::b", allowed=False),
        Call("events.amazonaws.com", "s3:ListBucket", "arn:aws:s3:::b"),
    ]
    calls = Calls(tmp_path / FILE)
    for call in (*made, *made):
        calls.note(call)
    assert read(tmp_path / FILE) == made


def test_a_new_cloud_has_made_no_calls_yet(tmp_path: Path) -> None:
    Calls(tmp_path / FILE).note(Call(ROLE, "s3:ListBucket", "arn:aws:s3:::b"))
    Calls(tmp_path / FILE)
    assert read(tmp_path / FILE) == []
