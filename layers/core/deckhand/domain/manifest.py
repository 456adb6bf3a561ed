"""The manifest: JSON written last that makes a checkpoint, or the end of a run, real."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import ValidationError, computed_field

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

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sha256(self) -> str:
        """The sha256 of all the rest. A manifest vouches for other files; this vouches for it."""
        return _seal(self.model_dump(mode="json", exclude={"sha256"}))

    @property
    def checkpoint_id(self) -> CheckpointId:
        return CheckpointId(self.step, self.attempt)

    @property
    def segment(self) -> Segment:
        """The segment of the attempt that wrote this manifest."""
        return self.segments[-1]

    def leads_past(self, checkpoint: CheckpointId) -> bool:
        """Whether that checkpoint stands on the way from the beginning of the run to here."""
        return any(
            segment.attempt == checkpoint.attempt
            and segment.from_step <= checkpoint.step <= segment.to_step
            for segment in self.segments
        )


def read_manifest(text: str | bytes, run_id: str) -> Manifest:
    """Parse a manifest and make sure it is one of *run_id*; raises ManifestError."""
    try:
        document = json.loads(text)
        seal = document.pop("sha256", None) if isinstance(document, dict) else None
        manifest = Manifest.model_validate(document)
    except (ValueError, RecursionError) as error:
        raise ManifestError(
            f"not a manifest of schema {SCHEMA_VERSION}: {_first(error)}"
        ) from error
    if manifest.run_id != run_id:
        raise ManifestError(f"the manifest belongs to run {manifest.run_id}, not to {run_id}")
    if seal != _seal(document):
        raise ManifestError("the manifest is not as it was written")
    return manifest


def _first(error: Exception) -> str:
    """What is wrong, at the first place where something is."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "document"
    return f"{where}: {first['msg']}"


def _seal(document: Mapping[str, Any]) -> str:
    """The sha256 of a manifest's values as they stand in it, whatever their order.

    Of the document, not of the model: a field that the model gets later changes no older manifest.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
