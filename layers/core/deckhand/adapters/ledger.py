"""The ledger in DynamoDB: item `run` of a run, and one item for each of its attempts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.client import BaseClient
from pydantic import BaseModel

from deckhand.adapters.table import Table, stored
from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.errors import LedgerError
from deckhand.domain.ledger import RunRecord, Wish
from deckhand.domain.run import RunState

RUN_ITEM: Final = "run"
POINT: Final = "point"
"""The kind of a sweep's points: lists show the sweep."""

ATTEMPT_ITEM: Final = "attempt#"
INDEX: Final = "by_admission"
OPEN_INDEX: Final = "by_openness"
OWN_PARTITION: Final = "relief"
"""Of what belongs to no run: when attempts were last let go. No run has a name like this."""

OPEN: Final = "open"
"""Attribute of the runs that are not closed, and its value."""

IS_KNOWN: Final = "attribute_exists(run_id)"
IS_NEW: Final = "attribute_not_exists(run_id)"
IS_OPEN: Final = f"{IS_KNOWN} AND attribute_not_exists(closed_at)"
HAS_NO_VERDICT: Final = f"{IS_KNOWN} AND attribute_not_exists(verdict)"
IS_NOT_STEERED_SINCE: Final = "(attribute_not_exists(steered_at) OR steered_at < :steered_at)"
WAS_LONG_AGO: Final = "attribute_not_exists(begun_at) OR begun_at < :before"
IS_IN_ROUND: Final = f"{IS_KNOWN} AND (attribute_not_exists(#round) OR #round = :this_round)"


