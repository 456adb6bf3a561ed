"""What a command means for the resume of its deck, with a sentence that says why.

A command may be exact (it says nothing), or it may promise less: new random numbers, an output that
loses its memory, work that can only be repeated whole, or nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from deckhand.domain.run import Contract
from deckhand.lammps import styles
from deckhand.lammps.formats import dump_layout
from deckhand.lammps.journal import DRAWS


class Promise(NamedTuple):
    """What a command takes from an exact resume, and the reason in a sentence for its user."""

    contract: Contract
    reason: str


def promises(command: list[str]) -> Iterator[Promise]:
    """Everything that keeps a deck with this command from an exact resume."""
    name = command[0]
    if name in styles.COMMAND_REFUSED:
        yield _refused(f"`{name}` {styles.COMMAND_REFUSED[name]}. Take it out of the deck.")
    elif name in styles.COMMAND_WHOLE:
        yield Promise(
            Contract.REPEAT,
            f"`{name}` {styles.COMMAND_WHOLE[name]} inside one command. An interruption in it "
            "begins the command again.",
        )
    elif rule := _RULES.get(name):
        yield from rule(command)
    if any(DRAWS.search(word) for word in command[1:]):
        yield Promise(Contract.STATISTICAL, _DRAWS)


def changes_box(command: list[str]) -> bool:
    """Whether a fix lets the size of the box change during a run."""
    return command[0] == "fix" and styles.plain(command[3]).startswith(_CHANGE_BOX)


def changed_axes(command: list[str]) -> set[str]:
    """Along which axes a fix lets the box change: all, where its words do not say."""
    if {"iso", "aniso", "tri"} & set(command):
        return set("xyz")
    return set("xyz") & set(command[4:]) or set("xyz")


def read_again(name: str) -> Promise:
    """What it means that a deck reads the file *name*, which it writes bit by bit."""
    return _refused(
        f"{name} is written bit by bit and read again. After an interruption only what was written "
        "since is on the new machine. Write it with one command (`print … file`), or do not read "
        "it."
    )


ONLY_MINIMIZE: Final = Promise(
    Contract.REPEAT,
    "the deck has no run, only `minimize`, which cannot be entered in the middle. An interruption "
    "begins it again.",
)

_CHANGE_BOX: Final = (
    *("npt", "nph", "press/", "deform", "box/relax", "rigid/npt", "rigid/nph", "tgnpt", "bocs"),
    "msst",
)

_DRAWS: Final = (
    "random() and normal(): where they stand in their sequence is not in a restart file. "
    "After an interruption they go on with other numbers."
)

_ELAPSED: Final = (
    "`elapsed` starts again from zero when a run is resumed. Use `elaplong`, or `step` less the "
    "step at which the run began."
)

_FORGETS: Final = "LAMMPS keeps no state of it in a restart file"


def _refused(reason: str) -> Promise:
    return Promise(Contract.REFUSED, reason)


def _fix(command: list[str]) -> Iterator[Promise]:
    style = styles.plain(command[3])
    if style in styles.FIX_REFUSED:
        yield _refused(f"fix {style} cannot be resumed: {styles.FIX_REFUSED[style]}.")
    elif "$" in style:
        yield _refused(f"which fix `{command[3]}` is can be told only by running. Name it.")
    if style in styles.FIX_PARTIAL:
        yield Promise(
            Contract.PARTIAL_OUTPUTS,
            f"fix {style}: after an interruption {styles.FIX_PARTIAL[style]}. The motion of the "
            "atoms is not touched.",
        )
    if _draws(command, style):
        yield _new_noise(f"fix {style}")
    if style in styles.FIX_ANOTHER_COURSE:
        yield another_course(f"fix {style}", styles.FIX_ANOTHER_COURSE[style])
    yield from _FIX_RULES.get(style, _nothing)(command)
    if any(re.search(r"\belapsed\b", word) for word in command[4:]):
        yield _refused(_ELAPSED)


def _draws(command: list[str], style: str) -> bool:
    keywords = styles.FIX_DRAWS_IF_TOLD.get(style, "").split()
    return style in styles.FIX_NOISE or not set(keywords).isdisjoint(command)


def _new_noise(what: str) -> Promise:
    return Promise(
        Contract.STATISTICAL,
        f"{what}: its random numbers are not in a restart file. After an interruption it draws new "
        "ones: the same ensemble, another trajectory.",
    )


def another_course(what: str, why: str) -> Promise:
    """A trajectory that parts from the undisturbed one although no state of it is lost."""
    return Promise(
        Contract.STATISTICAL,
        f"{what}: {why}. After an interruption the trajectory is another one of the same physics.",
    )


def _nothing(command: list[str]) -> Iterator[Promise]:
    yield from ()


def _barostat(command: list[str]) -> Iterator[Promise]:
    if "temp" not in command[:-2]:
        return
    start, stop = command[command.index("temp") + 1 :][:2]
    if start != stop:
        yield another_course(
            f"fix {command[3]} with a temperature ramp",
            "its barostat mass is set from the temperature at which a run starts",
        )


def _adapt(command: list[str]) -> Iterator[Promise]:
    pairs = _pairs(command)
    if ["scale", "yes"] in pairs and ["reset", "yes"] not in pairs:
        yield _refused(
            f"fix {command[3]} with `scale yes` multiplies what it finds when a run starts, and "
            "that is no more what it was. Add `reset yes`."
        )
    if ["after", "yes"] in pairs:
        yield another_course(f"fix {command[3]} with `after yes`", "it acts when a run starts")


def _constraints(command: list[str]) -> Iterator[Promise]:
    yield Promise(
        Contract.EXACT,
        f"fix {command[3]}: LAMMPS finds the forces of its constraints anew when a run starts. The "
        "rows behind an interruption differ within its tolerance, the pressure of the next two "
        "rows by more.",
    )


def _controller(command: list[str]) -> Iterator[Promise]:
    integral, derivative = command[7:9] if len(command) > _CONTROLLER_TERMS else ("", "")
    if not (_is_zero(integral) and _is_zero(derivative)):
        yield _refused(
            "fix controller with Ki or Kd cannot be resumed: the error it has summed up is in no "
            "restart file. With `0.0` for both it can."
        )


_CONTROLLER_TERMS: Final = 8


def _is_zero(number: str) -> bool:
    try:
        return float(number) == 0.0
    except ValueError:
        return False


def _pour(command: list[str]) -> Iterator[Promise]:
    if "rigid" in command:
        yield _refused(
            "fix pour with `rigid` cannot be resumed: once there are such bodies, LAMMPS counts "
            "less than no degrees of freedom when a run starts, and ends."
        )


def _print(command: list[str]) -> Iterator[Promise]:
    if command[4:] and not command[4].isdigit() and "$" not in command[4]:
        yield _refused(
            "fix print with a variable interval cannot be cut at a checkpoint. Give a number."
        )


def _average(command: list[str]) -> Iterator[Promise]:
    if "running" in command or "window" in command:
        yield Promise(
            Contract.PARTIAL_OUTPUTS,
            f"fix {styles.plain(command[3])} with `ave running` or `ave window`: its average "
            "begins again at each interruption. Use `ave one` and average the rows afterwards if "
            "that matters.",
        )


_FIX_RULES: Final = {
    **dict.fromkeys(
        (name for name in styles.FIX_STORED if name.startswith(("npt", "nph", "tgnpt"))), _barostat
    ),
    **dict.fromkeys((name for name in styles.FIX_RESTORED if name.startswith("ave/")), _average),
    "adapt": _adapt,
    "adapt/fep": _adapt,
    "controller": _controller,
    "pour": _pour,
    "print": _print,
    "rattle": _constraints,
    "shake": _constraints,
}


def _compute(command: list[str]) -> Iterator[Promise]:
    style = styles.plain(command[3])
    if style in styles.COMPUTE_REFUSED:
        yield _refused(f"compute {style} cannot be resumed: {styles.COMPUTE_REFUSED[style]}.")
    elif "$" in style:
        yield _refused(f"which compute `{command[3]}` is can be told only by running. Name it.")
    if style == "chunk/atom" and ["ids", "once"] in _pairs(command):
        yield _refused(f"compute chunk/atom with `ids once` remembers its chunks, and {_FORGETS}.")


def _pair_style(command: list[str]) -> Iterator[Promise]:
    for word in command[1:]:
        style = styles.plain(word)
        if style in styles.PAIR_REFUSED:
            yield _refused(f"pair_style {style} cannot be resumed: {styles.PAIR_REFUSED[style]}.")
        elif style in styles.PAIR_NOISE:
            yield _new_noise(f"pair_style {style}")


def _bond_style(command: list[str]) -> Iterator[Promise]:
    for word in command[1:]:
        style = styles.plain(word)
        if style in styles.BOND_REFUSED:
            yield _refused(f"bond_style {style} cannot be resumed: {styles.BOND_REFUSED[style]}.")
    if "store/local" in command:
        yield _refused(
            "bond_style with `store/local` makes a fix that a resumed run does not have. Leave "
            "`store/local` out."
        )
    if {"hybrid", "quartic"} <= set(command):
        yield _refused(
            "bond_style hybrid with quartic forgets that bonds may break: LAMMPS does not keep it "
            "in a restart file."
        )


def _dump(command: list[str]) -> Iterator[Promise]:
    style, name = command[3], command[5]
    if style == "movie":
        yield _refused(
            f"dump {command[1]} hands its frames to a program that makes a film of them, which "
            "cannot be gone on with. Use dump image, and make the film when the run is over."
        )
    elif "*" not in name and dump_layout(style, name) is None:
        yield _refused(
            f"dump {command[1]} writes {name} in a format that cannot be cut at a checkpoint and "
            "joined. Use dump custom, atom, xyz, yaml, dcd or xtc (the first ones with `.gz`, "
            "`.bz2`, `.xz` or `.zst` in the name if you like), or one file per frame (a `*` in "
            "the name)."
        )


def _dump_modify(command: list[str]) -> Iterator[Promise]:
    if ["header", "no"] in _pairs(command):
        yield _refused(
            "dump_modify header no takes the time step out of the frames. Leave the header in."
        )
    if "LAST" in command and "thresh" in command:
        yield Promise(
            Contract.PARTIAL_OUTPUTS,
            "dump_modify thresh … LAST compares the atoms with those of the frame before, which "
            "is not there after an interruption: the first frame then has all that pass without.",
        )
    if "maxfiles" in command:
        yield Promise(
            Contract.PARTIAL_OUTPUTS,
            "dump_modify maxfiles: the files that were written before an interruption are not "
            "removed, so that more of them are among the results.",
        )


def _pairs(command: list[str]) -> list[list[str]]:
    return [command[i : i + 2] for i in range(2, len(command) - 1)]


def _thermo_style(command: list[str]) -> Iterator[Promise]:
    if command[1:2] == ["custom"] and "elapsed" in command:
        yield _refused(_ELAPSED)


_OF_PARTITIONS: Final = {"world": "index", "universe": "index", "uloop": "loop"}


def _variable(command: list[str]) -> Iterator[Promise]:
    style = command[2]
    if style in _OF_PARTITIONS:
        yield _refused(
            f"variable style {style} is for several partitions, which a run does not have. Use "
            f"`{_OF_PARTITIONS[style]}`."
        )
    elif style == "timer":
        yield Promise(
            Contract.PARTIAL_OUTPUTS,
            f"variable {command[1]} measures time, and an interruption begins the measurement "
            "again.",
        )
    elif style == "python":
        yield _refused(f"variable style {style} has a value that a resumed run cannot be told.")
    if any(re.search(r"\belapsed\b", word) for word in command[3:]):
        yield _refused(_ELAPSED)


_REMOVAL: Final = re.compile(r"rm( -f)?( [\w.*?+/][\w.*?+/-]*)+")
"""What LAMMPS hands to a shell when the words are quoted: no sign in it that a shell obeys."""


def removals(command: list[str]) -> list[str]:
    """The names, or patterns, of the files that a command removes."""
    is_quoted = len(command) == 2 and _REMOVAL.fullmatch(command[1])
    if command[0] != "shell" or not (is_quoted or command[1:2] == ["rm"]):
        return []
    return [name for name in " ".join(command[1:]).split()[1:] if name != "-f"]


def _shell(command: list[str]) -> Iterator[Promise]:
    if command[1:2] != ["mkdir"] and not removals(command):
        yield _refused(
            "`shell` runs programs of the machine. Only `shell mkdir` and `shell rm` are allowed."
        )


def _package(command: list[str]) -> Iterator[Promise]:
    if command[1:2] != ["omp"]:
        yield _refused("`package` chooses accelerators, which Deckhand does. Take it out.")


_NUMBERS = re.compile(r"(\s*%[-+ 0#]*\d*(?:\.\d+)?(?:l{1,2}|h)?[difeEgG]\s*)+")


def _thermo_modify(command: list[str]) -> Iterator[Promise]:
    if "format" in command[:-2]:
        value = command[command.index("format") + 2]
        if not _NUMBERS.fullmatch(value) and value != "none":
            yield _refused(
                f"thermo_modify format {value!r} prints more than numbers, so that rows of the log "
                "cannot be told apart. Use conversions and blanks only."
            )


def _timer(command: list[str]) -> Iterator[Promise]:
    if "timeout" in command:
        yield _refused(
            "`timer timeout` ends runs by itself; Deckhand stops and resumes them. Take it out."
        )


_RULES: Final = {
    "fix": _fix,
    "compute": _compute,
    "pair_style": _pair_style,
    "bond_style": _bond_style,
    "dump": _dump,
    "dump_modify": _dump_modify,
    "package": _package,
    "thermo_style": _thermo_style,
    "thermo_modify": _thermo_modify,
    "variable": _variable,
    "shell": _shell,
    "timer": _timer,
}
