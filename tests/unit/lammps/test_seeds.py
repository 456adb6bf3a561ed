"""New seeds for commands that draw random numbers: at the right word, no two of them the same."""

from __future__ import annotations

import pytest

from deckhand.lammps import styles
from deckhand.lammps.script import words
from deckhand.lammps.seeds import FIX_SEEDS, PAIR_SEEDS, SEEDED_BY_PAIR, TAKES_UP, reseeded

NEW = {
    "fix 1 all langevin 1.0 1.0 0.1 SEED zero yes": 1,
    "fix 1 all langevin/kk 1.0 1.0 0.1 SEED": 1,
    "fix 1 all langevin/drude 300 100 SEED 1 20 SEED": 2,
    "fix 1 all langevin/spin 0 0.01 SEED": 1,
    "fix 1 all gjf 1 1 1 SEED vel vfull": 1,
    "fix 1 all gle 6 300 300 SEED smart.A": 1,
    "fix 1 all gld 1.0 1.0 2 SEED pprony 0.5 1.0 1.0 2.0": 1,
    "fix 1 all temp/csvr 1 1 0.1 SEED": 1,
    "fix 1 all brownian 1.0 SEED gamma_t 1": 1,
    "fix 1 all srd 20 big 1.0 0.25 SEED shift yes SEED tstat no": 2,
    "fix 1 all srd 20 NULL 1.0 0.25 SEED": 1,
    "fix 1 all bond/create 10 1 1 1.2 1 prob 0.5 SEED iparam 2 3": 1,
    "fix 1 all bond/react react a all 1 0 3 m1 m2 map prob 0.5 SEED react b all 1 0 3 m1 m2 map": 1,
    "fix 1 all rigid/small molecule langevin 1 1 1 SEED": 1,
    "fix 1 all evaporate 1000 10 surface SEED molecule yes": 1,
    "fix 1 all deposit 100 0 200 SEED region slab near 1.0": 1,
    "fix 1 all gcmc 10 1000 1000 2 SEED 298 -0.5 0.01": 1,
    "fix 1 all wall/reflect/stochastic maxwell SEED zlo -5": 1,
    "fix 1 all wall/piston zlo temp 1 1 SEED 3": 1,
    "fix 1 all append/atoms zhi temp 1 1 SEED 3 random 0.1 0.1 0.1 SEED": 2,
    "fix 1 all sgcmc 100 0.1 300 0.5 randseed SEED": 1,
    "fix 1 all charge/regulation 2 3 acid_type 1 seed SEED": 1,
    "pair_style dpd 1.0 1.0 SEED": 1,
    "pair_style dpd/tstat/omp 1.0 1.0 2.5 SEED": 1,
    "pair_style hybrid/overlay lj/cut 2.5 dpd/tstat 1.0 1.0 2.5 SEED dpd 1 1 SEED": 2,
    "pair_style brownian 1.5 1 1 2.01 2.5 2.0 SEED 1 1": 1,
    "pair_style dpd/fdt/energy 2.5 SEED": 1,
    "pair_style mdpd 1.0 1.0 SEED": 1,
}


@pytest.mark.parametrize("command", NEW)
def test_seeds_are_found(command: str) -> None:
    told = reseeded(words(command.replace("SEED", "77")), 5000)
    expected = command
    for number in range(NEW[command]):
        expected = expected.replace("SEED", str(5000 + number), 1)
    assert told == words(expected)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("fix 1 all sgcmc 100 0.1 300 0.5", "fix 1 all sgcmc 100 0.1 300 0.5 randseed 5000"),
        (
            "pair_style sdpd/taitwater/isothermal 300 0.1",
            "pair_style sdpd/taitwater/isothermal 300 0.1 5000",
        ),
    ],
)
def test_a_seed_that_was_left_out_is_given(command: str, told: str) -> None:
    assert reseeded(words(command), 5000) == words(told)


@pytest.mark.parametrize(
    "command",
    [
        "fix 1 all nve",
        "fix 1 all bond/create 10 1 1 1.2 1",
        "fix 1 all langevin 1.0",
        "fix 1 all rigid molecule",
        "pair_style lj/cut 2.5",
        "pair_coeff 1 1 dpd 1.0 1.0",
        "run 5",
        "fix",
        "pair_style",
    ],
)
def test_a_command_without_a_seed_stays_as_it_is(command: str) -> None:
    assert reseeded(words(command), 5000) is None


def test_every_style_that_loses_its_noise_is_given_a_new_seed() -> None:
    assert styles.FIX_NOISE | styles.FIX_DRAWS_IF_TOLD.keys() <= FIX_SEEDS.keys() | SEEDED_BY_PAIR
    assert PAIR_SEEDS.keys() == styles.PAIR_NOISE


def test_a_style_that_takes_up_its_generator_has_a_seed_all_the_same() -> None:
    assert FIX_SEEDS.keys() >= TAKES_UP
