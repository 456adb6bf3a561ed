"""A file in the inbox steers the runs of the drop that it lies in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deckhand.domain.errors import SteeringError
from deckhand.domain.steering import Request, steering_file
from deckhand.usecases.steer_run import Steered, SteerRun


@dataclass(frozen=True)
class SteerDrop:
    steer: SteerRun

    def __call__(self, key: str, at: datetime, now: datetime) -> list[Steered]:
        """Do with every run of the drop that is not closed what the file at *key* says.

        What cannot be done with a run, such as to resume one that goes on, is not done. The points
        of a sweep hear of it from their parent.
        """
        found = steering_file(key)
        if found is None:
            return []
        drop, verb = found
        runs = [item for item in self.steer.ledger.open_runs() if item.drop.rstrip("/") == drop]
        names = {item.run_id for item in runs}
        steered = []
        for record in runs:
            if record.point is not None and record.parent in names:
                continue
            request = Request(run_id=record.run_id, verb=verb, at=at)
            try:
                steered.append(self.steer(request, now))
            except SteeringError as error:
                steered.append(Steered(run_id=record.run_id, done=str(error)))
        return steered
