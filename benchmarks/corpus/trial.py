"""One rehearsal of one deck, as a program of its own: it can be given up when it takes too long."""

from __future__ import annotations

import random
import sys
from typing import Final

from benchmarks.corpus import fidelity
from benchmarks.corpus.record import Fidelity, Order, Resume
from deckhand.cli.engine import find_engine
from deckhand.cli.proof import prove
from deckhand.cli.rehearsal import (
    LOG,
    Kind,
    Moment,
    Played,
    Rehearsal,
    RehearsalFailedError,
    choose_moments,
)
from deckhand.lammps.comparison import Deviations, partners, read_log
from deckhand.lammps.preflight import check_folder

UNDISTURBED_SECONDS: Final = 600.0
KINDS: Final = (Kind.NOTICE, Kind.KILL)


def carry(order: Order) -> Fidelity | Resume:
    """Rehearse; without an interruption the question is whether the runner changes anything."""
    chance = random.Random(order.seed)
    moments = choose_moments(chance, order.interruptions, KINDS)
    rehearsal = _rehearsal(order, moments, chance)
    if not moments:
        try:
            played = rehearsal.play()
        except RehearsalFailedError as error:
            return Fidelity(identical=False, detail=str(error))
        return fidelity.compare(played.undisturbed, played.resumed)
    try:
        played = rehearsal.play()
    except RehearsalFailedError as error:
        return Resume(played=False, failure=str(error))
    proof = prove(rehearsal, played)
    return Resume(
        played=True,
        interruptions=len(proof.interruptions),
        faults=proof.faults,
        control_deviation=proof.as_json()["control_deviation"],
        effect=_effect(played),
    )


def _effect(played: Played) -> float | None:
    """How far the first row of the control to differ is from that of the undisturbed run."""
    if LOG not in played.undisturbed or LOG not in played.control:
        return None
    expected, rows = read_log(played.undisturbed[LOG]), read_log(played.control[LOG])
    deviations = Deviations.measured_by(expected)
    pairs = zip(rows, partners(rows, expected), strict=True)
    found = [deviations.of(row, wanted) for row, wanted in pairs if wanted is not None]
    largest = next((deviation for deviation in found if deviation > 0.0), 0.0)
    return min(largest, sys.float_info.max) if found else None


def _rehearsal(order: Order, moments: list[Moment], chance: random.Random) -> Rehearsal:
    return Rehearsal(
        root=order.root,
        deck=order.deck,
        report=check_folder(order.root, order.deck),
        total_steps=order.total_steps or None,
        engine=find_engine("The corpus"),
        work=order.work,
        moments=moments,
        chance=chance,
        checkpoint_seconds=None if moments else UNDISTURBED_SECONDS,
    )


if __name__ == "__main__":
    print(carry(Order.model_validate_json(sys.argv[1])).model_dump_json())
