"""Writes random decks: loops, branches, includes, variables, quotes, and short runs of one atom.

What is printed to the log begins with `>`, so that it is found there again. Nearly all of what is
written is right; every loop ends.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.engine import ONE_ATOM

DECK: Final = "in.deck"

BOX: Final = f"{ONE_ATOM}thermo 5\n"
NAMES: Final = "one\n# not this\ntwo two\n\nthree # nor this\n"

_MOST_NESTED: Final = 3
_TEXTS: Final = (
    "a", "two words", "x=1.5", 'say "x"', "100%", "#no comment", "a & b", "c\td", "\\n", "1e-3",
    "λ 5 µ", "'quoted'", "a\u00a0b", ">", "(", ")", "{", "}", "then", "else", "a&",
)  # fmt: skip
_TOKENS: Final = (
    "a", "b c", " ", " ", "\t", "\n", "\n", "\r\n", "&\n", " & \n", "#", "$n", "${s}", "$u", "$",
    "$(v_n+1)", "${", "}", "$(", ")", "'", "'", '"', '"', '"""', '"""', "\nprint ", "\nprint >",
    "\nvariable u string ", "\nif ", " then ", " else ", " append out.txt", "\nlabel x\n",
    "\u201c", "\u2019", "\u00a0", "µ", "\f", ' # """', "&",
)  # fmt: skip
_ODD_TEXTS: Final = ("it's", "“curly”", "$", "$(", '"""', "$(step)", "${q}")
"""LAMMPS refuses a text with most of these."""

_FORMULAS: Final = (
    "1/3", "2*(3+4)", "v_n", "v_n*2-1", "(v_n+1)*(v_n-1)", "ceil(v_n/2)", "v_n%3", "v_n^2",
    "PI", "round(v_n+0.5)", "is_defined(variable,n)", "is_defined(variable,q)",
    "ternary(v_n>2,1,0)",
)  # fmt: skip
_FORMS: Final = ("", ":%.3f", ":%8.3f", ":%08.2e", ":%.0f", ": %5.1g", ":%.15g")
_CONDITIONS: Final = (
    "{a} == {b}", "{a} != {b}", "{n} < {m}", "{n} <= {m}", "{n} > {m}", "{n} >= {m}",
    "{n} == {m} && {a} == {b}", "{n} < {m} || {a} != {b}", "{n} < {m} |^ {a} == {b}",
    "!({n} == {m})", "({n} > {m}) && ({m} > 0)", "{n}", "{n}=={m}", "{n} > {m} || {n} < 1",
)  # fmt: skip