class Ledger:
    def __init__(self, client: BaseClient, table: str) -> None:
        self._table = Table(client, table)

    def admit(self, record: RunRecord) -> RunRecord:
        kind = RUN_ITEM if record.point is None else POINT
        kinds = {"item": RUN_ITEM, "kind": kind, OPEN: OPEN}
        item = {**_plain(record, "attempts"), **kinds}
        self._put(item, IS_NEW)
        return self._known(record.run_id)

    def mark_started(self, run_id: str, at: datetime) -> None:
        self._update(run_id, {"started_at": at}, IS_KNOWN)

    def run(self, run_id: str) -> RunRecord | None:
        items = list(
            self._table.query(
                KeyConditionExpression="run_id = :run",
                ExpressionAttributeValues=stored({":run": run_id}),
                ConsistentRead=True,
            )
        )
        run = next((item for item in items if item["item"] == RUN_ITEM), None)
        if run is None:
            return None
        attempts = [item for item in items if item["item"].startswith(ATTEMPT_ITEM)]
        return RunRecord.model_validate({**run, "attempts": attempts})

    def recent(self, limit: int) -> list[RunRecord]:
        found: list[RunRecord] = []
        for item in self._table.query(
            IndexName=INDEX,
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues=stored({":kind": RUN_ITEM}),
            ScanIndexForward=False,
            Limit=limit,
        ):
            found.append(RunRecord.model_validate(item))
            if len(found) == limit:
                break
        return found

    def since(self, at: datetime) -> list[RunRecord]:
        found = [
            RunRecord.model_validate(item)
            for kind in (RUN_ITEM, POINT)
            for item in self._table.query(
                IndexName=INDEX,
                KeyConditionExpression="kind = :kind AND admitted_at >= :at",
                ExpressionAttributeValues=stored({":kind": kind, ":at": at}),
                ScanIndexForward=False,
            )
        ]
        return sorted(found, key=lambda record: record.admitted_at, reverse=True)

    def open_runs(self) -> Iterator[RunRecord]:
        query = {
            "IndexName": OPEN_INDEX,
            "KeyConditionExpression": "#open = :open",
            "ExpressionAttributeNames": {"#open": OPEN},
            "ExpressionAttributeValues": stored({":open": OPEN}),
        }
        for item in self._table.query(**query):
            yield RunRecord.model_validate(item)

    def advance(self, run_id: str, state: RunState, **known: object) -> bool:
        given = {name: value for name, value in known.items() if value is not None}
        return self._update(run_id, {"state": state.value, **given}, IS_OPEN)

    def express(self, run_id: str, wish: Wish, at: datetime) -> bool:
        change = {"wish": wish.value, "steered_at": at}
        return self._update(run_id, change, f"{IS_OPEN} AND {IS_NOT_STEERED_SINCE}")

    def begin_round(
        self, record: RunRecord, at: datetime, wish: Wish | None = None, **change: object
    ) -> bool:
        given = {**change, "wish": wish.value if wish else None}
        known = {name: value for name, value in given.items() if value is not None}
        begun = {
            "state": RunState.RUNNING.value,
            "round": record.round + 1,
            "started_at": at,
            OPEN: OPEN,
            **known,
        }
        condition = IS_IN_ROUND
        if "steered_at" in begun:
            condition = f"{condition} AND {IS_NOT_STEERED_SINCE}"
        if wish is not None:
            # A wish is about a run that goes on, and opens none that has been closed meanwhile.
            condition = f"{condition} AND attribute_not_exists(closed_at)"
        return self._update(
            record.run_id,
            begun,
            condition,
            forget=("closed_at", "cost", *(() if wish else ("wish",))),
            also={":this_round": record.round},
        )

    def plan(self, run_id: str, attempt: AttemptRecord) -> bool:
        item = {**_plain(attempt), "run_id": run_id, "item": _attempt_item(attempt)}
        return self._put(item, IS_NEW)

    def record_verdict(self, run_id: str, attempt: AttemptRecord) -> bool:
        return self._update(run_id, _plain(attempt), HAS_NO_VERDICT, _attempt_item(attempt))

    def close(self, run_id: str, state: RunState, reason: str, at: datetime) -> RunRecord:
        change = {"state": state.value, "reason": reason, "closed_at": at}
        self._update(run_id, change, IS_OPEN, forget=(OPEN,))
        return self._known(run_id)

    def record_cost(self, run_id: str, cost: float) -> None:
        self._update(run_id, {"cost": cost}, IS_KNOWN)

    def record_projected_cost(self, run_id: str, cost: float) -> None:
        self._update(run_id, {"projected_cost": cost}, IS_KNOWN)

    def begin_relief(self, at: datetime, again_after: timedelta) -> bool:
        before = {":before": at - again_after}
        change = {"begun_at": at}
        return self._update(OWN_PARTITION, change, WAS_LONG_AGO, OWN_PARTITION, also=before)

    def _known(self, run_id: str) -> RunRecord:
        record = self.run(run_id)
        if record is None:
            raise LedgerError(f"The ledger does not know the run {run_id}.")
        return record

    def _put(self, item: Mapping[str, object], condition: str) -> bool:
        return self._table.put(Item=stored(item), ConditionExpression=condition) is not None

    def _update(
        self,
        run_id: str,
        change: Mapping[str, object],
        condition: str,
        item: str = RUN_ITEM,
        forget: Sequence[str] = (),
        also: Mapping[str, object] | None = None,
    ) -> bool:
        """Set *change* and remove *forget* if *condition* holds; *also* are values it names."""
        sets = ", ".join(f"#{name} = :{name}" for name in change)
        removes = f" REMOVE {', '.join(f'#{name}' for name in forget)}" if forget else ""
        values = {**{f":{name}": value for name, value in change.items()}, **(also or {})}
        answer = self._table.update(
            Key=_key(run_id, item),
            UpdateExpression=f"SET {sets}{removes}",
            ExpressionAttributeNames={f"#{name}": name for name in (*change, *forget)},
            ExpressionAttributeValues=stored(values),
            ConditionExpression=condition,
        )
        return answer is not None


def _key(run_id: str, item: str) -> dict[str, Any]:
    return stored({"run_id": run_id, "item": item})


def _attempt_item(attempt: AttemptRecord) -> str:
    return f"{ATTEMPT_ITEM}{attempt.number:04d}"


def _plain(model: BaseModel, *left_out: str) -> dict[str, object]:
    """Only what is known, so that a condition can ask whether an attribute exists."""
    return model.model_dump(exclude_none=True, exclude=set(left_out))
