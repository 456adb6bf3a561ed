"""Hostile archives: nothing leaves the folder, nothing grows without end."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.errors import DropRejectedError
from deckhand.domain.parts import MIB
from deckhand.usecases import unpack_archive as module
from deckhand.usecases.unpack_archive import Limits, unpack_archive

Pack = Callable[[dict[str, bytes]], tuple[bytes, str]]


def packed_zip(files: dict[str, bytes]) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue(), "deck.zip"


def packed_tar(files: dict[str, bytes]) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue(), "deck.tar.gz"


def tar_of(*members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"\0" * member.size))
    return buffer.getvalue()


def unpack(tmp_path: Path, packed: tuple[bytes, str], limits: Limits | None = None) -> list[str]:
    content, name = packed
    archive, target = tmp_path / "packed", tmp_path / "deck"
    archive.write_bytes(content)
    target.mkdir()
    return unpack_archive(archive, name, target, limits or Limits())


both = pytest.mark.parametrize("pack", [packed_zip, packed_tar])


@both
def test_files_come_out_as_they_went_in(tmp_path: Path, pack: Pack) -> None:
    files = {"in.melt": b"run 1\n", "sub/Prüfung 50%+.txt": b"x" * 300_000, "empty": b""}
    assert unpack(tmp_path, pack(files)) == sorted(files)
    assert {name: (tmp_path / "deck" / name).read_bytes() for name in files} == files


@both
def test_one_folder_around_everything_is_left_out(tmp_path: Path, pack: Pack) -> None:
    files = {"melt/in.melt": b"1", "melt/melt": b"2", "__MACOSX/melt/._in.melt": b"3"}
    assert unpack(tmp_path, pack(files)) == ["in.melt", "melt"]
    assert (tmp_path / "deck" / "melt").read_bytes() == b"2"


@both
@pytest.mark.parametrize("name", ["../in.melt", "a/../../b", "/etc/cron.d/x", "a\nb"])
def test_a_member_that_leaves_the_folder_is_refused(tmp_path: Path, pack: Pack, name: str) -> None:
    with pytest.raises(DropRejectedError, match="deck"):
        unpack(tmp_path, pack({"in.melt": b"1", name: b"2"}))
    assert not (tmp_path / "b").exists()
    assert not (tmp_path / "in.melt").exists()


def test_a_windows_path_in_a_zip_is_a_path(tmp_path: Path) -> None:
    content, name = packed_zip({"in.melt": b"1", "sub/data": b"2"})
    windows = content.replace(b"sub/data", b"sub\\data")
    assert unpack(tmp_path, (windows, name)) == ["in.melt", "sub/data"]


def test_a_windows_path_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    content, name = packed_zip({"xx/data": b"2"})
    with pytest.raises(DropRejectedError, match=r"\.\."):
        unpack(tmp_path, (content.replace(b"xx/data", b"..\\data"), name))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("in.melt")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(DropRejectedError, match="link, a device"):
        unpack(tmp_path, (tar_of(member), "deck.tgz"))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("in.melt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DropRejectedError, match="link or a device"):
        unpack(tmp_path, (buffer.getvalue(), "deck.zip"))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    content, name = packed_zip({"in.melt": b"run 1\n"})
    locked = bytearray(content)
    locked[6] |= 1
    locked[content.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(DropRejectedError, match="encrypted"):
        unpack(tmp_path, (bytes(locked), name))


def test_an_unusual_compression_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("in.melt", "run 1\n")
    with pytest.raises(DropRejectedError, match="unusual"):
        unpack(tmp_path, (buffer.getvalue(), "deck.zip"))


@both
def test_a_bomb_is_stopped_by_its_size(tmp_path: Path, pack: Pack) -> None:
    with pytest.raises(DropRejectedError, match="more than 1,000,000 bytes"):
        unpack(tmp_path, pack({"in.melt": b"\0" * 2_000_000}), Limits(unpacked=1_000_000))
    assert (tmp_path / "deck" / "in.melt").stat().st_size <= 1_000_000


@both
def test_a_bomb_is_stopped_by_its_ratio(tmp_path: Path, pack: Pack) -> None:
    with pytest.raises(DropRejectedError, match="200 times its size"):
        unpack(tmp_path, pack({"in.melt": b"\0" * (72 * MIB)}))
    assert (tmp_path / "deck" / "in.melt").stat().st_size <= module.RATIO_MATTERS_FROM


@both
def test_too_many_members_are_refused(tmp_path: Path, pack: Pack) -> None:
    files = {f"f{number}": b"" for number in range(12)}
    with pytest.raises(DropRejectedError, match="more than 10 members"):
        unpack(tmp_path, pack(files), Limits(members=10))


def test_a_zip_that_lies_about_its_members_is_counted(tmp_path: Path) -> None:
    content, name = packed_zip({f"f{number}": b"" for number in range(12)})
    end = content.rindex(b"PK\5\6")
    lying = content[: end + 8] + struct.pack("<2H", 1, 1) + content[end + 12 :]
    with pytest.raises(DropRejectedError):
        unpack(tmp_path, (lying, name), Limits(members=10))


def test_a_zip_that_lies_about_a_size_is_damaged(tmp_path: Path) -> None:
    content, name = packed_zip({"in.melt": b"a" * 1000})
    lying = content.replace(struct.pack("<L", 1000), struct.pack("<L", 10))
    with pytest.raises(DropRejectedError, match="damaged"):
        unpack(tmp_path, (lying, name))


def test_a_zip_with_a_huge_directory_is_refused_unread(tmp_path: Path) -> None:
    content, name = packed_zip({"in.melt": b"1"})
    end = content.rindex(b"PK\5\6")
    huge = content[: end + 12] + struct.pack("<L", 2**31) + content[end + 16 :]
    with pytest.raises(DropRejectedError, match="members"):
        unpack(tmp_path, (huge, name))


@both
def test_a_name_that_comes_twice_is_refused(tmp_path: Path, pack: Pack) -> None:
    packed, name = pack({"in.melt": b"1", "in.xelt": b"2"})
    if name.endswith(".zip"):
        twice = packed.replace(b"in.xelt", b"in.melt")
    else:
        plain = bytearray(gzip.decompress(packed))
        plain[1024:1536] = plain[0:512]
        twice = gzip.compress(bytes(plain))
    with pytest.raises(DropRejectedError, match="twice"):
        unpack(tmp_path, (twice, name))


@both
def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path, pack: Pack) -> None:
    with pytest.raises(DropRejectedError, match="as a file and as a folder"):
        unpack(tmp_path, pack({"a": b"1", "a/b": b"2"}))


def test_a_tar_header_that_never_ends_is_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 64 * MIB
    block = header.tobuf(tarfile.USTAR_FORMAT)
    bomb = gzip.compress(block + b"\0" * header.size, 1)
    with pytest.raises(DropRejectedError, match="header"):
        unpack(tmp_path, (bomb, "deck.tar.gz"))


@both
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_torn_archive_is_damaged(tmp_path: Path, pack: Pack, keep: float) -> None:
    import random

    content, name = pack({"in.melt": random.Random(1).randbytes(50_000)})
    with pytest.raises(DropRejectedError, match="damaged"):
        unpack(tmp_path, (content[: int(len(content) * keep)], name))


@both
@given(noise=st.binary(max_size=400))
def test_noise_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, pack: Pack, noise: bytes
) -> None:
    _, name = pack({})
    try:
        paths = unpack(tmp_path_factory.mktemp("noise"), (noise, name))
    except DropRejectedError:
        return
    assert paths == []


def test_an_empty_archive_holds_nothing(tmp_path: Path) -> None:
    assert unpack(tmp_path, packed_zip({})) == []
