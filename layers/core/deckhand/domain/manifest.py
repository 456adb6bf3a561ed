"""The manifest: JSON written last that makes a checkpoint, or the end of a run, real."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import ValidationError

from deckhand.domain.deck import Frozen
from deckhand.domain.errors import ManifestError
from deckhand.domain.keys import CheckpointId

SCHEMA_VERSION: Final = 1
RESTART_NAME: Final = "restart.zst"
JOURNAL_NAME: Final = "journal.json"


class StoredFile(Frozen):
    """A file of a checkpoint as it lies in S3: size in bytes, sha256 of those bytes."""

    name: str
    size: int
    sha256: str


class OutputKind(StrEnum):
    """How the parts of an output file from several attempts make one file.

    ANEW is appended to like APPEND, but the deck emptied the file during this segment: nothing is
    left of the segments before. GONE is a file that the deck has removed.
    """

    APPEND = "append"
    ANEW = "anew"
    WHOLE = "whole"
    GONE = "gone"


class Piece(Frozen):
    """Bytes [begin, begin + size) of an attempt's local output file, one object in S3."""

    begin: int
    size: int
    sha256: str


class Output(Frozen):
    """An output file of one segment: the concatenation of its pieces.

    `head` is what the whole file begins with, for a format whose first bytes tell how much there
    is: that of the last segment holds. Its `begin` numbers it within the attempt.
    """

    path: str
    kind: OutputKind
    pieces: tuple[Piece, ...]
    head: Piece | None = None

    @property
    def size(self) -> int:
        """The size of the pieces; the head is not counted, for it is not added to the file."""
        return sum(piece.size for piece in self.pieces)


class Moment(StrEnum):
    """When LAMMPS wrote a restart file: inside a run, halted in a run, or between runs.

    At a pause it wrote none, but the run was halted and set up anew, which is as good as one.
    """

    INSIDE = "inside"
    PAUSED = "paused"
    HALTED = "halted"
    BETWEEN = "between"


class RestartFile(Frozen):
    """A restart file that LAMMPS wrote, kept or not: it makes its neighbour lists anew for it.

    To compute a trajectory again to its last digit takes the same ones. `stage` counts the runs and
    minimisations that were over, `step` the steps of the run.
    """

    stage: int
    step: int
    moment: Moment


class Segment(Frozen):
    """The steps [from_step, to_step] an attempt covers and the output it wrote for them.

    Steps count the molecular-dynamics steps of the run from its beginning. `seeds` were drawn anew
    when the attempt resumed.
    """

    attempt: int
    from_step: int
    to_step: int
    outputs: tuple[Output, ...] = ()
    restart_files: tuple[RestartFile, ...] = ()
    seeds: tuple[int, ...] = ()


class Manifest(Frozen):
    """A checkpoint (or, with no files, the end of a run) and the whole lineage that led to it.

    `step` counts the molecular-dynamics steps of the run from its beginning and never goes back;
    `time_step` is LAMMPS' own, which `reset_timestep` may set to anything.
    `segments` holds the lineage from attempt 1 on, so a manifest stays readable after the
    checkpoints of its ancestors have been pruned. `parent` is the checkpoint this attempt
    resumed from, None when it started from the beginning.
    """

    schema_version: Literal[1] = 1
    run_id: str
    step: int
    time_step: int
    attempt: int
    parent: str | None
    created_at: datetime
    files: tuple[StoredFile, ...]
    lammps_version: str
    lammps_flags: tuple[str, ...]
    segments: tuple[Segment, ...]

    @property
    def checkpoint_id(self) -> CheckpointId:
        return CheckpointId(self.step, self.attempt)

    @property
    def segment(self) -> Segment:
        """The segment of the attempt that wrote this manifest."""
        return self.segments[-1]


def read_manifest(text: str | bytes, run_id: str) -> Manifest:
    """Parse a manifest and make sure it is one of *run_id*; raises ManifestError."""
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise ManifestError(
            f"not a manifest of schema {SCHEMA_VERSION}: {where}: {first['msg']}"
        ) from error
    if manifest.run_id != run_id:
        raise ManifestError(f"the manifest belongs to run {manifest.run_id}, not to {run_id}")
    return manifest
