"""What variables read of averages, and how a resumed run finds it again."""

from __future__ import annotations

import pytest

from deckhand.lammps.averages import read_averages, recalled
from deckhand.lammps.errors import Place
from tests.makers import journal_of

HERE = Place("in.deck", 1)
PROFILE = "fix p all ave/chunk 20 50 1000 layers vx file profile"
FALL = "variable fall equal f_p[11][3]-f_p[1][3]"
COLUMNS = "thermo_style custom step temp v_fall"


@pytest.mark.parametrize(
    ("commands", "found"),
    [
        ((PROFILE, FALL, COLUMNS), ["f_p[11][3]", "f_p[1][3]"]),
        ((PROFILE, FALL), []),
        ((FALL, COLUMNS), []),
        ((PROFILE, FALL, "variable half equal v_fall/2", "thermo_style custom step v_half"),
         ["f_p[11][3]", "f_p[1][3]"]),
        ((PROFILE, "fix n all nvt temp 1 1 1", "variable fall equal f_n", COLUMNS), []),
        ((PROFILE, "variable fall atom f_p[1]", COLUMNS), []),
        (("fix s all ave/time 1 10 10 c_x", "variable fall equal abs(f_s)", COLUMNS), ["f_s"]),
        ((PROFILE, "variable fall equal v_fall+f_p[1][3]", COLUMNS), ["f_p[1][3]"]),
    ],
)  # fmt: skip
def test_the_entries_that_are_read(commands: tuple[str, ...], found: list[str]) -> None:
    assert read_averages(journal_of(*commands)) == found


def test_the_last_values_are_there_at_the_step_of_the_checkpoint() -> None:
    (variable,) = journal_of(FALL).of("variable")
    values = {"f_p[11][3]": "-0.25", "f_p[1][3]": "0.5"}
    assert recalled(variable, values, 3000) == (
        'variable fall equal "(f_p[11][3]*(step!=3000)+(-0.25)*(step==3000))'
        '-(f_p[1][3]*(step!=3000)+(0.5)*(step==3000))"'
    )


@pytest.mark.parametrize("text", ["variable k equal 2*f_px[1]", "variable k index f_p[1][3]"])
def test_other_variables_are_told_as_they_are(text: str) -> None:
    (variable,) = journal_of(text).of("variable")
    assert recalled(variable, {"f_p[1][3]": "0.5", "f_px": "1"}, 3000) == text
