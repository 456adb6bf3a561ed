"""Every S3 key of the product, written and read in one place (the contract on S3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

INBOX: Final = "inbox/"
RUNS: Final = "runs/"
CERTIFICATE_NAME: Final = "certificate.json"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_BYTES: Final = 1024

_DIGEST_DIGITS: Final = 12

_REPORT = re.compile(r"runs/(?P<run_id>[^/]+)/results/report\.json")
_CHECKPOINT = re.compile(r"runs/(?P<run_id>[^/]+)/checkpoints/(?P<step>\d{12,})-a(?P<attempt>\d+)/")
_MANIFEST = re.compile(rf"{_CHECKPOINT.pattern}manifest\.json")


@dataclass(frozen=True, order=True)
class CheckpointId:
    """A checkpoint of a run: the step it stands at, and the attempt that wrote it.

    The step counts the molecular-dynamics steps of the run from its beginning: unlike LAMMPS' own
    time step it never goes back, so the furthest checkpoint is the newest one.
    """

    step: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.step:012d}-a{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> CheckpointId:
        match = re.fullmatch(r"(\d{12,})-a(\d+)", text)
        if match is None:
            raise ValueError(f"not a checkpoint id: {text!r}")
        return cls(step=int(match[1]), attempt=int(match[2]))


def run(run_id: str) -> str:
    return f"{RUNS}{run_id}/"


def drop_record(run_id: str) -> str:
    """The listing of the drop at the moment it was admitted."""
    return f"{run(run_id)}drop.json"


def run_record(run_id: str) -> str:
    """The admitted run: options and every frozen input."""
    return f"{run(run_id)}run.json"


def sweep(run_id: str) -> str:
    """The points of a parent."""
    return f"{run(run_id)}sweep.json"


def check_order(run_id: str, check_id: str) -> str:
    """What a job is to carry through LAMMPS, because a function could not."""
    return f"{checks(run_id)}{check_id}/order.json"


def check_answer(run_id: str, check_id: str) -> str:
    """What that job has found."""
    return f"{checks(run_id)}{check_id}/answer.json"


def deck(run_id: str, path: str = "") -> str:
    return f"{run(run_id)}deck/{path}"


def checks(run_id: str) -> str:
    """Orders for dry runs, and their answers."""
    return f"{run(run_id)}check/"


def checkpoints(run_id: str) -> str:
    return f"{run(run_id)}checkpoints/"


def checkpoint(run_id: str, checkpoint_id: CheckpointId) -> str:
    return f"{checkpoints(run_id)}{checkpoint_id}/"


def checkpoint_file(run_id: str, checkpoint_id: CheckpointId, name: str) -> str:
    return f"{checkpoint(run_id, checkpoint_id)}{name}"


def manifest(run_id: str, checkpoint_id: CheckpointId) -> str:
    return checkpoint_file(run_id, checkpoint_id, "manifest.json")


def parse_manifest(key: str) -> tuple[str, CheckpointId] | None:
    """Run and checkpoint that a key is the manifest of, or None for any other key."""
    match = _MANIFEST.fullmatch(key)
    if match is None:
        return None
    return match["run_id"], CheckpointId(int(match["step"]), int(match["attempt"]))


def parse_checkpoint(key: str) -> CheckpointId | None:
    """The checkpoint that a key is a file of, or None for any other key."""
    match = _CHECKPOINT.match(key)
    return CheckpointId(int(match["step"]), int(match["attempt"])) if match else None


def attempt(run_id: str, number: int) -> str:
    return f"{run(run_id)}attempts/{number}/"


def status(run_id: str, number: int) -> str:
    return f"{attempt(run_id, number)}status.json"


def completion(run_id: str, number: int) -> str:
    """The manifest of the attempt that carried the deck to its end."""
    return f"{attempt(run_id, number)}completion.json"


def outputs(run_id: str, number: int) -> str:
    return f"{attempt(run_id, number)}outputs/"


def output_piece(run_id: str, number: int, path: str, begin: int, sha256: str) -> str:
    """Bytes of one output file of an attempt, from offset *begin* of its local file on.

    Two processes may take themselves for the same attempt: named by its *sha256* too, nobody's
    piece is written over with other bytes.
    """
    return f"{outputs(run_id, number)}{path}/{begin:015d}-{sha256[:_DIGEST_DIGITS]}"


def output_head(run_id: str, number: int, path: str, version: int, sha256: str) -> str:
    """What an output file begins with, as of a checkpoint of an attempt."""
    return f"{outputs(run_id, number)}{path}/head-{version:015d}-{sha256[:_DIGEST_DIGITS]}"


def results(run_id: str) -> str:
    return f"{run(run_id)}results/"


def report(run_id: str) -> str:
    """The report of a closed run; it is written after all other results."""
    return result(run_id, "report.json")


def certificate(run_id: str) -> str:
    """What the results are made of, with the sha256 of every byte of them."""
    return result(run_id, CERTIFICATE_NAME)


def parse_report(key: str) -> str | None:
    """The run that a key is the report of, or None for any other key."""
    match = _REPORT.fullmatch(key)
    return match["run_id"] if match else None


def result(run_id: str, path: str) -> str:
    return f"{results(run_id)}{path}"
