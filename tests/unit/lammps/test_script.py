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
    as_line,
    decode,
    label_of,
    names,
    parse,
    quoted,
    references,
    replaced,
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
        ("run 1\r\nrun 2\r\n", [(1, "run 1"), (2, "run 2")]),
        ("fix 1 &\n all nve\nrun 1", [(1, "fix 1  all nve"), (3, "run 1")]),
        ("fix 1 &  \t\n all &\r\n nve\nrun 1", [(1, "fix 1  all  nve"), (4, "run 1")]),
        ("# none &\nrun 1\nrun 2", [(1, "# none run 1"), (3, "run 2")]),
        ('print """a\nb"""\nrun 1', [(1, 'print """a\nb"""'), (3, "run 1")]),
        ('print """a &\nb"""\nrun 1', [(1, 'print """a b"""'), (3, "run 1")]),
        ('print """a\n"b"\n&\n"""', [(1, 'print """a\n"b"\n"""')]),
        ('print """never\nclosed', [(1, 'print """never\nclosed')]),
        ("run 1 &", [(1, "run 1 &")]),
        ("run 1 &\n", [(1, "run 1 &")]),
        ("&\n", [(1, "")]),
        ("run 1 & &\nb", [(1, "run 1 & b")]),
        ("run 1 & &\n\nb", [(1, "run 1 b")]),
        ("run 1 &\n\nrun 2\n", [(1, "run 1"), (3, "run 2")]),
        ('print """a  \n\n \nb\t\n"""\nrun 1\n', [(1, 'print """a\nb\n"""'), (6, "run 1")]),
        ('print """a\n', [(1, 'print """a\n')]),
        ('run 1 # """\nrun 2\n"""\nrun 3\n', [(1, 'run 1 # """\nrun 2\n"""'), (4, "run 3")]),
        ("run 1\r\n\frun 2 \v&\r\n3", [(1, "run 1"), (2, "\frun 2 \v3")]),
        ("run 1\x1c\n", [(1, "run 1\x1c")]),
        ("", []),
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
        ("print 'a # b'#'", "print 'a # b'"),
        ("print \u201cit\u2019s\u00a0\u2212\u03bb\u201d", 'print "it\'s -\u03bb"'),
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
        ("it's", ["it's"]),
        ('print """a"b"""', ["print", 'a"b']),
        ("print \"\" ''", ["print", "", ""]),
        ("a\u00a0b\x1cc\vd", ["a\u00a0b\x1cc", "d"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    ["print 'a", "print \"a'", 'print """a" ""', "print 'it''s'", 'x "a"b', "'", 'print """"a"""b'],
)
def test_quotes_that_do_not_match_are_refused_with_their_place(text: str) -> None:
    with pytest.raises(DeckError, match=r"^in\.melt, line 7: a (quote|blank) is") as refused:
        words(without_comment(text, HERE), HERE)
    assert refused.value.place == HERE


@pytest.mark.parametrize(
    "text",
    ["print it's", "print 'a' b\"", 'print """a"', "'# a", "a \u201c # b\u201d", "it\u2019s"],
)
def test_a_quote_must_be_closed_before_the_comment(text: str) -> None:
    with pytest.raises(DeckError, match=r"^in\.melt, line 7: a quote is opened"):
        without_comment(text, HERE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run ${n}", ["${n}"]),
        ("$x$y", ["$x", "$y"]),
        ("a$(2*(v_n+1):%.0f)b${c}", ["$(2*(v_n+1):%.0f)", "${c}"]),
        ("no reference", []),
        ('\'$x\' $y "$z" """$a"""', ["$y"]),
        ("$(is_file('a)')) $b", ["$(is_file('a)')", "$b"]),
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


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("a ${b} c$d", "1", "a 1 c1"),
        ("a '$b' $b", "$c'", "a '$b' $c'"),
        ("nothing 'here", "", "nothing 'here"),
    ],
)
def test_references_are_replaced_once(text: str, value: str, expected: str) -> None:
    assert replaced(text, lambda reference: value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run 5", "run 5"),
        ("print 'a & b'", "print 'a & b'"),
        ("print a&", "print a& #"),
        ("print a#b", 'print "a#b"'),
        ("print $b", 'print "$b"'),
        ("print it's", 'print "it\'s"'),
        ("if 'a\nb'", 'if """a\nb"""'),
        ("print a\n b", "print a b"),
        ('x \'"""\'', 'x \'"""\' # """'),
        ("x 'a'\t\"b\"", "x 'a'\t\"b\""),
    ],
)
def test_a_command_is_written_so_that_lammps_reads_it_alike(text: str, expected: str) -> None:
    assert as_line(text, words(text)) == expected
    script = parse("", f"{expected}\nrun 1\n")
    assert [words(without_comment(line.text)) for line in script.lines] == [
        words(text),
        ["run", "1"],
    ]


@pytest.mark.parametrize("word", ["'\"", "\n\n", "a \nb", '\'\n"""', "' \""])
def test_what_cannot_be_written_is_refused(word: str) -> None:
    with pytest.raises(DeckError, match=r"^in\.melt, line 7: there is no way to tell"):
        as_line(word, ["print", word], HERE)


@given(st.lists(st.text(st.sampled_from("ab \t'\"$#&{(\n")), min_size=1, max_size=4))
def test_a_line_of_words_reads_as_these_words(command: list[str]) -> None:
    text = " ".join(quoted(word) for word in command)
    try:
        line = as_line(text, command)
    except DeckError:
        return
    first, second = parse("", f"{line}\nrun 1\n").lines
    assert words(without_comment(first.text)) == command
    assert second.text == "run 1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" label\ta # b", "a"),
        ("'label' 'my own'", "my own"),
        ("label $x", "$x"),
        ("labelmap atom 1 C", None),
        ("label a b", None),
        ("label", None),
    ],
)
def test_labels(text: str, expected: str | None) -> None:
    assert label_of(text) == expected


def test_the_first_of_two_labels_counts() -> None:
    script = parse("in.melt", "label a\nrun 1\nlabel a\nlabel b\nprint it's\nlabel c")
    assert (script.after_label("a", HERE), script.after_label("b", HERE)) == (1, 4)
    with pytest.raises(DeckError, match=r"line 7: there is no `label c` in in\.melt"):
        script.after_label("c", HERE)


def test_names_of_one_text() -> None:
    assert names("nve  nvt\n npt") == {"nve", "nvt", "npt"}


def test_old_texts_are_read_too() -> None:
    assert decode("# 5 Å".encode()) == decode("# 5 Å".encode("latin-1")) == "# 5 Å"


@given(texts)
@example('"""' * 3 + '"')
@example("$(")
def test_nothing_but_deck_errors_comes_out_of_any_text(text: str) -> None:
    for _, command in commands(text):
        try:
            bare = without_comment(command, HERE)
            assert replaced(bare, lambda reference: reference, HERE) == bare
            as_line(bare, words(bare, HERE), HERE)
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
            without_comment(found[-1])  # `print` looks for quotes in what it prints once more
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
        words(without_comment(line))
    assert said(tmp_path, line + "\n").returncode != 0
