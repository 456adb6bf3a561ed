"""The interpreter: a deck's commands in the order in which plain LAMMPS would execute them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.interpreter import Interpreter
from deckhand.lammps.journal import Journal, restated
from deckhand.lammps.process import Lammps
from deckhand.lammps.script import Script, parse, replaced, words
from deckhand.lammps.watch import Stopped
from tests.engine import LMP, ONE_ATOM

BOX = ONE_ATOM


@dataclass
class FakeLammps:
    """An engine in memory: loop and index variables, comparisons of words, steps.

    A run ends at the first of the *halts* that it reaches.
    """

    now: int = 0
    halts: frozenset[int] = frozenset()
    halted: bool = False
    sent: list[str] = field(default_factory=list)
    variables: dict[str, list[str]] = field(default_factory=dict)

    def send(self, command: str, place: Place | None = None) -> None:
        self.sent.append(command)
        parts = words(command)
        if parts[0] == "variable" and parts[1] not in self.variables:
            values = parts[3:]
            if parts[2] == "loop":
                first, last = (1, values[0]) if len(values) == 1 else values
                values = [str(number) for number in range(int(first), int(last) + 1)]
            self.variables[parts[1]] = values
        elif parts[0] == "next":
            for name in parts[1:]:
                self.variables[name].pop(0)
                if not self.variables[name]:
                    del self.variables[name]
        elif parts[0] == "run":
            reached = [step for step in self.halts if self.now < step <= int(parts[1])]
            self.halted = self.halted or bool(reached)
            self.now = min(reached, default=int(parts[1]))

    def has_halted(self) -> bool:
        return self.halted

    def ask(self, text: str) -> str:
        return replaced(text, self._value)

    def _value(self, reference: str) -> str:
        if reference.startswith("$(is_defined"):
            name = reference.removeprefix("$(is_defined(variable,").removesuffix("))")
            return str(int(name in self.variables))
        return self.variables[reference.strip("${}")][0]

    def holds(self, condition: str) -> bool:
        left, right = self.ask(condition).split(" == ")
        return left == right

    def step(self) -> int:
        return self.now


@dataclass
class Eyes:
    """A watch that wants to stop as soon as *stop_of* says so."""

    stop_of: Callable[[], bool] = lambda: False
    stands: bool = True
    writes_restart: bool = False
    pausing: bool = False
    runs: list[int] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    boxes: int = 0

    @property
    def stopping(self) -> bool:
        return self.stop_of()

    def command_comes(self, command: list[str], place: Place) -> None:
        self.seen.append(f"comes {command[0]}")

    def command_given(self, command: list[str]) -> None:
        self.seen.append(f"given {command[0]}")

    def box_made(self) -> None:
        self.boxes += 1

    def can_stand(self, step: int) -> bool:
        return self.stands

    def run_comes(self, step: int) -> bool:
        return self.writes_restart

    def run_starts(self, step: int, *, set_up: bool) -> None:
        self.runs.append(step)

    def run_goes_on(self, step: int) -> None:
        self.seen.append(f"goes on {step}")
        self.pausing = False

    def run_ended(self, step: int) -> None:
        self.seen.append(f"ended {step}")


def reader(files: dict[str, str]) -> Callable[[str], Script]:
    def read(file: str) -> Script:
        if file not in files:
            raise DeckError(f"cannot read {file}")
        return parse(file, files[file])

    return read


def carried(deck: str, watch: Eyes | None = None, **files: str) -> FakeLammps:
    """A fake that a deck was given to; `part` is the file part.inc."""
    engine = FakeLammps()
    named = {f"{name}.inc": text for name, text in files.items()}
    journal = Journal(deck="in.melt")
    read = reader({"in.melt": deck, **named})
    Interpreter(engine, journal, read, watch or Eyes()).execute()
    assert journal.frames == []
    return engine


DECKS = {
    "loop": """
variable i loop 3
label again
print "> i $i"
next i
jump SELF again
print "> after"
""",
    "nested loops": """
variable i loop 2
label outer
variable j loop 3 4 pad
label inner
print "> $i $j"
next j
jump SELF inner
next i
jump SELF outer
""",
    "two variables at once": """
variable a index x "y z" w
variable b index 1 2
label again
print "> $a $b"
next a b
jump SELF again
variable b index new
print "> $a $b"
""",
    "file variable": """
variable f file names.txt
label again
print "> $f"
variable f file names.txt
next f
jump SELF again
""",
    "includes": """
print "> one"
include a.inc
print "> four"
""",
    "jump to another file": """
print "> before"
if "1 == 1" then "jump b.inc deep" "print '> skipped'"
print "> never"
""",
    "break out of a loop": """
