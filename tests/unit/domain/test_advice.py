"""What a run is told whose GPU was idle, and that others are told nothing."""

from __future__ import annotations

from typing import Any

import pytest

from deckhand.domain.advice import Facts, advice, mean_utilisation
from deckhand.domain.attempt import AttemptRecord, Verdict
from tests.makers import ended_attempt


def attempts(*told: tuple[float, float | None]) -> list[AttemptRecord]:
    """Attempts of so many hours, whose GPUs were as busy as that."""
    return [
        ended_attempt(number, Verdict.INTERRUPTED, hours, gpu_utilisation=busy)
        for number, (hours, busy) in enumerate(told, start=1)
    ]


def told(busy: float = 30.0, **facts: Any) -> str:
    return " ".join(advice(attempts((1.0, busy)), Facts(**facts)))


def test_the_mean_is_by_time_and_of_those_that_tell() -> None:
    assert mean_utilisation(attempts((3.0, 20.0), (1.0, 100.0), (9.0, None))) == 40.0
    assert mean_utilisation(attempts((1.0, None))) is None
    assert mean_utilisation([]) is None


@pytest.mark.parametrize("busy", [50.0, 80.0, 100.0])
def test_a_busy_gpu_needs_no_advice(busy: float) -> None:
    assert told(busy, atoms=100, on_host=("fix wall/gran",)) == ""


def test_a_run_of_minutes_is_not_judged() -> None:
    assert advice(attempts((0.1, 5.0)), Facts(atoms=100)) == ()
    assert advice(attempts((1.0, None)), Facts(atoms=100)) == ()


def test_what_runs_on_the_host_is_named() -> None:
    text = told(on_host=("fix wall/gran", "pair lj/charmm"))
    assert text.startswith("The GPU was at work in 30 % of the time that LAMMPS ran. ")
    assert "for what runs on the host: fix wall/gran, pair lj/charmm. Leave out" in text
    many = told(on_host=[f"fix f{n}" for n in range(9)])
    assert "fix f4 and 4 more." in many


def test_a_deck_without_any_part_on_a_gpu_says_why() -> None:
    text = told(plain="neither KOKKOS nor the GPU package has pair mgpt.", on_host=("pair mgpt",))
    assert "No part of the deck computes on a GPU: neither KOKKOS nor the GPU" in text
    assert "waits at every step" not in text


@pytest.mark.parametrize(
    ("atoms", "gpus", "words"),
    [
        (4_000, 1, "4,000 atoms are few for 1 GPU: a smaller kind (`instance` in run.yaml)"),
        (120_000, 4, "120,000 atoms are few for 4 GPUs: `gpus: 2` in run.yaml"),
        (4_000, 2, "4,000 atoms are few for 2 GPUs: `gpus: 1` in run.yaml"),
        (50_000, 1, "Nothing that Deckhand knows explains it"),
        (None, 1, "Nothing that Deckhand knows explains it"),
    ],
)
def test_few_atoms_want_less_of_a_machine(atoms: int | None, gpus: int, words: str) -> None:
    assert words in told(atoms=atoms, gpus=gpus)


def test_two_reasons_at_most_the_likeliest_first() -> None:
    found = advice(
        attempts((1.0, 20.0)),
        Facts(atoms=900, checkpoint_minutes=0.5, on_host=("fix wall/gran",)),
    )
    assert len(found) == 3
    assert ["host" in found[1], "atoms" in found[2]] == [True, True]
    assert "every 0.5 minutes" in told(checkpoint_minutes=0.5)
