"""Lines, quotes and words: a deck's text is read as LAMMPS reads it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.script import (
    decode,
    names,
    parse,
    references,
    spans,
    without_comment,
    words,
)
from tests.engine import LMP

HERE = Place("in.melt", 7)

texts = st.lists(
    st.sampled_from(["a", "b1", " ", "\t", "\n", "&", "#", "$", "${", "}", "$(", ")", "'", '"'])
    | st.just('"""')
    | st.characters(),
    max_size=30,
).map("".join)


def commands(text: str) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in parse("in.melt", text).lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run 1\nrun 2", [(1, "run 1"), (2, "run 2")]),
        ("run 1\r\nrun 2\r\n", [(1, "run 1"), (2, "run 2"), (3, "")]),
        ("fix 1 &\n all nve\nrun 1", [(1, "fix 1  all nve"), (3, "run 1")]),
        ("fix 1 &  \t\n all &\r\n nve\nrun 1", [(1, "fix 1  all  nve"), (4, "run 1")]),
        ("# none &\nrun 1\nrun 2", [(1, "# none run 1"), (3, "run 2")]),
        ('print """a\nb"""\nrun 1', [(1, 'print """a\nb"""'), (3, "run 1")]),
        ('print """a &\nb"""\nrun 1', [(1, 'print """a b"""'), (3, "run 1")]),
        ('print """a\n"b"\n&\n"""', [(1, 'print """a\n"b"\n"""')]),
        ('print """never\nclosed', [(1, 'print """never\nclosed')]),
        ("run 1 &", [(1, "run 1 &")]),
        ("", [(1, "")]),
    ],
)
def test_lines_are_joined(text: str, expected: list[tuple[int, str]]) -> None:
    assert commands(text) == expected


def test_a_command_stands_at_its_first_line() -> None:
    script = parse("sub/part.inc", "\n\nfix 1 &\n  all nve\nrun 1")
    assert str(script.place(2)) == "sub/part.inc, line 3"
    assert str(script.place(3)) == "sub/part.inc, line 5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run 1 # last", "run 1"),
        ("# all of it", ""),
        ("print '# kept' # gone", "print '# kept'"),
        ('print "a \'# kept" # "gone"', 'print "a \'# kept"'),
        ('print """ "# kept" """ # gone', 'print """ "# kept" """'),
        ("print a#b", "print a"),
    ],
)
def test_comments_end_a_command_but_not_inside_quotes(text: str, expected: str) -> None:
    assert without_comment(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  fix\t1  all nve ", ["fix", "1", "all", "nve"]),
        ("print 'a b' \"c 'd' e\"", ["print", "a b", "c 'd' e"]),
        ('if """$x == "y" """ then \'print "z"\'', ["if", '$x == "y" ', "then", 'print "z"']),
        ('print ""', ["print", ""]),
        ('print """a\nb"""', ["print", "a\nb"]),
        ('x="a b"', ['x="a', 'b"']),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    ["print 'a", "print \"a'", 'print """a" ""', "print a'b", "print 'it''s'", 'x "a"b', "'"],
)
def test_quotes_that_do_not_match_are_refused_with_their_place(text: str) -> None:
    with pytest.raises(DeckError, match=r"^in\.melt, line 7: a (quote|blank) is") as refused:
        words(text, HERE)
    assert refused.value.place == HERE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run ${n}", ["${n}"]),
        ("$x$y", ["$x", "$y"]),
        ("a$(2*(v_n+1):%.0f)b${c}", ["$(2*(v_n+1):%.0f)", "${c}"]),
        ("no reference", []),
    ],
)
def test_references(text: str, expected: list[str]) -> None:
    found = list(references(text))
    assert [item.text for item in found] == expected
    assert all(text[item.begin : item.end] == item.text for item in found)


@pytest.mark.parametrize("text", ["run ${n", "run $(1+(2)", "run $"])
def test_a_reference_that_does_not_end_is_refused(text: str) -> None:
    with pytest.raises(DeckError, match=r"line 7: a variable reference is not complete"):
        list(references(text, HERE))


def test_names_of_one_text() -> None:
    assert names("nve  nvt\n npt") == {"nve", "nvt", "npt"}


def test_old_texts_are_read_too() -> None:
    assert decode("# 5 Å".encode()) == decode("# 5 Å".encode("latin-1")) == "# 5 Å"


@given(texts)
@example('"""' * 3 + '"')
@example("$(")
def test_nothing_but_deck_errors_comes_out_of_any_text(text: str) -> None:
    for _, command in commands(text):
        bare = without_comment(command)
        assert "".join(span.text for span in spans(bare)) == bare
        for read in (words, references):
            try:
                list(read(bare, HERE))
            except DeckError as error:
                assert error.place == HERE


@given(st.lists(st.text(st.characters(exclude_characters="\"'#$&", codec="ascii")), min_size=1))
def test_quoted_words_come_back(expected: list[str]) -> None:
    assert words(" ".join(f"'{word}'" for word in expected)) == expected


def tricky_prints() -> Iterator[str]:
    """Every valid `print` of one word made of three tricky pieces."""
    pieces = ["x", " ", " # ", '"', "'", '"""', " &\n", "'y z'", '"y # z"', '"""y\n"z" """']
    for made in product(pieces, repeat=3):
        line = "print " + "".join(made) + " # end"
        read = commands(line)
        try:
            found = words(without_comment(read[0][1]))
            words(found[-1])  # `print` looks for quotes in what it prints once more
        except DeckError:
            continue
        # An odd `"""` joins the line with the next one, even in a comment.
        if len(read) == 1 and len(found) == 2 and line.count('"""') % 2 == 0:
            yield line


def said(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "in.said").write_text(text)
    return subprocess.run(
        [LMP, "-in", "in.said", "-log", "none"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_lammps_reads_the_same_words(tmp_path: Path) -> None:
    lines = list(tricky_prints())
    assert len(lines) > 50
    result = said(tmp_path, "print <<\n" + "\n".join(lines) + "\nprint >>\n")
    assert result.returncode == 0, result.stdout[-500:]
    got = result.stdout.split("<<\n", 1)[1].split("\n>>", 1)[0]
    expected = [words(without_comment(commands(line)[0][1]))[1] for line in lines]
    assert got.split("\n") == "\n".join(expected).split("\n")


@pytest.mark.parametrize("line", ["print 'a", "print a'b", "print 'it''s'", 'print """a" ""'])
def test_lammps_refuses_the_same_quotes(tmp_path: Path, line: str) -> None:
    with pytest.raises(DeckError):
        words(line)
    assert said(tmp_path, line + "\n").returncode != 0
