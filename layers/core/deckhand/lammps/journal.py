"""The journal: where the script stands, which settings live, which run is in progress.

A restart file holds the atoms, the force field and the state of some fixes; everything else a new
process has to be told again (https://docs.lammps.org/read_restart.html). The journal keeps the
*net* live settings: what was redefined is replaced, what was removed is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.script import TRIPLE, names, words

ACTIONS: Final = names(
    """create_atoms delete_atoms displace_atoms velocity set replicate change_box minimize
    reset_timestep reset_atoms create_bonds delete_bonds read_dump write_data write_dump
    write_restart write_coeff print info balance pair_write bond_write angle_write dihedral_write
    ndx2group group2ndx region2vmd echo mass labelmap run create_box read_data read_restart"""
)
"""Commands whose effect is in the restart file or in an output file: never told again."""

DRAWS: Final = re.compile(r"\b(?:random|normal)\(")
"""Functions of variables that draw from a generator whose state no restart file holds."""

MAKES_BOX: Final = frozenset({"create_box", "read_data", "read_restart"})

STORED: Final = frozenset(
    f"{part}_{kind}"
    for part in ("pair", "bond", "angle", "dihedral", "improper")
    for kind in ("style", "coeff")
) | {"special_bonds"}
"""Kept by the restart file unless LAMMPS says otherwise ("stores no restart info")."""

REPLACING: Final = names(
    """units timestep thermo run_style min_style newton boundary dimension atom_style processors
    dielectric suffix comm_style neighbor restart log kspace_style thermo_style"""
)
"""One setting of this name at a time; a later one replaces it."""

_DEFINING: Final = names("fix compute dump region molecule")
_MODIFIERS: Final = {"fix_modify": "fix", "compute_modify": "compute", "dump_modify": "dump"}
_REMOVERS: Final = {"unfix": "fix", "uncompute": "compute", "undump": "dump"}
_FORGETS: Final = {
    "thermo_style": ("thermo_modify",),
    "kspace_style": ("kspace_modify",),
    "min_style": ("min_modify",),
    "pair_style": ("pair_coeff", "pair_modify"),
    "bond_style": ("bond_coeff",),
    "angle_style": ("angle_coeff",),
    "dihedral_style": ("dihedral_coeff",),
    "improper_style": ("improper_coeff",),
}
_EXCLUSION: Final = ("neigh_modify", "exclude")
"""Exclusions add up; only `exclude none` takes them back."""

_COUNTED: Final = frozenset({"index", "loop", "file", "atomfile"})
"""Variable styles that `next` moves on, and that a second definition leaves as they are."""

_BARE: Final = re.compile(r"[^\s\"'#$&]+")


class Setting(BaseModel):
    """A live setting: the command as LAMMPS was given it, and the deck line it came from.

    `advanced` counts the `next` commands a loop variable has seen. `last_frame` is for dumps: the
    step at which a run ended with a frame, -1 if the newest did without, None before any run.
    """

    key: tuple[str, ...]
    text: str
    file: str
    line: int
    before_box: bool
    advanced: int = 0
    last_frame: int | None = None

    @property
    def words(self) -> list[str]:
        return words(self.text)

    @property
    def place(self) -> Place:
        return Place(self.file, self.line)


class FileFrame(BaseModel):
    """A file being executed; `next_line` is the index of the next command to execute."""

    kind: Literal["file"] = "file"
    file: str
    next_line: int


class ListFrame(BaseModel):
    """Commands given inside another one (`if … then`), still to be executed."""

    kind: Literal["list"] = "list"
    file: str
    line: int
    commands: list[str]


Frame = FileFrame | ListFrame


class RunInProgress(BaseModel):
    """A run command being executed. Steps are absolute.

    `first` is the step at which the current chunk began, `last` where the whole run ends, `chunk`
    the M of `run … every M` (0 without), `every` its commands. `start` and `stop` are the user's
    own keywords, None where he gave none. `begun` is False while nothing of the chunk is done.
    """

    file: str
    line: int
    first: int
    last: int
    chunk: int = 0
    start: int | None = None
    stop: int | None = None
    pre: bool = True
    post: bool = True
    every: list[str] = Field(default_factory=list)
    begun: bool = False

    @property
    def target(self) -> int:
        """The end of the current chunk."""
        return min(self.first + self.chunk, self.last) if self.chunk else self.last


class Journal(BaseModel):
    """Where the script stood. Versioned; written as JSON next to every restart file.

    `time` is the simulated time at the checkpoint, `untitled` is meant for `OutputBook`, `draws`
    says whether the deck has drawn random numbers. `halted` is what its own `fix halt … error soft`
    leaves: no run and no minimisation any more (https://docs.lammps.org/fix_halt.html).
    """

    model_config = ConfigDict(validate_assignment=False)

    version: Literal[1] = 1
    deck: str
    frames: list[Frame] = Field(default_factory=list)
    settings: list[Setting] = Field(default_factory=list)
    run: RunInProgress | None = None
    box: bool = False
    skip_jump: bool = False
    halted: bool = False
    time: float | None = None
    draws: bool = False
    untitled: frozenset[str] = frozenset()
    stage: int = 0
    steps_done: int = 0
    log: str | None = "log.lammps"

    def record(self, command: list[str], text: str, place: Place) -> None:
        """Take note of a command that LAMMPS was given; *text* has its variables expanded."""
        name = command[0]
        if name == "clear":
            self._forget(lambda setting: setting.key[0] not in ("variable", "shell"))
            self.box = False
        elif name in _REMOVERS:
            self._remove(_REMOVERS[name], command)
        elif name == "log":
            self.log = None if command[1:2] == ["none"] else command[1]
        elif name not in ACTIONS:
            self._keep(command, text, place)

    def _keep(self, command: list[str], text: str, place: Place) -> None:
        name = command[0]
        if name in _DEFINING:
            self._define(command, text, place)
        elif name == "group":
            self._group(command, text, place)
        elif name == "variable":
            self._variable(command, text, place)
        else:
            gone = _FORGETS.get(name, ())
            key = _key(command, text)
            if key[:2] == _EXCLUSION and "none" in command:
                self._forget(lambda setting: setting.key[:2] == _EXCLUSION)
            self._forget(lambda setting: setting.key[0] in gone)
            self._append(key, text, place)

    def advance(self, name: str, *, exhausted: bool) -> None:
        """Take note of a `next`; an exhausted variable has been deleted by LAMMPS."""
        if exhausted:
            self._forget(lambda setting: setting.key == ("variable", name))
            return
        for setting in self.settings:
            if setting.key == ("variable", name):
                setting.advanced += 1

    def steps_at(self, time_step: int) -> int:
        """Molecular-dynamics steps of the run done when LAMMPS stands at *time_step*."""
        return self.steps_done + (time_step - self.run.first if self.run else 0)

    @property
    def mid_run(self) -> bool:
        """Whether a run is going on, and not only the next command."""
        return self.run is not None and self.run.begun

    def run_over(self, step: int, *, early: bool) -> None:
        """Take note of the end of a run at *step*; *early* if the deck's own fix halt ended it."""
        for dump in self.of("dump"):
            every = self.frame_interval(dump)
            dump.last_frame = step if every is None or step % every == 0 else -1
        if early:
            self.halted = self._halts_softly()

    @property
    def draws_again(self) -> bool:
        """Whether random numbers may be drawn from here on."""
        return self.draws or any(DRAWS.search(setting.text) for setting in self.of("variable"))

    def has_begun(self, identity: str) -> bool:
        """Whether a run has begun since the dump was defined: it may have frames."""
        dumps = [dump for dump in self.of("dump") if dump.key[1] == identity]
        return self.mid_run or any(dump.last_frame is not None for dump in dumps)

    def frame_interval(self, dump: Setting) -> int | None:
        """Steps between the frames of a dump; None if a variable says when they come."""
        every = dump.words[4]
        for modify in self.of("dump_modify"):
            if modify.key[1] == dump.key[1] and "every/time" in modify.words:
                return None
            if modify.key[1] == dump.key[1] and "every" in modify.words[:-1]:
                every = modify.words[modify.words.index("every") + 1]
        return int(every) if every.isdigit() and int(every) > 0 else None

    def _halts_softly(self) -> bool:
        halts = [setting for setting in self.of("fix") if setting.words[3] == "halt"]
        soft = [setting for setting in halts if not _goes_on(setting.words)]
        if soft and len(soft) < len(halts):
            raise DeckError(
                "a run was halted while one fix halt says `error continue` and another does not: "
                "which of them it was cannot be told after an interruption. Use one of them.",
                soft[0].place,
            )
        return bool(soft)

    def of(self, name: str) -> list[Setting]:
        """Live settings of one command name, in the order they were made."""
        return [setting for setting in self.settings if setting.key[0] == name]

    def _define(self, command: list[str], text: str, place: Place) -> None:
        name = command[0]
        if len(command) < 3:
            raise DeckError(f"`{name}` needs an ID and a style: {text}", place)
        identity = command[1]
        if name == "region" and command[2] == "delete":
            self._forget(lambda setting: setting.key == ("region", identity))
            return
        self._forget_modifiers(name, identity)
        self._put(Setting(key=(name, identity), text=text, **self._origin(place)))

    def _remove(self, kind: str, command: list[str]) -> None:
        key = (kind, *command[1:2])
        self._forget(lambda setting: setting.key == key)
        self._forget_modifiers(*key)

    def _forget_modifiers(self, kind: str, identity: str = "") -> None:
        self._forget(lambda setting: setting.key[:2] == (f"{kind}_modify", identity))

    def _group(self, command: list[str], text: str, place: Place) -> None:
        """Static groups are in the restart file; only dynamic ones are told again."""
        key = ("group", *command[1:2])
        if command[2:3] == ["dynamic"]:
            self._put(Setting(key=key, text=text, **self._origin(place)))
        elif command[2:3] in (["static"], ["delete"]):
            self._forget(lambda setting: setting.key == key)

    def _variable(self, command: list[str], text: str, place: Place) -> None:
        if len(command) < 3:
            raise DeckError(f"`variable` needs a name and a style: {text}", place)
        key = ("variable", command[1])
        if command[2] == "delete":
            self._forget(lambda setting: setting.key == key)
            return
        if command[2] in _COUNTED and any(s.key == key for s in self.settings):
            return
        self._put(Setting(key=key, text=text, **self._origin(place)))

    def _put(self, setting: Setting) -> None:
        """Replace in place: LAMMPS keeps the position of a redefined fix, and order matters."""
        for index, old in enumerate(self.settings):
            if old.key == setting.key:
                setting.before_box = old.before_box
                self.settings[index] = setting
                return
        self.settings.append(setting)

    def _append(self, key: tuple[str, ...], text: str, place: Place) -> None:
        self._forget(lambda setting: setting.key == key and setting.before_box == (not self.box))
        self.settings.append(Setting(key=key, text=text, **self._origin(place)))

    def _origin(self, place: Place) -> dict[str, object]:
        return {"file": place.file, "line": place.line, "before_box": not self.box}

    def _forget(self, gone: Callable[[Setting], bool]) -> None:
        self.settings = [setting for setting in self.settings if not gone(setting)]


def _goes_on(halt: list[str]) -> bool:
    return "error" in halt[:-1] and halt[halt.index("error") + 1] == "continue"


def restated(setting: Setting) -> list[str]:
    """The commands that bring a variable to where it stood, its `next` commands included."""
    parts = setting.words
    style, rest = parts[2], parts[3:]
    if not setting.advanced or style not in _COUNTED:
        return [setting.text]
    head = " ".join(parts[:3])
    if style == "index":
        return [f"{head} {' '.join(quoted(word) for word in rest[setting.advanced :])}"]
    if style == "loop":
        numbers = [word for word in rest if word != "pad"]
        pad = " pad" if "pad" in rest else ""
        first = int(numbers[0]) if len(numbers) > 1 else 1
        return [f"{head} {first + setting.advanced} {numbers[-1]}{pad}"]
    return [setting.text, *[f"next {parts[1]}"] * setting.advanced]


def _key(command: list[str], text: str) -> tuple[str, ...]:
    """What a later command has to have in common with this one to replace it."""
    name = command[0]
    if name in REPLACING or (name in STORED and name.endswith("_style")):
        return (name,)
    if name in _MODIFIERS:
        # Some add up (`dump_modify thresh`): told again in their order they come to the same.
        return (name, *command[1:2], text)
    if name == "neigh_modify" and "exclude" in command:
        return (*_EXCLUSION, text)
    if name == "pair_coeff":
        return _coefficient_key(command)
    return (name, *command[1::2]) if name.endswith("_modify") else (name, text)


def _coefficient_key(command: list[str]) -> tuple[str, ...]:
    """The pair of types and, for hybrid styles, the style (with its number)."""
    style = command[3:5] if command[3:4] and command[3][:1].isalpha() else []
    return (*command[:3], *style)


def quoted(word: str) -> str:
    """A word as a command has to hold it: in quotes if it is empty or has a blank."""
    if _BARE.fullmatch(word):
        return word
    quote = next(q for q in ('"', "'", TRIPLE) if q not in word)
    return f"{quote}{word}{quote}"
