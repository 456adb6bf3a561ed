"""The last status: written if S3 takes it, and no reason to end otherwise if not."""

from __future__ import annotations

from dataclasses import dataclass, field

from deckhand.domain.status import Ending, Phase, Status
from deckhand.runner.report import Reporter
from deckhand.usecases.judge_attempt import read_status
from tests.fakes import FakeBucket
from tests.makers import ADMITTED, RUN


@dataclass
class Deaf(FakeBucket):
    """Refuses so many writes."""

    refusals: int = 0
    asked: list[str] = field(default_factory=list)

    def write(self, key: str, body: bytes) -> None:
        self.asked.append(key)
        if len(self.asked) <= self.refusals:
            raise ConnectionError("nobody answers")
        super().write(key, body)


def closed(bucket: Deaf) -> Status | None:
    status = Status(
        run_id=RUN, attempt=1, phase=Phase.RUNNING, started_at=ADMITTED, updated_at=ADMITTED
    )
    Reporter(bucket, status, seconds=60.0).close(phase=Phase.ENDED, ending=Ending.COMPLETED)
    return read_status(bucket, RUN, 1)


def test_the_last_status_is_written_again() -> None:
    status = closed(Deaf(refusals=1))
    assert status is not None
    assert status.ending is Ending.COMPLETED


def test_a_status_that_s3_does_not_take_ends_nothing() -> None:
    bucket = Deaf(refusals=100)
    assert closed(bucket) is None
    assert len(bucket.asked) > 1
