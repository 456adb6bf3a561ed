"""The contract of a bucket, kept by S3 (moto), by a folder and by the fake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deckhand.adapters.folder import FolderBucket
from deckhand.adapters.s3 import Bucket as S3Bucket
from deckhand.domain.deck import DropObject
from deckhand.domain.errors import StorageError
from deckhand.domain.parts import MIB, Range, plan_parts
from deckhand.usecases.ports import Bucket
from tests.fakes import FakeBucket

STRANGE = ["a b/c+d%20.txt", "prüfung/ß&=?#.data", "/".join(["d" * 180] * 5), "x'\"<>"]


@pytest.fixture(params=["fake", "folder", "s3"])
def make(
    request: pytest.FixtureRequest,
    aws: Callable[[str], Any],
    make_bucket: Callable[[], str],
    tmp_path: Path,
) -> Callable[[], Bucket]:
    if request.param == "fake":
        return lambda: FakeBucket(make_bucket())
    if request.param == "folder":
        return lambda: FolderBucket(tmp_path / "buckets" / make_bucket())
    return lambda: S3Bucket(aws("s3"), make_bucket())


@pytest.fixture
def bucket(make: Callable[[], Bucket]) -> Bucket:
    return make()


@pytest.fixture
def make_versioned(make: Callable[[], Bucket]) -> Callable[[], Bucket]:
    if isinstance(make(), FolderBucket):
        pytest.skip("a folder keeps one version of each object")
    return make


def only(bucket: Bucket, prefix: str) -> DropObject:
    [item] = bucket.current(prefix)
    return item


@pytest.mark.parametrize("key", STRANGE)
def test_what_is_written_is_read(bucket: Bucket, key: str) -> None:
    bucket.write(key, b"content")
    assert bucket.read(key) == b"content"
    assert bucket.sizes("") == {key: 7}
    assert only(bucket, key).key == key


def test_there_is_nothing_where_nothing_was_written(bucket: Bucket) -> None:
    assert bucket.read("no") is None
    assert (bucket.current("no"), bucket.sizes("no")) == ([], {})
    with pytest.raises(StorageError):
        list(bucket.stream("no"))


def test_the_newest_version_counts_and_the_older_can_be_read(
    make_versioned: Callable[[], Bucket],
) -> None:
    bucket = make_versioned()
    bucket.write("key", b"old")
    old = only(bucket, "key")
    bucket.write("key", b"newer")
    new = only(bucket, "key")
    assert (new.size, new.version_id != old.version_id) == (5, True)
    assert bucket.read("key", old.version_id) == b"old"
    assert b"".join(bucket.stream("key", new.version_id)) == b"newer"
    assert new.last_modified.tzinfo is not None


def test_deleted_objects_are_not_there(bucket: Bucket) -> None:
    for key in ("a/1", "a/2", "b"):
        bucket.write(key, b"x")
    bucket.delete(["a/1", "a/2", "never"])
    assert (bucket.current("a/"), bucket.read("a/1"), bucket.sizes("")) == ([], None, {"b": 1})
    bucket.delete([])


def test_a_listing_is_sorted_by_key(bucket: Bucket) -> None:
    for key in ("d/b", "d/a", "d/c", "e"):
        bucket.write(key, b"")
    assert [item.key for item in bucket.current("d/")] == ["d/a", "d/b", "d/c"]


def test_the_latest_tells_of_what_was_deleted_by_key(
    make_versioned: Callable[[], Bucket],
) -> None:
    bucket = make_versioned()
    for key in ("d/b", "d/a", "d/c", "d/b", "e"):
        bucket.write(key, b"x")
    bucket.delete(["d/a"])
    latest = list(bucket.latest("d/"))
    assert [(item.key, item.size, there) for item, there in latest] == [
        ("d/a", 0, False),
        ("d/b", 1, True),
        ("d/c", 1, True),
    ]
    assert all(item.last_modified.tzinfo is not None for item, _ in latest)
    bucket.write("d/a", b"again")
    assert all(there for _, there in bucket.latest("d/"))


def test_only_the_first_creates(bucket: Bucket) -> None:
    assert bucket.create("key", b"first") is True
    assert bucket.create("key", b"second") is False
    assert bucket.read("key") == b"first"


def test_a_local_file_is_uploaded(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"local")
    bucket.upload("key", tmp_path / "file")
    assert bucket.read("key") == b"local"


def test_an_object_becomes_a_local_file(bucket: Bucket, tmp_path: Path) -> None:
    bucket.write("key", b"stored")
    (tmp_path / "file").write_bytes(b"what was there before")
    bucket.download("key", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"stored"
    with pytest.raises(StorageError):
        bucket.download("no", tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("key", STRANGE)
def test_exactly_that_version_is_taken(make_versioned: Callable[[], Bucket], key: str) -> None:
    source, target = make_versioned(), make_versioned()
    source.write(key, b"this one")
    wanted = only(source, key)
    source.write(key, b"not this one")
    target.take(source, wanted, f"runs/x/deck/{key}")
    assert target.read(f"runs/x/deck/{key}") == b"this one"


def test_a_version_that_is_gone_cannot_be_taken(make: Callable[[], Bucket]) -> None:
    source, target = make(), make()
    source.write("key", b"x")
    gone = only(source, "key").model_copy(update={"key": "other"})
    with pytest.raises(StorageError):
        target.take(source, gone, "key")


@pytest.mark.parametrize(
    "sizes",
    [[], [3], [3, 4], [6 * MIB], [1, 6 * MIB], [6 * MIB, 1], [MIB, MIB, 11 * MIB, 2 * MIB, 7]],
)
def test_pieces_are_joined_without_losing_a_byte(bucket: Bucket, sizes: list[int]) -> None:
    contents = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    pieces = [Range(f"piece +{number}", 0, size) for number, size in enumerate(sizes)]
    for piece, content in zip(pieces, contents, strict=True):
        bucket.write(piece.key, content)
    bucket.join("results/dump ü.xyz", plan_parts(pieces))
    assert bucket.read("results/dump ü.xyz") == b"".join(contents)


# A torn piece that S3 copies itself is refused by S3, but copied short by moto.
@pytest.mark.parametrize(
    ("sizes", "torn"), [([3, 3], None), ([3, 3], b"t"), ([6 * MIB, 6 * MIB], None)]
)
def test_a_piece_that_is_gone_or_torn_makes_no_result(
    bucket: Bucket, sizes: list[int], torn: bytes | None
) -> None:
    pieces = [Range(f"piece-{number}", 0, size) for number, size in enumerate(sizes)]
    bucket.write("piece-0", b"x" * sizes[0])
    if torn is not None:
        bucket.write("piece-1", torn)
    with pytest.raises(StorageError):
        bucket.join("result", plan_parts(pieces))
    assert bucket.read("result") is None


def test_an_upload_that_failed_is_not_left_behind(
    aws: Callable[[str], Any], make_bucket: Callable[[], str]
) -> None:
    name = make_bucket()
    bucket = S3Bucket(aws("s3"), name)
    with pytest.raises(StorageError):
        bucket.join("result", plan_parts([Range("gone", 0, 6 * MIB)]))
    assert "Uploads" not in aws("s3").list_multipart_uploads(Bucket=name)


def test_a_folder_gives_a_version_only_while_it_is_the_newest(tmp_path: Path) -> None:
    source, target = FolderBucket(tmp_path / "a"), FolderBucket(tmp_path / "b")
    source.write("key", b"old")
    old = only(source, "key")
    target.take(source, old, "taken")
    assert target.read("taken") == b"old"
    source.write("key", b"newer")
    assert source.read("key", old.version_id) is None
    with pytest.raises(StorageError):
        target.take(source, old, "again")
    assert list(target.sizes("")) == ["taken"]


def test_a_folder_is_found_again_by_its_url(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "with blank #1 ü")
    bucket.write("a", b"1")
    bucket.write("a/b", b"2")
    assert FolderBucket.from_url(bucket.name).sizes("") == {"a": 1, "a/b": 1}


@pytest.mark.parametrize("key", ["", "../out", "a//b", "a/./b", "/a", "a/"])
def test_a_folder_is_not_left(tmp_path: Path, key: str) -> None:
    with pytest.raises(StorageError):
        FolderBucket(tmp_path / "bucket").write(key, b"x")