variable i loop 10
label again
if "$i == 3" then "jump SELF break"
print "> $i"
next i
jump SELF again
label break
variable i delete
print "> out"
""",
    "if, elif, else": '''
variable i loop 5
label again
if "$i == 1" then "print '> one'" "print '> still one'" &
elif "$i == 2" 'print "> two"' &
elif '$i == 3' """if '${i} < 4' then 'print "> three"' else 'print "> not"' """ &
else "print '> # other' # no" 'print "> $i"'
next i
jump SELF again
''',
    "if of words": """
variable s string abc
if "${s} == abc" then "print '> equal'"
if "${s} != abc" then "print '> not'" else "print '> else'"
if "$(1+1) > 1 && !(${s} == x)" then 'print "> both"'
""",
    "immediate values": """
variable n equal 7
variable s string "a b"
print "> $(v_n/2) $(v_n/2:%.2f) ${s}"
variable copy string ${n}x$(2*(3+1))
print "> ${copy}"
variable odd equal v_n%2
print '> ${odd}' # $nothing
""",
    "continued and triple quotes": """
print "> a &
b"
variable t string \"""its "x" here\"""
print \"""> $t
> 'second' line # kept\"""
if "1" then \"""print "> it is in" \"""
""",
    "label behind what is not defined yet": """
print "> here"
jump SELF there
labelmap atom 1 ${undefined}
label ${undefined}
label there
print "> there"
""",
    "quit inside": """
print "> one"
include q.inc
print "> never"
""",
    "clear": f"""
variable i index 5
{BOX}
run 0
clear
print "> $i"
{BOX}
run 3
print "> $(step)"
""",
    "run every": f"""
{BOX}
variable n equal step
variable c index 0
run 10 every 4 \"""if '$(step) > 4' then 'print "> late $(step)"' 'variable c delete' \""" &
  "print '> ${{n}}'" "variable c index $(step)" "print '> c $c'"
print "> done"
run 4 every 2 NULL
print "> ${{n}}"
run 20 upto every 3 "include e.inc"
""",
    "runs between the chunks of a run": f"""
{BOX}
run 10 every 5 "print '> $(step)'" "run 2" "run 3 every 1 'print >inner$(step)'"
print "> done $(step)"
reset_timestep 3
run 4 every 2 "reset_timestep 0" "print '> $(step)'"
print "> done $(step)"
""",
    "jump out of run every": f"""
{BOX}
run 10 every 2 "print '> $(step)'" "if '$(step) == 4' then 'jump SELF out' 'print no'" "print no"
print "> never"
label out
print "> out $(step)"
""",
    "a string is what it was": """
variable i loop 3
variable first string "was $i"
label again
variable s string 'i$i'
next i
jump SELF again
print "> ${first} ${s}"
print "> ${s}"
""",
    "names in quotes": """
variable i index I
variable f string a
include "${f}.inc"
variable s index 'a#b' "c$i" 'y&'
label again
print >${s}
print "> ${s}"
next s
jump SELF again
""",
    "a label among the rest of an if": """
variable i loop 2
print "> top $i"
if "$i == 1" then "next i" "jump SELF x" "print no" "label x" "print '> here'"
label y
print "> end"
""",
    "quit in run every": f"""
{BOX}
run 100 every 10 "print '> $(step)'" "if '$(step) >= 30' then quit"
print "> never"
""",
}
"""Files that these include lie beside them; what begins with `>` is compared."""

FILES = {
    "names.txt": "one\ntwo two\nthree\n",
    "a.inc": 'print "> two"\ninclude c.inc\nvariable k loop 2\nlabel l\nprint "> k $k"\nnext k\n'
    "jump SELF l\n",
    "b.inc": 'print "> not this"\nlabel deep\nprint "> deep"\n'
    "if 1 then 'jump c.inc' 'print \"> the rest of the if\"'\nprint '> never'\n",
    "c.inc": 'print "> three"\n',
    "e.inc": 'print "> e"\nif "$(step) > 18" then "print \'> big\'"\n',
    "q.inc": 'print "> in"\nif "1 == 1" then quit "print \'> no\'"\nprint "> never"\n',
}


def shown(screen: str) -> list[str]:
    return [line for line in screen.splitlines() if line.startswith(">")]


@pytest.mark.parametrize("name", DECKS)
def test_prints_come_in_the_order_of_plain_lammps(name: str, tmp_path: Path) -> None:
    files = {**FILES, "in.deck": DECKS[name]}
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    command = [str(LMP), "-in", "in.deck", "-log", "none"]
    plain = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert plain.returncode == 0, plain.stdout[-500:]

    (tmp_path / "control").mkdir()
    lammps = Lammps([str(LMP), "-log", "none"], tmp_path, tmp_path / "control")
    try:
        Interpreter(lammps, Journal(deck="in.deck"), reader(files), Eyes()).execute()
        lammps.close()
    finally:
        lammps.kill()
    assert shown(lammps.screen()) == shown(plain.stdout)
    assert len(shown(plain.stdout)) > 1


