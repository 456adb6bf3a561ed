"""What an attempt leaves in the runs bucket, written the way the runner does, manifest last.

The first attempt of a run loses its machine behind a checkpoint, every other one comes to the end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from deckhand.domain import keys
from deckhand.domain.check import CheckAnswer, read_order
from deckhand.domain.keys import CheckpointId
from deckhand.domain.manifest import Manifest, Output, Segment, read_manifest
from deckhand.domain.run import DryRun
from deckhand.domain.status import Ending, ExitCode, Phase, Status
from deckhand.usecases.ports import Bucket
from tests.makers import manifest, output

HALF: Final = {"log.lammps": b"step 1\n", "traj.lammpstrj": b"frame 1\n"}
REST: Final = {"log.lammps": b"step 2\n", "traj.lammpstrj": b"frame 2\n"}
RESULTS: Final = {path: HALF[path] + REST[path] for path in HALF}
MIDDLE: Final = 100
END: Final = 200
DRY_RUN: Final = DryRun(total_steps=END, atoms=108)
LOST: Final = "Host EC2 (instance i-0123456789abcdef0) terminated."


def attempt(
    bucket: Bucket, run_id: str, number: int, checkpoint: str, job_id: str
) -> dict[str, Any]:
    """Carry an attempt; what Batch says of its container then."""
    if number == 1:
        made = _manifest(run_id, 1, MIDDLE, None, [_segment(bucket, run_id, 1, 0, MIDDLE, HALF)])
        for file in made.files:
            key = keys.checkpoint_file(run_id, made.checkpoint_id, file.name)
            bucket.write(key, b"x" * file.size)
        body = made.model_dump_json().encode()
        bucket.create(keys.manifest(run_id, made.checkpoint_id), body)
        _tell(bucket, run_id, number, job_id, phase=Phase.RUNNING, step=MIDDLE)
        return {"status": "FAILED", "statusReason": LOST, "exitCode": 137}
    before = _resumed(bucket, run_id, checkpoint)
    begin = before.step if before else 0
    rest = REST if before else RESULTS
    mine = _segment(bucket, run_id, number, begin, END, rest)
    segments = [*(before.segments if before else ()), mine]
    done = _manifest(run_id, number, END, checkpoint or None, segments)
    done = done.model_copy(update={"files": ()})
    bucket.write(keys.completion(run_id, number), done.model_dump_json().encode())
    ended = {"ending": Ending.COMPLETED, "exit_code": ExitCode.COMPLETED, "from_step": begin}
    _tell(bucket, run_id, number, job_id, phase=Phase.ENDED, step=END, **ended)
    return {"status": "SUCCEEDED", "statusReason": "", "exitCode": 0}


def check(bucket: Bucket, run_id: str, check_id: str) -> dict[str, Any]:
    """Make the dry run that was too long for a function."""
    key = keys.check_order(run_id, check_id)
    order = read_order(bucket.read(key), key)
    answer = CheckAnswer(run_id=run_id, check_id=order.check_id, dry_run=DRY_RUN)
    bucket.create(keys.check_answer(run_id, check_id), answer.model_dump_json().encode())
    return {"status": "SUCCEEDED", "statusReason": "", "exitCode": 0}


def _resumed(bucket: Bucket, run_id: str, checkpoint: str) -> Manifest | None:
    if not checkpoint:
        return None
    key = keys.manifest(run_id, CheckpointId.parse(checkpoint))
    return read_manifest(bucket.read(key) or b"", run_id)


def _segment(
    bucket: Bucket, run_id: str, number: int, begin: int, end: int, contents: dict[str, bytes]
) -> Segment:
    outputs: list[Output] = []
    for path, content in contents.items():
        outputs.append(output(path, content))
        [piece] = outputs[-1].pieces
        bucket.write(keys.output_piece(run_id, number, path, 0, piece.sha256), content)
    return Segment(attempt=number, from_step=begin, to_step=end, outputs=tuple(outputs))


def _manifest(
    run_id: str, number: int, step: int, parent: str | None, segments: list[Segment]
) -> Manifest:
    made = manifest(step, number, *segments, parent=parent)
    return made.model_copy(update={"run_id": run_id})


def _tell(bucket: Bucket, run_id: str, number: int, job_id: str, **change: Any) -> None:
    now = datetime.now(UTC)
    given = {"started_at": now, "updated_at": now, "job_id": job_id, "attempt": number}
    status = Status(run_id=run_id, **{**given, **change})
    bucket.write(keys.status(run_id, number), status.model_dump_json().encode())
