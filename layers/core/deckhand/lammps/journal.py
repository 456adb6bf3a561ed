"""The journal: where the script stands, which settings live, which run is in progress.

A restart file holds the atoms, the force field and the state of some fixes; everything else a new
process has to be told again (https://docs.lammps.org/read_restart.html). The journal keeps the
*net* live settings: what was redefined is replaced, what was removed is gone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from deckhand.lammps.errors import DeckError, Place
from deckhand.lammps.own_restarts import names_of, written
from deckhand.lammps.script import as_line, names, quoted, without_comment, words
from deckhand.lammps.styles import COMMAND_WHOLE

ACTIONS: Final = names(
    """create_atoms delete_atoms displace_atoms velocity set replicate change_box minimize
    reset_timestep reset_atoms create_bonds delete_bonds read_dump write_data write_dump
    write_restart write_coeff print info balance pair_write bond_write angle_write dihedral_write
    ndx2group group2ndx region2vmd echo mass labelmap run create_box read_data read_restart"""
) | frozenset(COMMAND_WHOLE)
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
    dielectric suffix comm_style neighbor log kspace_style thermo_style"""
)
"""One setting of this name at a time; a later one replaces it."""

_LEAST: Final = {"fix": 4, "compute": 4, "dump": 6, "region": 3, "molecule": 3}
"""Words of the commands that define something by its ID; the deck may hold less."""

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
_MADE_BY_FIXES: Final = ("temp", "press", "pe")
"""What a fix npt calls its computes, behind its own ID."""

_NO_RESTARTS: Final = ("restart", "0")
"""`restart 0` takes back all that was said of restart files."""

_TEMPERATURE_OF_PRESSURE: Final = ("thermo_modify", "temp", "press")
_PRESSURES: Final = names("press pxx pyy pzz pxy pxz pyz")

_EXCLUSION: Final = ("neigh_modify", "exclude")
"""Exclusions add up; only `exclude none` takes them back."""

_ANY: Final = "\0"
"""In the place of all that follows the name in a key."""

_COUNTED: Final = frozenset({"index", "loop", "file", "atomfile"})
"""Variable styles that `next` moves on, and that a second definition leaves as they are."""


class Setting(BaseModel):
    """A live setting: the command as LAMMPS was given it, and the deck line it came from.

    `advanced` counts the `next` commands a loop variable has seen. `last_frame` is for dumps: the
    step at which a run ended with a frame, -1 if the newest did without, None before any run.
    `toggled` is for `restart`: how many files it has written.
    """

    key: tuple[str, ...]
    text: str
    file: str
    line: int
    before_box: bool
    advanced: int = 0
    last_frame: int | None = None
    toggled: int = 0

    @property
    def words(self) -> list[str]:
        return words(without_comment(self.text))

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


class RunFrame(BaseModel):
    """A run that waits while the commands between two of its chunks are executed."""

    kind: Literal["run"] = "run"
    run: RunInProgress


Frame = FileFrame | ListFrame | RunFrame