def test_commands_are_sent_expanded_with_their_lines_joined() -> None:
    engine = carried('variable n index 5\nfix p all print $n "at $n" &\n  file ${n}.txt # note\n')
    assert engine.sent == ["variable n index 5", 'fix p all print 5 "at $n"   file 5.txt']


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("run 10", ["run 110 upto start 100 stop 110 pre yes post yes"]),
        ("run 110 upto", ["run 110 upto start 100 stop 110 pre yes post yes"]),
        ("run 10 start 0 stop 500", ["run 110 upto start 0 stop 500 pre yes post yes"]),
        ("run 10 pre no post off", ["run 110 upto start 100 stop 110 pre no post no"]),
        (
            "run 5 pre no every 3 NULL",
            [
                "run 103 upto start 100 stop 103 pre yes post yes",
                "run 105 upto start 103 stop 105 pre no post yes",
            ],
        ),
        (
            "run 5 stop 200 every 3 'print a' 'print b'",
            [
                "run 103 upto start 100 stop 200 pre yes post yes",
                "print a",
                "print b",
                "run 105 upto start 103 stop 200 pre yes post yes",
                "print a",
                "print b",
            ],
        ),
        ("run 0", ["run 100 upto start 100 stop 100 pre yes post yes"]),
    ],
)
def test_runs_are_sent_with_absolute_steps(command: str, expected: list[str]) -> None:
    engine = FakeLammps(now=100)
    journal = Journal(deck="in.melt")
    Interpreter(engine, journal, reader({"in.melt": command}), Eyes()).execute()
    assert engine.sent == expected
    assert (journal.run, journal.stage) == (None, 1)
    assert journal.steps_done == engine.now - 100


def test_a_run_without_setup_gets_one_after_a_restart_file_was_written() -> None:
    watch = Eyes(writes_restart=True)
    engine = carried("run 5\nrun 5 pre no", watch)
    assert [line.split()[-3] for line in engine.sent] == ["yes", "yes"]
    assert [line.split()[-3] for line in carried("run 5\nrun 5 pre no").sent] == ["yes", "no"]


def test_a_deform_is_told_again_before_a_run_that_has_no_start() -> None:
    fix, modify = "fix d all deform 1 x scale 2", "fix_modify d energy yes"
    assert carried(f"{fix}\n{modify}\nrun 5").sent[2:4] == [fix, modify]
    assert len(carried(f"{fix}\nrun 5 start 0").sent) == 2


def test_the_watch_sees_commands_before_and_after_and_the_box_once() -> None:
    watch = Eyes()
    carried("units lj\nread_data a\nread_data b add append\nrun 5", watch)
    assert watch.seen[:4] == ["comes units", "given units", "comes read_data", "given read_data"]
    assert (watch.boxes, watch.runs) == (1, [0])


