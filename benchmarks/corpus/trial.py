"""One rehearsal of one deck, as a program of its own: it can be given up when it takes too long."""

from __future__ import annotations

import random
import sys
from typing import Final

from benchmarks.corpus import fidelity
from benchmarks.corpus.record import Fidelity, Order, Resume
from deckhand.cli.engine import find_engine
from deckhand.cli.proof import prove
from deckhand.cli.rehearsal import Kind, Moment, Rehearsal, RehearsalFailedError, choose_moments
from deckhand.domain.run import CheckReport, Contract
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
        proof = prove(rehearsal, rehearsal.play())
    except RehearsalFailedError as error:
        return Resume(played=False, failure=str(error))
    facts = proof.as_json()
    deviations = [found for found in facts["first_deviation"] if found is not None]
    return Resume(
        played=True,
        interruptions=len(proof.interruptions),
        faults=proof.faults,
        first_deviation=max(deviations, default=None),
        control_deviation=facts["control_deviation"],
    )


def _rehearsal(order: Order, moments: list[Moment], chance: random.Random) -> Rehearsal:
    return Rehearsal(
        root=order.root,
        deck=order.deck,
        report=_judged(check_folder(order.root, order.deck)),
        total_steps=order.total_steps or None,
        engine=find_engine("The corpus"),
        work=order.work,
        moments=moments,
        chance=chance,
        checkpoint_seconds=None if moments else UNDISTURBED_SECONDS,
    )


def _judged(report: CheckReport) -> CheckReport:
    """A deck that is refused is carried all the same, and judged as if it had been promised all."""
    if report.contract is not Contract.REFUSED:
        return report
    return report.model_copy(update={"contract": Contract.EXACT})


if __name__ == "__main__":
    print(carry(Order.model_validate_json(sys.argv[1])).model_dump_json())