class Journal(BaseModel):
    """Where the script stood. Versioned; written as JSON next to every restart file.

    `time` is the simulated time at the checkpoint, `untitled` is meant for `OutputBook`, `draws`
    says whether the deck has drawn random numbers, `poured` how many particles each fix pour had
    inserted when this process was told it, `witnessed` what internal variables and averages had
    come to (see `witness`). `halted` is what its own `fix halt … error soft` leaves: no run and no
    minimisation any more (https://docs.lammps.org/fix_halt.html). `extended` counts the runs behind
    the deck's end that have begun.
    """

    model_config = ConfigDict(defer_build=True, validate_assignment=False)

    version: Literal[1] = 1
    deck: str
    frames: list[Frame] = Field(default_factory=list)
    settings: list[Setting] = Field(default_factory=list)
    run: RunInProgress | None = None
    box: bool = False
    skip_jump: bool = False
    halted: bool = False
    extended: int = 0
    time: float | None = None
    draws: bool = False
    untitled: frozenset[str] = frozenset()
    poured: dict[str, int] = Field(default_factory=dict)
    witnessed: dict[str, str] = Field(default_factory=dict)
    stage: int = 0
    steps_done: int = 0
    log: str | None = "log.lammps"
    _known: Counter[tuple[str, ...]] = PrivateAttr(default_factory=Counter)

    def model_post_init(self, context: object, /) -> None:
        """Count the settings by their keys, and by their names: most searches are for none."""
        for setting in self.settings:
            self._known.update((setting.key, (setting.key[0], _ANY)))

    def record(self, command: list[str], text: str, place: Place) -> None:
        """Take note of a command that LAMMPS was given; *text* has its variables expanded."""
        name = command[0]
        if name == "clear":
            self._forget(lambda key: key[0] not in ("variable", "shell"))
            self.box = False
            self.poured = {}
        elif name in _REMOVERS:
            self._remove(_REMOVERS[name], command)
        elif name == "log":
            if len(command) < 2:
                raise DeckError("`log` needs the name of a file", place)
            self.log = None if command[1] == "none" else command[1]
        elif name not in ACTIONS and not _removes_files(command):
            self._keep(command, text, place)

    def _keep(self, command: list[str], text: str, place: Place) -> None:
        name = command[0]
        if name in _LEAST:
            self._define(command, text, place)
        elif name == "group":
            self._group(command, text, place)
        elif name == "variable":
            self._variable(command, text, place)
        else:
            gone = _FORGETS.get(name, ())
            if name == "thermo_style":
                self._keep_temperature()
            key = _key(command, text, self._pair_styles() if name == "pair_coeff" else [])
            if key[:2] == _EXCLUSION and "none" in command:
                self._forget(lambda key: key[:2] == _EXCLUSION)
            for other in (*gone, *(("restart",) if key == _NO_RESTARTS else ())):
                self._forget_named(other, lambda key: key != _TEMPERATURE_OF_PRESSURE)
            self._append(key, text, place)

    def _keep_temperature(self) -> None:
        """`thermo_modify temp` has told the thermo_press compute too, which a style outlives."""
        style = next((setting.words for setting in self.of("thermo_style")), [])
        told = [s for s in self.of("thermo_modify") if "temp" in s.words[:-1]]
        if not told or not _shows_pressure(style):
            return
        kept = told[-1].model_copy()
        identity = kept.words[kept.words.index("temp") + 1]
        kept.key, kept.text = _TEMPERATURE_OF_PRESSURE, f"thermo_modify temp {identity}"
        self._forget_key(kept.key)
        self.settings.insert(self.settings.index(told[-1]), kept)
        self._known.update((kept.key, (kept.key[0], _ANY)))

    def _pair_styles(self) -> list[str]:
        """The words of the pair_style, a hybrid one's sub-styles among them."""
        return [word for setting in self.of("pair_style") for word in setting.words]

    def is_last(self, name: str) -> bool | None:
        """Whether a loop variable stands at the last of its values; None if only LAMMPS knows."""
        if not self._known["variable", name]:
            return None
        setting = next(s for s in self.settings if s.key == ("variable", name))
        count = _count(setting.text)
        return None if count is None else setting.advanced + 1 >= count

    def advance(self, name: str, *, exhausted: bool) -> None:
        """Take note of a `next`; an exhausted variable has been deleted by LAMMPS."""
        if exhausted:
            self._forget_key(("variable", name))
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

    def ran(self, first: int, last: int) -> None:
        """Take note of what a run from step *first* to *last* has written."""
        for setting in self.of("restart"):
            setting.toggled += written(setting.words, first, last)

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
        if len(command) < _LEAST[name]:
            raise DeckError(f"`{name}` needs an ID and a style: {text[:80]}", place)
        identity = command[1]
        if name == "region" and command[2] == "delete":
            self._forget_key(("region", identity))
            return
        self._forget_modifiers(name, identity)
        if name == "fix":
            self.poured.pop(identity, None)
        self._put(Setting(key=(name, identity), text=text, **self._origin(place)))

    def _remove(self, kind: str, command: list[str]) -> None:
        key = (kind, *command[1:2])
        self._forget_key(key)
        self._forget_modifiers(*key)
        if kind == "fix":
            self.poured.pop(key[-1], None)

    def _forget_modifiers(self, kind: str, identity: str = "") -> None:
        self._forget_named(f"{kind}_modify", lambda key: key[1:2] == (identity,))
        if kind == "fix":  # the computes that it has made go with it
            own = [f"{identity}_{compute}" for compute in _MADE_BY_FIXES]
            self._forget_named("compute_modify", lambda key: key[1] in own)

    def _group(self, command: list[str], text: str, place: Place) -> None:
        """Static groups are in the restart file; only dynamic ones are told again."""
        key = ("group", *command[1:2])
        if command[2:3] == ["dynamic"]:
            self._put(Setting(key=key, text=text, **self._origin(place)))
        elif command[2:3] in (["static"], ["delete"]):
            self._forget_key(key)

    def _variable(self, command: list[str], text: str, place: Place) -> None:
        if len(command) < 3:
            raise DeckError(f"`variable` needs a name and a style: {text}", place)
        key = ("variable", command[1])
        if command[2] == "delete":
            self._forget_key(key)
            return
        if command[2] in _COUNTED and self._known[key]:
            return
        self._put(Setting(key=key, text=text, **self._origin(place)))

    def _put(self, setting: Setting) -> None:
        """Replace in place: LAMMPS keeps the position of a redefined fix, and order matters."""
        if not self._known[setting.key]:
            self._add(setting)
            return
        for index, old in enumerate(self.settings):
            if old.key == setting.key:
                setting.before_box = old.before_box
                self.settings[index] = setting
                return

    def _append(self, key: tuple[str, ...], text: str, place: Place) -> None:
        setting = Setting(key=key, text=text, **self._origin(place))
        if self._known[key]:
            self._keep_all_but(lambda old: old.key == key and old.before_box == setting.before_box)
        self._add(setting)

    def _origin(self, place: Place) -> dict[str, object]:
        return {"file": place.file, "line": place.line, "before_box": not self.box}

    def _add(self, setting: Setting) -> None:
        self.settings.append(setting)
        self._known.update((setting.key, (setting.key[0], _ANY)))

    def _forget_key(self, key: tuple[str, ...]) -> None:
        if self._known[key]:
            self._forget(lambda known: known == key)

    def _forget_named(self, name: str, gone: Callable[[tuple[str, ...]], bool]) -> None:
        if self._known[name, _ANY]:
            self._forget(lambda key: key[0] == name and gone(key))

    def _forget(self, gone: Callable[[tuple[str, ...]], bool]) -> None:
        self._keep_all_but(lambda setting: gone(setting.key))

    def _keep_all_but(self, gone: Callable[[Setting], bool]) -> None:
        kept: list[Setting] = []
        for setting in self.settings:
            if gone(setting):
                self._known.subtract((setting.key, (setting.key[0], _ANY)))
            else:
                kept.append(setting)
        self._known = +self._known
        self.settings = kept


