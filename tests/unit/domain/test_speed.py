"""What decks are compared by, and what their measurements say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain.attempt import Market
from deckhand.domain.projection import about, project
from deckhand.domain.speed import MAX_CLASS, Measurement, Speed, deck_class, typical

MELT = """
units lj
bond_style fene          # bonds
pair_style soft 1.0
run 100
  pair_style lj/cut/gpu &
     1.12
"""


@pytest.mark.parametrize(
    ("deck", "expected"),
    [
        (MELT, "lj/cut soft bonded"),
        ("pair_style lj/cut 2.5\n", "lj/cut"),
        ("pair_style\tlj/cut/coul/long 10\r\nkspace_style pppm/kk 1e-4\r\n",
         "lj/cut/coul/long kspace"),
        ("pair_style eam/alloy\nbond_style none\nkspace_style none\n", "eam/alloy"),
        ("pair_style hybrid/overlay lj/cut/kk 2.5 coul/long 10\n", "coul/long lj/cut"),
        ("pair_style none\n", ""),
        ("pair_style ${style} 2.5\n", ""),
        ("pair_style hybrid lj/cut 2.5 ${other}\n", ""),
        ("# pair_style lj/cut\nread_restart melt.restart\n", ""),
        ("pair_stylelj/cut\nprint pair_style\n", ""),
    ],
)  # fmt: skip
def test_a_deck_has_a_class(deck: str, expected: str) -> None:
    assert deck_class([deck]) == expected


def test_what_a_deck_includes_counts() -> None:
    assert deck_class(["include forces\n", "pair_style lj/cut 2.5\n"]) == "lj/cut"


def test_a_deck_on_an_accelerator_of_its_own_is_of_another_class() -> None:
    assert deck_class(["pair_style lj/cut 2.5\n"], "plain") == "on plain lj/cut"
    assert deck_class(["pair_style none\n"], "plain") == ""


@given(st.lists(st.text(st.characters(codec="latin-1")) | st.just(MELT * 50)))
def test_any_text_has_a_class_that_is_a_key(texts: list[str]) -> None:
    found = deck_class(texts)
    assert len(found) <= MAX_CLASS
    assert "#" not in found
    assert "\n" not in found


def measured(*speeds: float) -> list[Measurement]:
    return [
        Measurement(run_id=f"run-{number % 3}", atom_steps_per_second=speed)
        for number, speed in enumerate(speeds)
    ]


def test_one_bad_machine_does_not_move_the_speed() -> None:
    found = typical(measured(9e6, 10e6, 11e6, 0.1, 10e6), "g4dn.xlarge")
    assert found == Speed(10e6, "3 runs on g4dn.xlarge")
    assert typical(measured(5.0), "g5.xlarge") == Speed(5.0, "1 run on g5.xlarge")
    assert typical([], "g5.xlarge") is None


def test_a_projection_reads_like_a_sentence() -> None:
    speed = Speed(1e6, "12 runs on g4dn.xlarge")
    found = project(6_000_000, 1_000_000, 10_000, speed, 0.75, Market.SPOT)
    assert found is not None
    assert found.seconds == 50_000
    assert str(found) == "about 14 h, $10.42 on spot (projected from 12 runs on g4dn.xlarge)"


@given(
    st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 10**9),
    st.floats(0, 1e12), st.floats(0, 1000),
)  # fmt: skip
def test_what_is_left_is_never_negative_and_grows_with_the_steps(
    total: int, done: int, atoms: int, speed: float, price: float
) -> None:
    left = project(total, done, atoms, Speed(speed, "x"), price, Market.SPOT)
    if left is None:
        return
    assert left.seconds >= 0
    assert left.dollars >= 0
    assert (left.seconds == 0) == (done >= total)
    less = project(total, done + 1, atoms, Speed(speed, "x"), price, Market.SPOT)
    assert less is not None
    assert less.seconds <= left.seconds


@pytest.mark.parametrize("speed", [0.0, -1.0, 1e-300])
def test_a_speed_of_nothing_projects_nothing(speed: float) -> None:
    assert project(100, 0, 10, Speed(speed, "x"), 1.0, Market.SPOT) is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(12, "12 s"), (600, "10 min"), (50_400, "14 h"), (302_400, "3.5 days")],
)
def test_a_projection_knows_no_seconds_of_days(seconds: float, expected: str) -> None:
    assert about(seconds) == expected
