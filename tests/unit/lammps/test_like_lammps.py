"""Random decks leave behind through the interpreter what they leave in plain LAMMPS."""

from __future__ import annotations

import pytest

from tests.fuzz.comparison import both, deck, has_runs, pieces


@pytest.mark.parametrize("number", range(16))
def test_a_random_deck(number: int) -> None:
    expected, got = both(deck("write", number))
    assert got == expected
    assert expected.printed


@pytest.mark.parametrize("number", [*range(8), 492])
def test_quotes_and_signs_in_any_order(number: int) -> None:
    expected, got = both(deck("scribble", number))
    assert got == expected


RESUMED = [number for number in range(80) if has_runs(deck("write", number))][:8]


@pytest.mark.parametrize("number", RESUMED)
def test_a_random_deck_in_pieces(number: int) -> None:
    expected, got = pieces(deck("write", number), runs=1)
    assert got == expected


STRANGE = {
    "a file that includes itself": 'print "> a"\ninclude in.deck\n',
    "a status": 'print "> a"\nquit 3\n',
    "two arguments to quit": 'print "> a"\nquit 1 2\n',
    "a missing label": 'print "> a"\njump SELF nowhere\n',
    "an open quote on the way to a label": "print > a\njump SELF b\nprint it's\nlabel b\n",
    "a missing file": 'print "> a"\ninclude nothing.inc\n',
    "an ampersand at the end": 'print "> a" &\n',
    "a value with an ampersand": "variable s index 'a&'\nprint >${s}\nprint '> b'\n",
    "three quotes as a value": 'variable s index \'"""\' # """\nprint \'> b\'\n',
    "a value with a reference": "variable y index Y\nvariable s index '$y'\nprint >${s}\n",
    "an `if` without then": "if 1 'print >a'\n",
    "an `if` without a command": "if 1 then\nprint >b\n",
    "an empty command": 'if 1 then ""\nprint >b\n',
    "a line break in a command": 'if 1 then """print \'> a\nb\' append f.txt"""\n',
    "both quotes in a condition": 'if """\'a b\' == "a b" """ then \'print >a\'\n',
    "a quoted reference in a condition": "variable x index a\nif \"'$x' == 'a'\" then 'print >a'\n",
    "a command in a variable": "variable c index jump\n$c SELF x\nprint > n\nlabel x\nprint >y\n",
    "quotes in a formula": 'print >$(is_file("in.deck"))|$(is_file(in.deck))\n',
    "a file with DOS line ends": "variable i loop 2\r\nlabel a\r\nprint '> $i'\r\nnext i\r\n"
    'jump SELF a\r\nprint """> x \r\n> y"""\r\n',
    "white space of C only": 'print\v"> a"\f\nprint "> b" \f&\v\n\fscreen yes\nprint "> \x1c"\n',
    "pasted quotes": "print \u201c> a b\u201d\nif\u00a0\u201c1\u201d then \u2018print >c\u2019\n",
    "a long line": f"print '> {'x' * 100_000}'\n",
    "a jump that is skipped twice": "variable i loop 1\nvariable j loop 1\nnext i\nnext j\n"
    "jump SELF nowhere\nprint >a\njump nothing\n",
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_deck(name: str) -> None:
    expected, got = both({"in.deck": STRANGE[name].encode()})
    assert got == expected
