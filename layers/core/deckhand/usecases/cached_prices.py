"""Prices and machines from a source, kept so that they are asked for once and outlive it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from deckhand.domain.price import Machine, Price, PriceKey
from deckhand.usecases.ports import PriceSource, PriceStore

QUIET: Final = timedelta(minutes=5)
"""How long a source that had no answer is not asked the same again."""


@dataclass(frozen=True)
class CachedPrices:
    """Without a source, only what others have kept. `prices` and `machines` are known already."""

    store: PriceStore
    source: PriceSource | None = None
    prices: dict[PriceKey, Price] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    unanswered: dict[PriceKey, datetime] = field(default_factory=dict)

    def price(self, key: PriceKey, at: datetime) -> float | None:
        """A fresh price that was kept, else what the source says, else the last one kept."""
        kept = self.prices.get(key)
        if not _is_fresh(kept, key, at) and not self._is_quiet(key, at):
            kept = self._look(key, at)
        return kept.per_hour if kept else None

    def machine(self, instance_type: str) -> Machine | None:
        """What a machine has does not change."""
        found = self.machines.get(instance_type) or self.store.machine(instance_type)
        if found is None and self.source is not None:
            found = self.source.machine(instance_type)
            if found is not None:
                self.store.keep_machine(instance_type, found)
        if found is not None:
            self.machines[instance_type] = found
        return found

    def _is_quiet(self, key: PriceKey, at: datetime) -> bool:
        asked = self.unanswered.get(key)
        return asked is not None and abs(at - asked) < QUIET

    def _look(self, key: PriceKey, at: datetime) -> Price | None:
        kept = self.store.price(key)
        if not _is_fresh(kept, key, at):
            found = self.source.price(key, at) if self.source else None
            if found is None:
                self.unanswered[key] = at
            else:
                kept = self._newer(kept, key, Price(per_hour=found, at=at))
        if kept is not None:
            self.prices[key] = kept
        return kept

    def _newer(self, kept: Price | None, key: PriceKey, found: Price) -> Price:
        """Keep a price, unless it is one of the past."""
        if kept is None or found.at > kept.at:
            self.store.keep_price(key, found)
        return found


def _is_fresh(price: Price | None, key: PriceKey, at: datetime) -> bool:
    return price is not None and price.is_fresh(key.market, at)
