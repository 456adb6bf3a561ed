"""Variables as far as a deck's text alone tells them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.errors import DeckError
from deckhand.lammps.script import words
from deckhand.lammps.static import StaticVariables


def after(*lines: str) -> StaticVariables:
    variables = StaticVariables()
    for line in lines:
        variables.define(words(variables.expand(line)))
    return variables


@pytest.mark.parametrize(
    ("lines", "text", "expected"),
    [
        (["variable n index 100 200"], "run ${n}", "run 100"),
        (["variable n index 100", "variable n index 7"], "run $n", "run 100"),
        (["variable n string a", "variable n string b"], "x$n", "xb"),
        (["variable i loop 5"], "run $(100*v_i)", "run 100"),
        (["variable i loop 3 5"], "$i", "3"),
        (["variable i loop 5 pad"], "$i", "1"),
        (["variable a equal 2*3", "variable b equal v_a^2"], "${b}", "36"),
        (["variable t equal 0.1+0.2"], "$t", "0.3"),
        (["variable a equal temp"], "$a", "$a"),
        (["variable a equal 1", "variable a delete"], "$a", "$a"),
        (["variable a equal 1", "variable a equal vol"], "$a", "$a"),
        (["variable a index 1", "variable a python f"], "$a", "$a"),
        ([], "run $(1000/3:%.0f)", "run 333"),
        ([], "run $(1000/4)", "run 250"),
        ([], "run $(step)", "run $(step)"),
        (["variable n index 5"], "print 'n is $n' $n", "print 'n is $n' 5"),
    ],
)
def test_known_values_are_put_in(lines: list[str], text: str, expected: str) -> None:
    assert after(*lines).expand(text) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("", "0.10000000000000000555"),
        (":%.15g", "0.1"),
        (":%8.3f", "   0.100"),
        (":%010.2e", "001.00e-01"),
        (":%d", None),
        (":%999999999.1f", None),
    ],
)
def test_numbers_are_printed_as_lammps_prints_them(form: str, expected: str | None) -> None:
    text = f"$(1/10{form})"
    assert after().expand(text) == (text if expected is None else expected)


def test_a_string_holds_what_its_references_were_worth() -> None:
    assert after("variable i index 1", "variable s string 'a$i'").expand("${s}") == "a1"
    assert after("variable s string 'a$'").expand("${s}") == "${s}"


def test_values_made_of_values_do_not_fill_the_memory() -> None:
    doubling = [f"variable x{n} index ${{x{n - 1}}}${{x{n - 1}}}" for n in range(1, 60)]
    variables = after("variable x0 index 0123456789", *doubling)
    assert len(variables.expand("${x8}")) == 2560
    assert len(variables.expand("${x50}")) < 10_000
    assert len(variables.expand("${x8}" * 10_000)) < 1_100_000


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("2+3*4", 14),
        ("-2^2", -4),
        ("ceil(2.1)+floor(2.9)+round(2.5)", 8),
        ("round(-2.5)", -3),
        ("sqrt(16)+abs(-1)+ln(exp(1))+log(100)", 8),
        ("7%4", 3),
        ("1e999", None),
        ("1/0", None),
        ("7%0", None),
        ("10^999", None),
        ("sqrt(-1)", None),
        ("step*2", None),
        ("sqrt(1,2)", None),
        ("__import__('os')", None),
        ("'a'*9", None),
        ("(" * 390, None),
        ("1+" * 300 + "1", None),
        ("", None),
    ],
)
def test_formulas(formula: str, expected: float | None) -> None:
    found = StaticVariables().number(formula)
    assert found is None if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize("form", ["%.0f", "%.3g", "%d", ""])
@pytest.mark.parametrize("formula", ["1e999", "1e308*10", "1e999-1e999", "0/0"])
def test_numbers_without_a_value_stay_as_they_are(formula: str, form: str) -> None:
    text = f"$({formula}:{form})"
    assert StaticVariables().expand(text) == text


@given(st.text(st.sampled_from("0123456789.eE+-*/^%()v_asqrtlnxj, \0"), max_size=40))
def test_no_formula_is_a_surprise(formula: str) -> None:
    found = after("variable a string 1e9").number(formula)
    assert found is None or abs(found) < float("inf")


@given(
    st.lists(st.sampled_from(["a", "b", "index", "loop", "equal", "string", "delete", "1", "v_a"])),
    st.text(st.sampled_from("$ab{}():1%.0df+* '\""), max_size=20),
)
def test_nothing_but_deck_errors_comes_out(rest: list[str], text: str) -> None:
    variables = StaticVariables()
    variables.define(["variable", "a", "index", *rest])
    variables.define(["variable", "b", "equal", *rest])
    try:
        expanded = variables.expand(text)
    except DeckError:
        return
    assert "$" in text or expanded in text
