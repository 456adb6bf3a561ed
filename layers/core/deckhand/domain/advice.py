"""What to change about a run whose GPU was idle most of the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.message import count

PROMISED: Final = 80.0
LOW: Final = 50.0
"""Per cent: below the one nobody has what is promised, below the other something is wrong."""

LEAST_SECONDS: Final = 600.0
"""A shorter run is mostly its own beginning."""

FEW_ATOMS: Final = 50_000
"""Of a GPU, which is hardly faster for fewer: https://docs.lammps.org/Speed_compare.html."""

SHORT_MINUTES: Final = 2.0
MOST_SENTENCES: Final = 2
MOST_STYLES: Final = 5


@dataclass(frozen=True)
class Facts:
    """What is known of a run that may explain an idle GPU; None or nothing for what is not.

    `on_host` are the styles, with their kinds, that keep the host busy at every step, and
    `plain` says why no part of the deck computes on a GPU at all. Minutes are what run.yaml asks.
    """

    atoms: int | None = None
    gpus: int = 1
    checkpoint_minutes: float | None = None
    on_host: Sequence[str] = ()
    plain: str = ""


def mean_utilisation(attempts: Sequence[AttemptRecord]) -> float | None:
    """Of the GPUs over all attempts that tell it, in per cent, by their time; None for none."""
    told = [
        (item.seconds, item.gpu_utilisation)
        for item in attempts
        if item.gpu_utilisation is not None
    ]
    seconds = sum(time for time, _ in told)
    if not seconds:
        return None
    return round(sum(time * value for time, value in told) / seconds, 1)


def advice(attempts: Sequence[AttemptRecord], facts: Facts) -> tuple[str, ...]:
    """Sentences for the user of a run whose GPUs were idle most of the time; none otherwise."""
    utilisation = mean_utilisation(attempts)
    seconds = sum(item.seconds for item in attempts if item.gpu_utilisation is not None)
    if utilisation is None or utilisation >= LOW or seconds < LEAST_SECONDS:
        return ()
    found = list(_reasons(facts))[:MOST_SENTENCES] or [
        "Nothing that Deckhand knows explains it: does the deck write or average at almost every "
        "step (thermo, dump, fix ave), or build neighbor lists at every step?"
    ]
    return (f"The GPU was at work in {utilisation:.0f} % of the time that LAMMPS ran.", *found)


def _reasons(facts: Facts) -> Iterator[str]:
    """The likeliest first."""
    if facts.plain:
        yield f"No part of the deck computes on a GPU: {facts.plain.rstrip('.')}."
    elif facts.on_host:
        names = ", ".join(facts.on_host[:MOST_STYLES])
        more = len(facts.on_host) - MOST_STYLES
        also = f" and {more} more" if more > 0 else ""
        yield (
            f"The GPU waits at every step for what runs on the host: {names}{also}. Leave out what "
            "you can do without, or choose a style that has a version for GPUs."
        )
    if facts.atoms is not None and facts.atoms < FEW_ATOMS * facts.gpus:
        yield _few(facts.atoms, facts.gpus)
    if facts.checkpoint_minutes is not None and facts.checkpoint_minutes < SHORT_MINUTES:
        yield (
            f"A checkpoint was written every {facts.checkpoint_minutes:g} minutes at the latest: "
            "leave `checkpoint_minutes` out of run.yaml, and Deckhand finds the best interval."
        )


def _few(atoms: int, gpus: int) -> str:
    told = f"{count(atoms, 'atom')} {'is' if atoms == 1 else 'are'} few for {count(gpus, 'GPU')}"
    if gpus > 1:
        enough = max(1, atoms // FEW_ATOMS)
        return f"{told}: `gpus: {enough}` in run.yaml costs less and is hardly slower."
    return f"{told}: a smaller kind (`instance` in run.yaml) is hardly slower, and costs less."