@pytest.mark.parametrize(
    ("deck", "expected"),
    [
        ("\ninclude", "line 2: `include` needs 1 argument"),
        ("jump", "line 1: `jump` needs 1 argument"),
        ("next", "line 1: `next` needs 1 argument"),
        ("run", "line 1: `run` needs 1 argument"),
        ("run ten", "line 1: 'ten' is not a number of steps"),
        ("run inf", "line 1: 'inf' is not a number of steps"),
        ("run 5 start", "line 1: `run` needs 3 argument"),
        ("run 5 faster yes", "line 1: `run` has no keyword 'faster'"),
        ("jump SELF nowhere", "line 1: there is no `label nowhere` in in.melt"),
        ("if", "line 1: `if` needs 3 argument"),
        ("if 1 print x", "line 1: `if` has 'print' where `then` is expected"),
        ("if 'a == a' then else quit", "line 1: `if` has a branch without a command"),
        ("if 'a == b' then quit elif", "line 1: `elif` has no condition"),
        ("if 'a == a' then ''", "line 1: `if` has a branch without a command"),
        ("include in.melt", "line 1: files include one another more than 16 deep"),
        ("run 1.5", "line 1: '1.5' is not a number of steps"),
        ("run 5 pre maybe", "line 1: 'maybe' is neither `yes` nor `no`"),
        ("run 5 every 2", "line 1: `run … every` needs a number of steps and a command"),
        ("run 5 every 0 quit", "line 1: `run … every` needs a number of steps and a command"),
        ("label a b", "line 1: `label` takes 1 argument(s) only"),
        ("next 'a b'", "line 1: 'a b' is no name of a variable"),
        ("print $-", "line 1: $- is no reference to a variable"),
        ("\nquit 3", "line 2: the deck ended itself with `quit 3`"),
        ("quit now", "line 1: 'now' is not a number of steps"),
        ("print 'a", "line 1: a quote is opened"),
        ("print ${a", "line 1: a variable reference is not complete"),
        ("\ninclude none.inc", "line 2: cannot read none.inc"),
        ("\njump none.inc", "line 2: cannot read none.inc"),
        ("variable s index 'é'\nlog ${s}", "line 2: ${s} has letters that are not ASCII"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(deck: str, expected: str) -> None:
    with pytest.raises(DeckError) as refused:
        carried(deck)
    assert expected in str(refused.value)


def test_a_minimization_is_left_before_it_begins() -> None:
    engine, journal = FakeLammps(now=40), Journal(deck="in.melt")
    read = reader({"in.melt": "minimize 0 0 10 10"})
    with pytest.raises(Stopped) as stopped:
        Interpreter(engine, journal, read, Eyes(lambda: True)).execute()
    assert (stopped.value.step, engine.sent) == (40, [])
    Interpreter(engine, journal, read, Eyes(), resumed=True).execute()
    assert engine.sent == ["minimize 0 0 10 10"]


def test_a_minimization_that_was_stopped_cannot_be_stored() -> None:
    with pytest.raises(Stopped) as stopped:
        carried("minimize 0 0 10 10", Eyes(lambda: True, stands=False))
    assert stopped.value.step == -1


@pytest.mark.parametrize(
    ("halt", "ends"),
    [("soft", [7]), ("continue", [7, 12]), ("soft message yes", [7])],
)
def test_the_halt_of_a_deck_means_what_it_means_in_lammps(halt: str, ends: list[int]) -> None:
    engine = FakeLammps(halts=frozenset({7}))
    deck = f"fix stop all halt 1 tlimit > 5 error {halt}\nrun 10\nrun 5\nprint end"
    watch = Eyes()
    Interpreter(engine, Journal(deck="in.melt"), reader({"in.melt": deck}), watch).execute()
    assert [seen for seen in watch.seen if seen.startswith("ended")] == [f"ended {n}" for n in ends]
    assert engine.sent[-1] == "print end"


LOOPS = """
variable i index a b c
label outer
variable j loop 2
label inner
print "$i $j"
if "$i == b" then "run 10" "print 'in b $j'" "run 5" else "run 7 every 3 'print chunk' 'run 1'"
next j
jump SELF inner
include part.inc
next i
jump SELF outer
run 4
"""


def done(engine: FakeLammps) -> list[str]:
    """Prints, and runs by their ends."""
    return [" ".join(line.split()[:2]) for line in engine.sent if line.startswith(("pri", "run"))]


@given(st.frozensets(st.integers(1, 70)))
def test_a_deck_that_is_left_and_entered_again_does_the_same(halts: frozenset[int]) -> None:
    read = reader({"in.melt": LOOPS, "part.inc": "print part\nrun 2\nprint $i"})
    whole = FakeLammps()
    Interpreter(whole, Journal(deck="in.melt"), read, Eyes()).execute()

    pieces: list[str] = []
    journal, engine, resumed = Journal(deck="in.melt"), FakeLammps(halts=halts), False
    while journal.frames or not resumed:
        engine = FakeLammps(now=engine.now, halts=halts)
        for setting in journal.of("variable"):
            for command in restated(setting):
                engine.send(command)
        engine.sent.clear()
        try:
            watch = Eyes(engine.has_halted)
            Interpreter(engine, journal, read, watch, resumed=resumed).execute()
        except Stopped as stopped:
            assert stopped.step == engine.now
        new, resumed = done(engine), True
        # A run that was left in the middle is sent once more, with the same end.
        pieces += new[1:] if pieces and new[:1] == pieces[-1:] else new
        journal = Journal.model_validate_json(journal.model_dump_json())
    assert pieces == done(whole)
    assert journal.steps_done == whole.now


def test_a_run_that_only_pauses_goes_on_without_a_setup() -> None:
    engine = FakeLammps(halts=frozenset({40}))
    watch = Eyes(pausing=True)
    journal = Journal(deck="in.melt")
    read = reader({"in.melt": BOX + "run 100\nrun 10"})
    Interpreter(engine, journal, read, watch).execute()
    assert [command for command in engine.sent if command.startswith("run")] == [
        "run 100 upto start 0 stop 100 pre yes post yes",
        "run 100 upto start 0 stop 100 pre no post yes",
        "run 110 upto start 100 stop 110 pre yes post yes",
    ]
    assert [seen for seen in watch.seen if "goes" in seen or "ended" in seen] == [
        "goes on 40",
        "ended 100",
        "ended 110",
    ]
    assert (journal.steps_done, journal.halted) == (110, False)
