"""The frames of a finished trajectory: of which step each is, and whether it is whole."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from deckhand.lammps.records import binary
from deckhand.lammps.records.record import Record

TORN: Final = -1
"""In the place of a number of atoms: a line of the frame is missing, doubled or cut."""

_XYZ_FRAME = re.compile(rb"^(\d+)\n.*Timestep[:=] ?(-?\d+).*\n", re.MULTILINE)
_YAML_FRAME: Final = b"---\ncreator: LAMMPS\n"


class Frame(NamedTuple):
    """A frame of a trajectory; *atoms* is TORN unless each of its atoms is there once."""

    step: int
    atoms: int


def frames(trajectory: bytes) -> Iterator[Frame]:
    """The frames of a dump of any style that is one file; none of another file."""
    reader = _reader_of(trajectory)
    return reader(trajectory) if reader is not None else iter(())


def is_trajectory(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return _reader_of(head) is not None


def _reader_of(text: bytes) -> Callable[[bytes], Iterator[Frame]] | None:
    return next((reader for begin, reader in _READERS.items() if begin.match(text)), None)


_NO_ROWS: Final = (b"BOX", b"UNITS", b"TIME", b"DIMENSION")
_CELLS: Final = b"GRID CELLS"


def _native(dump: bytes) -> Iterator[Frame]:
    for text in dump.split(b"ITEM: TIMESTEP\n")[1:]:
        step, *items = text.split(b"ITEM: ")
        wanted, names, rows = TORN, b"", b""
        for item in items:
            title, _, body = item.partition(b"\n")
            if title.startswith(b"NUMBER OF"):
                wanted = _last_int(body)
            elif title.startswith(b"GRID SIZE"):
                wanted = math.prod(map(int, body.split()))
            elif not title.startswith(_NO_ROWS):
                names, rows = title, body
                break
        columns = names.removeprefix(_CELLS).split()[not names.startswith(_CELLS) :]
        lines = [line.split() for line in rows.splitlines()]
        yield Frame(_last_int(step), _whole(lines, columns, wanted))


def _yaml(dump: bytes) -> Iterator[Frame]:
    for text in dump.split(_YAML_FRAME)[1:]:
        step = re.search(rb"^timestep: (-?\d+)\n", text, re.MULTILINE)
        atoms = re.search(rb"^natoms: (\d+)\n", text, re.MULTILINE)
        rows = text.partition(b"\ndata:\n")[2].removesuffix(b"...\n").splitlines()
        whole = atoms is not None and len(rows) == int(atoms[1]) and text.endswith(b"...\n")
        whole = whole and all(row.startswith(b"  - [") and row.endswith(b"]") for row in rows)
        yield Frame(int(step[1]) if step else TORN, len(rows) if whole else TORN)


def _xyz(dump: bytes) -> Iterator[Frame]:
    heads = list(_XYZ_FRAME.finditer(dump))
    ends = [head.start() for head in heads[1:]] + [len(dump)]
    for head, end in zip(heads, ends, strict=True):
        atoms = dump.count(b"\n", head.end(), end)
        yield Frame(int(head[2]), atoms if atoms == int(head[1]) else TORN)


def _dcd(dump: bytes) -> Iterator[Frame]:
    """By their number, but for the last one, whose step the head has as well."""
    head = binary.dcd_head(dump)
    if head is None:
        yield Frame(TORN, TORN)
        return
    size = binary.dcd_frame_size(head)
    count, rest = divmod(len(dump) - binary.HEAD_SIZE, size)
    for number in range(count):
        step = head.last if number == count - 1 else head.first + number * head.every
        yield Frame(step, size)
    if rest or count != head.frames:
        yield Frame(TORN, TORN)


def _xtc(dump: bytes) -> Iterator[Frame]:
    for record in binary.xtc(io.BytesIO(dump), 0):
        yield Frame(record.step, int.from_bytes(dump[record.begin + 4 : record.begin + 8], "big"))
    yield from _behind(binary.xtc(io.BytesIO(dump), 0), dump)


def _native_binary(dump: bytes) -> Iterator[Frame]:
    for record in binary.native(io.BytesIO(dump), 0):
        yield Frame(record.step, record.end - record.begin)
    yield from _behind(binary.native(io.BytesIO(dump), 0), dump)


def _behind(records: Iterator[Record], dump: bytes) -> Iterator[Frame]:
    if max((record.end for record in records), default=0) != len(dump):
        yield Frame(TORN, TORN)


def _last_int(text: bytes) -> int:
    """The number a text ends with; TORN where it was cut before that."""
    word = text.split()[-1] if text.split() else b""
    return int(word) if word.isdigit() else TORN


def _whole(lines: Sequence[list[bytes]], columns: list[bytes], wanted: int) -> int:
    """The number of lines if they are those of a whole frame, else TORN."""
    if len(lines) != wanted or any(len(line) < len(columns) for line in lines):
        return TORN
    if b"id" in columns:
        at = columns.index(b"id")
        return wanted if len({line[at] for line in lines}) == wanted else TORN
    return wanted


_READERS: Final[dict[re.Pattern[bytes], Callable[[bytes], Iterator[Frame]]]] = {
    re.compile(rb"ITEM: "): _native,
    re.compile(re.escape(_YAML_FRAME)): _yaml,
    re.compile(rb"\d+\n.*Timestep[:=] ?-?\d+"): _xyz,
    re.compile(rb"....CORD", re.DOTALL): _dcd,
    re.compile(re.escape((1995).to_bytes(4, "big"))): _xtc,
    re.compile(rb".{8}DUMP(?:ATOM|CUSTOM)", re.DOTALL): _native_binary,
}
