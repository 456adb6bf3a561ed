"""What a benchmark tells: claims with their bounds, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Claim:
    """One line of a result: what was measured, its value, and what it may be at most."""

    text: str
    value: float
    most: float | None = None
    unit: str = ""

    @property
    def holds(self) -> bool:
        return self.most is None or self.value <= self.most

    def __str__(self) -> str:
        bound = "" if self.most is None else f"   (at most {self.most:g})"
        missed = "" if self.holds else "  MISSED"
        return f"  {self.text:<62}{self.value:>10.3f} {self.unit}{bound}{missed}"


Measure = Callable[[argparse.Namespace], Iterator[Claim]]


def tell(
    measures: Mapping[str, Measure],
    names: Iterable[str],
    options: argparse.Namespace,
    document: Path | None = None,
) -> int:
    """Measure and print; the exit code is 1 if a claim does not hold."""
    told: dict[str, list[Claim]] = {}
    for name in names:
        what = (measures[name].__doc__ or "").partition("\n")[0]
        print(f"{name}: {what} [load {os.getloadavg()[0]:.1f}]", flush=True)
        told[name] = []
        for claim in measures[name](options):
            print(claim, flush=True)
            told[name].append(claim)
    if document is not None:
        document.write_text(json.dumps(_plain(told), indent=1) + "\n", encoding="utf-8")
    return 0 if all(claim.holds for claims in told.values() for claim in claims) else 1


def _plain(told: Mapping[str, list[Claim]]) -> dict[str, list[dict[str, object]]]:
    return {
        name: [{**asdict(claim), "holds": claim.holds} for claim in claims]
        for name, claims in told.items()
    }
