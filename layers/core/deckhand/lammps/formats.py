"""In which format a file is written, by the words of the command that opens it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Packing(StrEnum):
    """How a file is compressed; the value is the suffix that makes LAMMPS do so."""

    GZIP = ".gz"
    ZSTD = ".zst"
    BZIP2 = ".bz2"
    XZ = ".xz"


UNJOINABLE: Final = (".lz4", ".lzma")
"""Suffixes of compressors that LAMMPS knows and Python does not, or whose files do not join."""


class Format(StrEnum):
    """How the records of a file name their step; DCD and LINES do not, and LOG need not."""

    LOG = "log"
    DUMP = "dump"
    YAML = "yaml"
    XYZ = "xyz"
    BINARY = "binary"
    DCD = "dcd"
    XTC = "xtc"
    ROWS = "rows"
    BLOCKS = "blocks"
    KEYED = "keyed"
    CORRELATION = "correlation"
    SPECIES = "species"
    MOLECULES = "molecules"
    BONDS = "bonds"
    CHARGES = "charges"
    LINES = "lines"


FRAMES: Final = frozenset(
    {Format.DUMP, Format.YAML, Format.XYZ, Format.BINARY, Format.DCD, Format.XTC}
)
"""What `dump` writes; a resumed dump does not write the frame of its first step again."""

OPENED_AT_ONCE: Final = frozenset({Format.DCD, Format.XTC})
"""Emptied by the `dump` command itself, and never appended to; all others by the next run."""

UNFLUSHED: Final = frozenset({Format.XTC, Format.CHARGES})
"""LAMMPS keeps the end of the newest record in its memory until there are more, or all are."""


class Layout(NamedTuple):
    """How the records of a file are told apart.

    `every`, `lines_per_record` and `title_lines` serve LINES, whose records are counted. What
    passes through a compressor cannot be cut, for it keeps a part back: LAMMPS writes such a file
    under a plain name, and its pieces are compressed when they are stored.
    """

    format: Format
    every: int = 0
    lines_per_record: int = 1
    title_lines: int = 1
    packing: Packing | None = None


DUMP_FORMATS: Final = {
    "atom": Format.DUMP,
    "custom": Format.DUMP,
    "local": Format.DUMP,
    "grid": Format.DUMP,
    "yaml": Format.YAML,
    "xyz": Format.XYZ,
    "extxyz": Format.XYZ,
    "dcd": Format.DCD,
    "xtc": Format.XTC,
}
"""Dump styles that write many frames into one file."""

ROW_FIXES: Final = {
    "ave/time": Format.ROWS,
    "ave/chunk": Format.BLOCKS,
    "ave/histo": Format.BLOCKS,
    "ave/histo/weight": Format.BLOCKS,
    "ave/correlate": Format.BLOCKS,
    "ave/correlate/long": Format.CORRELATION,
}
"""Fixes with the option `file`, which they add to at each of their intervals."""

_MAY_BE_BINARY: Final = frozenset({"atom", "custom"})
_BINARY_NAME: Final = ".bin"
_YAML_NAMES: Final = (".yaml", ".yml")


def dump_layout(style: str, name: str) -> Layout | None:
    """The layout of a dump that is one file; None if it cannot be cut and joined."""
    plain = plain_style(style)
    form = DUMP_FORMATS.get(plain)
    if form is None or name.endswith(UNJOINABLE):
        return None
    if name.endswith(_BINARY_NAME):
        return Layout(Format.BINARY) if plain in _MAY_BE_BINARY else None
    return Layout(form, packing=packing_of(name))


def packing_of(name: str) -> Packing | None:
    """How LAMMPS compresses a file of this name; None if it does not."""
    return next((packing for packing in Packing if name.endswith(packing.value)), None)


def plain_style(style: str) -> str:
    """A dump style without the compressor in its name."""
    return style.removesuffix("/gz").removesuffix("/zstd")


def average_format(style: str, name: str, *, vector: bool) -> Format:
    """What a fix that averages writes to the file *name*."""
    if style == "ave/time" and name.endswith(_YAML_NAMES):
        return Format.KEYED
    return Format.BLOCKS if style == "ave/time" and vector else ROW_FIXES[style]
