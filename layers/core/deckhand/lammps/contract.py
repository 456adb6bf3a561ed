"""What a command means for the resume of its deck: nothing, new random numbers, or a refusal."""

from __future__ import annotations

import re
from typing import Final

from deckhand.lammps import styles
from deckhand.lammps.journal import DRAWS
from deckhand.lammps.outputs import DUMP_FORMATS

_FORGETS: Final = "LAMMPS keeps no state of it in a restart file"
_BINARY: Final = (".gz", ".zst", ".bin", ".yaml", ".yml")


def refusal(command: list[str]) -> str | None:
    """Why a deck with this command cannot be resumed correctly, and what to do; None if it can."""
    name = command[0]
    if name in styles.COMMAND_WHOLE:
        return f"`{name}` carries out many runs in one command; it cannot be entered in the middle."
    if name in styles.COMMAND_REFUSED:
        return f"`{name}` {styles.COMMAND_REFUSED[name]}. Take it out of the deck."
    rule = _RULES.get(name)
    return rule(command) if rule is not None else None


def parts_ways(command: list[str]) -> str | None:
    """Why resumed and undisturbed runs agree only in their averages; None if they do in rows."""
    if command[0] == "fix" and styles.plain(command[3]) in styles.FIX_STATISTICAL:
        return (
            f"fix {command[3]}: its random numbers are not in a restart file. After an "
            "interruption it draws new ones: the same ensemble, another trajectory."
        )
    if command[0] == "fix" and _ramped_barostat(command):
        return (
            f"fix {command[3]} with a temperature ramp sets its barostat mass when a run starts, "
            "so after an interruption the trajectory is another one of the same ensemble."
        )
    if command[0] == "fix" and styles.plain(command[3]) == "deform":
        return (
            "fix deform: the first forces after a resume follow another remapping of the atoms, so "
            "energies and stresses of the rows after it differ by up to some 1e-3."
        )
    if any(DRAWS.search(word) for word in command[1:]):
        return (
            "random() and normal(): where they stand in their sequence is not in a restart file. "
            "After an interruption they go on with other numbers."
        )
    return None


def changes_box(command: list[str]) -> bool:
    """Whether a fix lets the size of the box change during a run."""
    return command[0] == "fix" and styles.plain(command[3]).startswith(
        ("npt", "nph", "press/", "deform", "box/relax")
    )


READ_AGAIN: Final = (
    "{name} is written bit by bit and read again. After an interruption only what was written "
    "since is on the new machine. Write it with one command (`print … file`), or do not read it."
)

MESH_OF_BOX: Final = (
    "the mesh of the k-space solver is chosen from the size of the box when a run starts, and the "
    "box changes. After an interruption it is chosen from the size reached: the same accuracy, "
    "another trajectory. `kspace_modify gewald … mesh …` fixes it."
)


def _ramped_barostat(command: list[str]) -> bool:
    if not styles.plain(command[3]).startswith(("npt", "nph")) or "temp" not in command[:-2]:
        return False
    start, stop = command[command.index("temp") + 1 :][:2]
    return start != stop


def _fix(command: list[str]) -> str | None:
    style = styles.plain(command[3])
    if style not in styles.FIX_EXACT | styles.FIX_STATISTICAL:
        return f"fix {style} has not been proven to resume ({_FORGETS}, or it is not tested yet)."
    if style.startswith("ave/"):
        return _average(command, style)
    if style == "print" and command[4:] and not command[4].isdigit() and "$" not in command[4]:
        return "fix print with a variable interval cannot be cut at a checkpoint. Give a number."
    if style == "deform" and "vol" in command:
        return "fix deform with `vol` has not been proven to resume."
    if any(re.search(r"\belapsed\b", word) for word in command[4:]):
        return _ELAPSED
    return None


def _average(command: list[str], style: str) -> str | None:
    if "running" in command or "window" in command:
        return (
            f"fix {style} averages over the whole run (`ave running` or `ave window`), and "
            f"{_FORGETS}. Use `ave one` and average the rows afterwards."
        )
    for index, word in enumerate(command[:-1]):
        if word in ("file", "append") and command[index + 1].endswith(_BINARY):
            return f"fix {style} writes {command[index + 1]}, a format that cannot be joined yet."
    return None