def _shows_pressure(thermo_style: list[str]) -> bool:
    """Whether a thermo style has a column of the compute thermo_press."""
    columns = thermo_style[2:] if thermo_style[1:2] == ["custom"] else ["press"]
    return not _PRESSURES.isdisjoint(columns)


def _removes_files(command: list[str]) -> bool:
    """`shell rm`: what it removed was never on the new machine, or is an output by now."""
    return command[0] == "shell" and command[1:2] != [] and command[1].split()[0] == "rm"


def _goes_on(halt: list[str]) -> bool:
    return "error" in halt[:-1] and halt[halt.index("error") + 1] == "continue"


@lru_cache(maxsize=64)
def _count(definition: str) -> int | None:
    """How many values a variable has; asked at each `next`."""
    _, _, style, *rest = words(without_comment(definition))
    if style == "index":
        return len(rest)
    numbers = [word for word in rest if word != "pad"]
    if style != "loop" or not numbers or not all(_INTEGER.fullmatch(word) for word in numbers):
        return None
    first, last = (1, *map(int, numbers))[-2:]
    return last - first + 1


_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def restated(setting: Setting) -> list[str]:
    """The commands that bring a variable to where it stood, its `next` commands included."""
    parts = setting.words
    style, rest = parts[2], parts[3:]
    if not setting.advanced or style not in _COUNTED:
        return [setting.text]
    head = " ".join(parts[:3])
    if style == "index":
        left = [*parts[:3], *rest[setting.advanced :]]
        return [as_line(" ".join(quoted(word) for word in left), left)]
    if style == "loop":
        numbers = [word for word in rest if word != "pad"]
        pad = " pad" if "pad" in rest else ""
        first = int(numbers[0]) if len(numbers) > 1 else 1
        return [f"{head} {first + setting.advanced} {numbers[-1]}{pad}"]
    return [setting.text, *[f"next {parts[1]}"] * setting.advanced]


def _key(command: list[str], text: str, styles: list[str]) -> tuple[str, ...]:
    """What a later command has to have in common with this one to replace it.

    *styles* are the words of the pair_style.
    """
    name = command[0]
    if name in REPLACING or (name in STORED and name.endswith("_style")):
        return (name,)
    if name == "restart":
        return (name, str(len(names_of(command))))
    if name in _MODIFIERS:
        # Some add up (`dump_modify thresh`): told again in their order they come to the same.
        alone = len(command) == _ONE_KEYWORD and command[2] not in _ADDING_UP
        return tuple(command[:3]) if alone else (name, *command[1:2], text)
    if name == "neigh_modify" and "exclude" in command:
        return (*_EXCLUSION, text)
    if name.endswith("_coeff"):
        return _coefficient_key(command, styles)
    return (name, *command[1::2]) if name.endswith("_modify") else (name, text)


_ONE_KEYWORD: Final = 4
_ADDING_UP: Final = frozenset({"thresh", "config"})


def _coefficient_key(command: list[str], styles: list[str]) -> tuple[str, ...]:
    """The types, and what tells coefficients of the same types apart.

    That is the style of a hybrid one, its number if it is there twice, or the kind of term (`bb`).
    """
    is_pair = command[0] == "pair_coeff"
    types, rest = (command[:3], command[3:5]) if is_pair else (command[:2], command[2:4])
    style = [word for word in rest if word[:1].isalpha()]
    is_numbered = is_pair and style and styles.count(style[0]) != 1
    return (*types, *style, *(word for word in rest[1:] if is_numbered and word.isdecimal()))
