"""What runs have used and cost, summed up by owner, group, month, drop or run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from enum import StrEnum

from deckhand.domain.attempt import Market
from deckhand.domain.cost import Prices, cost, cost_on_demand
from deckhand.domain.deck import Frozen
from deckhand.domain.ledger import RunRecord


class Grouping(StrEnum):
    """What runs are summed up by; a month is that in which a run was admitted, in UTC."""

    OWNER = "owner"
    GROUP = "group"
    MONTH = "month"
    RUN = "run"
    DROP = "drop"

    def of(self, record: RunRecord) -> str:
        if self is Grouping.MONTH:
            return f"{record.admitted_at.astimezone(UTC):%Y-%m}"
        names = {
            Grouping.OWNER: record.owner,
            Grouping.GROUP: record.group,
            Grouping.RUN: record.run_id,
            Grouping.DROP: record.drop,
        }
        return names[self]


class Account(Frozen):
    """Machine time in seconds; `cost_on_demand` is what the same time would have cost there."""

    name: str
    runs: int = 0
    seconds: float = 0.0
    spot_seconds: float = 0.0
    cost: float = 0.0
    cost_on_demand: float = 0.0

    @property
    def spot_share(self) -> float | None:
        return self.spot_seconds / self.seconds if self.seconds else None

    @property
    def saved(self) -> float | None:
        """The part of the price on demand that was not paid; negative where more was."""
        return 1 - self.cost / self.cost_on_demand if self.cost_on_demand else None


def accounts(records: Iterable[RunRecord], prices: Prices, by: Grouping) -> list[Account]:
    """One account for each name, the dearest first."""
    found: dict[str, list[Account]] = {}
    for record in records:
        found.setdefault(by.of(record), []).append(_account(record, prices))
    summed = (total(items, name) for name, items in found.items())
    return sorted(summed, key=lambda item: (-item.cost, item.name))


def total(items: Iterable[Account], name: str = "total") -> Account:
    found = list(items)
    return Account(
        name=name,
        runs=sum(item.runs for item in found),
        seconds=sum(item.seconds for item in found),
        spot_seconds=sum(item.spot_seconds for item in found),
        cost=sum(item.cost for item in found),
        cost_on_demand=sum(item.cost_on_demand for item in found),
    )


def _account(record: RunRecord, prices: Prices) -> Account:
    """Of a closed run, the cost is the one that people were told."""
    spot = (item for item in record.attempts if item.market is Market.SPOT)
    told = record.cost if record.state.is_final else None
    return Account(
        name=record.run_id,
        runs=1,
        seconds=sum(item.seconds for item in record.attempts),
        spot_seconds=sum(item.seconds for item in spot),
        cost=cost(record.attempts, prices) if told is None else told,
        cost_on_demand=cost_on_demand(record.attempts, prices),
    )