def _compute(command: list[str]) -> str | None:
    style = styles.plain(command[3])
    if style not in styles.COMPUTE_EXACT:
        return (
            f"compute {style} has not been proven to resume ({_FORGETS}, or it is not tested yet)."
        )
    if style == "chunk/atom" and ["ids", "once"] in _pairs(command):
        return f"compute chunk/atom with `ids once` remembers its chunks, and {_FORGETS}."
    return None


def _pair_style(command: list[str]) -> str | None:
    for word in command[1:]:
        style = styles.plain(word)
        family = style.split("/")[0]
        if family in styles.PAIR_LOSES_NOISE:
            return f"pair_style {style} replays its random numbers after a restart."
        if family in styles.PAIR_LOSES_HISTORY:
            return f"pair_style {style} has a contact history that has not been proven to resume."
    return None


def _dump(command: list[str]) -> str | None:
    style, name = command[3], command[5]
    if "%" in name:
        return f"dump {command[1]} writes one file per processor (`%`). Write one file instead."
    if "*" in name:
        return None
    if style not in DUMP_FORMATS or name.endswith(_BINARY):
        return (
            f"dump {command[1]} writes {name} in a format that cannot be cut at a checkpoint and "
            "joined. Use dump custom, atom or xyz, or one file per frame (a `*` in the name)."
        )
    return None


def _dump_modify(command: list[str]) -> str | None:
    if ["header", "no"] in _pairs(command):
        return "dump_modify header no takes the time step out of the frames. Leave the header in."
    if ["flush", "no"] in _pairs(command):
        return "dump_modify flush no keeps frames back that a checkpoint counts on. Take it out."
    return None


def _pairs(command: list[str]) -> list[list[str]]:
    return [command[i : i + 2] for i in range(2, len(command) - 1)]


def _thermo_style(command: list[str]) -> str | None:
    if command[1:2] != ["custom"]:
        return None
    if "step" not in command[2:]:
        return (
            "thermo_style custom without `step`: rows of the log cannot be told apart. Add `step`."
        )
    return _ELAPSED if "elapsed" in command else None


def _variable(command: list[str]) -> str | None:
    if command[2] in ("world", "universe", "uloop"):
        return f"variable style {command[2]} is for several partitions, which a run does not have."
    if command[2] in ("python", "internal", "timer"):
        return f"variable style {command[2]} has a value that a resumed run cannot be told."
    if any(re.search(r"\belapsed\b", word) for word in command[3:]):
        return _ELAPSED
    return None


def _shell(command: list[str]) -> str | None:
    if command[1:2] == ["mkdir"]:
        return None
    return "`shell` runs programs of the machine. Only `shell mkdir` is allowed."


_NUMBERS = re.compile(r"(\s*%[-+ 0#]*\d*(?:\.\d+)?(?:l{1,2}|h)?[difeEgG]\s*)+")


def _thermo_modify(command: list[str]) -> str | None:
    if "colname" in command:
        return "thermo_modify colname hides which column is the step. Take it out."
    if "format" in command[:-2]:
        value = command[command.index("format") + 2]
        if not _NUMBERS.fullmatch(value) and value != "none":
            return (
                f"thermo_modify format {value!r} prints more than numbers, so that rows of the log "
                "cannot be told apart. Use conversions and blanks only."
            )
    return None


def _timer(command: list[str]) -> str | None:
    if "timeout" in command:
        return "`timer timeout` ends runs by itself; Deckhand stops and resumes them. Take it out."
    return None


_ELAPSED: Final = (
    "`elapsed` starts again from zero when a run is resumed. Use `elaplong`, or `step` less the "
    "step at which the run began."
)

_RULES: Final = {
    "fix": _fix,
    "compute": _compute,
    "pair_style": _pair_style,
    "dump": _dump,
    "dump_modify": _dump_modify,
    "thermo_style": _thermo_style,
    "thermo_modify": _thermo_modify,
    "variable": _variable,
    "shell": _shell,
    "timer": _timer,
}