@dataclass
class Author:
    """One deck, written from *chance*; `files` is what it left when `write` is done."""

    chance: random.Random
    files: dict[str, str] = field(default_factory=dict)
    _labels: int = 0
    _nested: int = 0
    _loops: list[str] = field(default_factory=list)
    _has_box: bool = False

    def scribble(self) -> dict[str, bytes]:
        """A deck of quotes and signs in any order, right as long as it may be."""
        tokens = self.chance.choices(_TOKENS, k=self.chance.randint(2, 25))
        text = "variable n index 3\nvariable s string text\nvariable u string 'u u'\nprint >"
        return {DECK: (text + "".join(tokens)).encode(), "names.txt": NAMES.encode()}

    def write(self) -> dict[str, bytes]:
        """The files of a deck; names.txt is one of them."""
        lines = [
            "variable n index 3",
            "variable s string text",
            "variable u string 'u u'",
            "variable w string w",
            "variable e equal v_n+0.5",
        ]
        if self.chance.random() < 0.4:
            lines += BOX.splitlines()
            self._has_box = True
        lines += self._block(self.chance.randint(3, 14))
        if self.chance.random() < 0.15:
            lines += [self._faulty(), self._print()]
        self.files[DECK] = self._as_text(lines)
        self.files["names.txt"] = NAMES
        return {name: self._encoded(name, text) for name, text in self.files.items()}

    # ---- the letters of a file --------------------------------------------------------------

    def _encoded(self, name: str, text: str) -> bytes:
        if name != "names.txt" and self.chance.random() < 0.15:
            text = text.replace("\n", "\r\n")
        return text.encode()

    def _as_text(self, lines: list[str]) -> str:
        text = "\n".join(self._dressed(line) for line in lines)
        return text if self.chance.random() < 0.2 else f"{text}\n"

    def _dressed(self, line: str) -> str:
        """The same command with blanks, a comment, or broken where it may be."""
        if self.chance.random() < 0.15:
            line = self._broken(line)
        if self.chance.random() < 0.15:
            line = f"{self.chance.choice((' ', chr(9), '   '))}{line}"
        if self.chance.random() < 0.15:
            line += self.chance.choice((" # note", "\t# it's ${gone}", "  ", ' # """x"""', " #'"))
        if self.chance.random() < 0.1:
            line += self.chance.choice(("\n", "\n# a comment", "\n \t ", "\n#&\n"))
        return line

    def _broken(self, line: str) -> str:
        at = self.chance.randrange(len(line) + 1)
        if '"""' in line[max(0, at - 3) : at + 3]:
            return line
        return f"{line[:at]}&{self.chance.choice(('', ' ', chr(9)))}\n{line[at:]}"

    # ---- commands ---------------------------------------------------------------------------

    def _block(self, count: int) -> list[str]:
        lines: list[str] = []
        for _ in range(count):
            lines += self._piece()
        return lines

    def _piece(self) -> list[str]:
        pieces: list[tuple[float, Callable[[], list[str]]]] = [
            (4, lambda: [self._print()]),
            (2.5, lambda: [self._variable()]),
            (2, lambda: [self._if()]),
            (0.3, lambda: [self._blocked_print()]),
            (0.2, lambda: [f"variable {self.chance.choice('xyz')} delete"]),
        ]
        if self._nested < _MOST_NESTED:
            pieces += [
                (1, self._loop),
                (0.6, self._include),
                (0.4, self._skip),
                (0.3, self._pair_of_counters),
                (0.2, self._file_variable),
            ]
        if self._has_box:
            pieces += [
                (1.5, lambda: [self._run()]),
                (0.2, self._jump_out),
                (0.3, self._reset),
                (0.15, self._clear),
            ]
        weights = [weight for weight, _ in pieces]
        return self.chance.choices([make for _, make in pieces], weights)[0]()

    def _loop(self) -> list[str]:
        """Counts, with a way out of it in the middle now and then."""
        self._nested += 1
        self._labels += 1
        name, label = f"l{self._nested}", f"again{self._labels}"
        span = self.chance.choice(("3", "2 4", "9 11 pad", "1", "0 1"))
        style = self.chance.choice((f"loop {span}", "index a 'b c' d"))
        self._loops.append(name)
        lines = [f"variable {name} {style}", f"label {label}"]
        lines += self._block(self.chance.randint(1, 3))
        out = f"out{self._labels}_{self._nested}"
        if self.chance.random() < 0.4:
            condition = self._condition()
            rest = self.chance.choice(("", " 'print \"> not reached\"'"))
            lines.append(f'if "{condition}" then "jump SELF {out}"{rest}')
        lines += self._block(self.chance.randint(0, 2))
        lines += [f"next {name}", f"jump SELF {label}", f"label {out}", f"variable {name} delete"]
        self._loops.pop()
        self._nested -= 1
        return lines

    def _include(self) -> list[str]:
        self._nested += 1
        name = f"part{len(self.files)}.inc"
        self.files[name] = ""
        lines = self._block(self.chance.randint(1, 4))
        if self.chance.random() < 0.1:
            lines.append(self._wrapped_once("quit"))
        self.files[name] = self._as_text(lines)
        self._nested -= 1
        way = self.chance.choice((
            f"include {name}",
            f'include "{name}"',
            f"if '1' then 'include {name}' 'print \"> behind {name}\"'",
            f"variable f index {name}\ninclude ${{f}}\nvariable f delete",
            f'variable f string {name}\ninclude "${{f}}"',
        ))  # fmt: skip
        return way.split("\n")

    def _skip(self) -> list[str]:
        self._labels += 1
        label = f"there{self._labels}"
        middle = self._block(1) if self.chance.random() < 0.5 else ["label ${undefined}"]
        return [self._wrapped_once(f"jump SELF {label}"), *middle, f"label {label}"]

    def _wrapped_once(self, command: str) -> str:
        """A command by itself, or inside an `if` with more behind it."""
        return self.chance.choice(
            (command, f"if 1 then '{command}' 'print \"> behind\"'", f'if "1==1" then "{command}"')
        )

    def _pair_of_counters(self) -> list[str]:
        self._labels += 1
        label = f"both{self._labels}"
        return [
            "variable c index 1 2 3",
            "variable d index u v 'w w'" if self.chance.random() < 0.5 else "variable d index u v",
            f"label {label}",
            self._print("$c $d"),
            "next c d",
            f"jump SELF {label}",
            "variable c delete",
            "variable d delete",
        ]

    def _file_variable(self) -> list[str]:
        self._labels += 1
        label = f"line{self._labels}"
        return [
            "variable g file names.txt",
            f"label {label}",
            self._print("${g}"),
            "next g",
            f"jump SELF {label}",
        ]

    def _variable(self) -> str:
        name, value = self.chance.choice("xyz"), self._quoted(self._text(), always=True)
        return self.chance.choice((
            f"variable {name} index {value} {self._quoted(self._text())}",
            f"variable u string {value}",
            f"variable n{name} equal {self._quoted(self.chance.choice(_FORMULAS))}",
            f"variable m{name} equal {self._reference()}",
            "variable t format e %8.3f",
            f"variable w string {self._quoted(self._reference() + self._plain_text())}",
        ))  # fmt: skip

    def _print(self, text: str | None = None) -> str:
        text = self._text() if text is None else text
        body = self._quoted(f"> {text}")
        where = self.chance.choice(("", "", "", " append out.txt", " file out2.txt screen no"))
        return f"print {body}{where}"

    def _blocked_print(self) -> str:
        blank = self.chance.choice(("", "  ", "\n", " \t\n"))
        return f'print """> {self._plain_text()}{blank}\n> $n &\n "second" \'line\'"""'

    def _if(self) -> str:
        return self._branches(lambda: self._quoted(self._condition()), self._command)

    def _command(self) -> str:
        """A command in quotes, for an `if`; now and then an `if` again."""
        if self.chance.random() < 0.8:
            return self._quoted(self._small(), always=True)
        inner = self._branches(
            lambda: f'"{self._condition()}"', lambda: f"'{self._small(quotes=chr(34))}'"
        )
        return f'"""{inner}"""'

    def _branches(self, condition: Callable[[], str], command: Callable[[], str]) -> str:
        def commands() -> list[str]:
            return [command() for _ in range(self.chance.choice((1, 1, 2)))]

        words = ["if", condition(), "then", *commands()]
        for _ in range(self.chance.choice((0, 0, 1, 2))):
            words += ["elif", condition(), *commands()]
        if self.chance.random() < 0.6:
            words += ["else", *commands()]
        return " ".join(words)

    def _small(self, quotes: str = "'\"") -> str:
        text = self.chance.choice(("$n", "${s}", "plain", "a # b", self._reference()))
        quote = self.chance.choice(quotes)
        return self.chance.choice(
            (
                f"print {quote}> {text}{quote}",
                "print >bare",
                f"variable u string {quote}{text}{quote}",
            )
        )

    def _run(self) -> str:
        steps = self.chance.choice((0, 1, 3, 7))
        return self.chance.choice((
            f"run {steps}",
            f"run {steps} post no",
            f"run {steps} start 0 stop 1000",
            f"run 1{steps} every 4 \"print '> $(step)'\" \"if '$(step) > 6' then 'print >late'\"",
            f"run 5 every 2 {self._quoted(self._small(), always=True)}",
            f"run {steps} every 3 NULL",
            f"run {steps} every 2 'run 1' {self._quoted(self._small(), always=True)} 'run 2'",
            f"run 4 every 2 {self._quoted(self._branch_of_runs(), always=True)} 'print >x'",
        ))  # fmt: skip

    def _jump_out(self) -> list[str]:
        self._labels += 1
        label = f"over{self._labels}"
        return [f"run 6 every 2 'print >z' 'jump SELF {label}' 'print >no'", f"label {label}"]

    def _branch_of_runs(self) -> str:
        return self.chance.choice(
            ("if 1 then quit", "reset_timestep 0", "if $(step)>2 then 'run 1' 'print >y'")
        )

    def _reset(self) -> list[str]:
        return [f"reset_timestep {self.chance.choice((0, 20))}", self._print("$(step)")]

    def _clear(self) -> list[str]:
        return ["clear", *BOX.splitlines()]

    def _faulty(self) -> str:
        return self.chance.choice((
            "print > it's", "jump SELF nowhere", "include nothing.inc", "quit 3", "print $q",
            "frobnicate", "if 1 print", 'if 1 then ""', "next n x", "print 'a", "run ten",
            "variable n equal 5", "if '1 ==' then quit", "print $(1+)", "label", "quit",
        ))  # fmt: skip

    # ---- words ------------------------------------------------------------------------------

    def _condition(self) -> str:
        form = self.chance.choice(_CONDITIONS)
        texts = ("a", "b", "${s}", "text")
        numbers = ("$n", "${e}", "3", "2.5", "$(v_n+1)", "0")
        return form.format(
            a=self.chance.choice(texts),
            b=self.chance.choice(texts),
            n=self.chance.choice(numbers),
            m=self.chance.choice(numbers),
        )

    def _reference(self) -> str:
        formula, form = self.chance.choice(_FORMULAS), self.chance.choice(_FORMS)
        names = (
            "$n",
            "${n}",
            "${s}",
            "${e}",
            "$u",
            "${w}",
            *(f"${{{name}}}" for name in self._loops),
        )
        return self.chance.choice((*names, f"$({formula}{form})"))

    def _word(self) -> str:
        return self.chance.choice(_TEXTS if self.chance.random() < 0.98 else _ODD_TEXTS)

    def _plain_text(self) -> str:
        return self.chance.choice(("a", "two words", "x=1.5", "100%", "b & c", "#"))

    def _text(self) -> str:
        parts = [
            self._reference() if self.chance.random() < 0.5 else self._word()
            for _ in range(self.chance.choice((1, 1, 2, 3)))
        ]
        return self.chance.choice(("", " ")).join(parts)

    def _quoted(self, text: str, *, always: bool = False) -> str:
        """In quotes of a kind that it does not hold, or as it is."""
        if not always and self.chance.random() < 0.2:
            return "".join(text.split()) or "a"
        kinds = [quote for quote in ("'", '"', '"""') if quote not in text]
        if '"' in text:
            kinds = [quote for quote in kinds if quote != '"""' or not text.endswith('"')]
        quote = self.chance.choice(kinds) if kinds else '"'
        return f"{quote}{text}{quote}"
