"""How fast decks of one kind run on machines of one kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from pydantic import Field

from deckhand.domain.deck import Frozen

NEWEST: Final = 20
"""Measurements that a speed is the median of."""

MAX_CLASS: Final = 200

_STYLE: Final = re.compile(r"^[ \t]*(pair|bond|kspace)_style[ \t]+(\S+)(.*)$", re.MULTILINE)
_CONTINUED: Final = re.compile(r"&[ \t]*\r?\n")
_COMMENT: Final = re.compile(r"#.*")
_ACCELERATED: Final = re.compile(r"/(gpu|kk|omp|opt|intel)$")
_NOTHING: Final = frozenset({"none", "zero"})


@dataclass(frozen=True)
class SpeedKey:
    """Decks of one class on machines of one type, with that many GPUs for each attempt."""

    instance_type: str
    gpus: int
    deck_class: str

    def __str__(self) -> str:
        return f"{self.instance_type}#{self.gpus}#{self.deck_class}"


class Measurement(Frozen):
    """What an attempt of a run has measured.

    Of the same deck class, the time a step takes is roughly proportional to the number of atoms:
    https://docs.lammps.org/Speed_bench.html
    """

    run_id: str
    atom_steps_per_second: float = Field(gt=0, allow_inf_nan=False)


@dataclass(frozen=True)
class Speed:
    """`basis` says what it is known from."""

    atom_steps_per_second: float
    basis: str


def typical(measured: Sequence[Measurement], instance_type: str) -> Speed | None:
    """The median: an attempt that shared its machine badly must not move it."""
    if not measured:
        return None
    speed = median(item.atom_steps_per_second for item in measured)
    runs = len({item.run_id for item in measured})
    return Speed(speed, f"{runs} run{'' if runs == 1 else 's'} on {instance_type}")


def deck_class(texts: Iterable[str], accelerator: str | None = None) -> str:
    """What the speed of a deck depends on most: its pair styles, bonds, and long-range forces.

    And the *accelerator*, where run.yaml asks for one: else decks that are alike have the same.
    Empty where the deck does not say it: a style is named by a variable, or in a restart file.
    """
    pairs: set[str] = set()
    others: set[str] = set()
    for text in texts:
        plain = _COMMENT.sub("", _CONTINUED.sub(" ", text))
        for kind, style, rest in _STYLE.findall(plain):
            if kind == "pair":
                pairs.update(_pair_styles(style, rest))
            elif style not in _NOTHING:
                others.add({"bond": "bonded", "kspace": "kspace"}[kind])
    pairs -= _NOTHING
    if not pairs or any("$" in name for name in pairs):
        return ""
    asked = [f"on {accelerator}"] if accelerator else []
    return " ".join([*asked, *sorted(pairs), *sorted(others)])[:MAX_CLASS]


def _pair_styles(style: str, rest: str) -> Iterable[str]:
    """The styles in a hybrid one; words among their arguments do no harm in a name."""
    if not style.startswith("hybrid"):
        return [_ACCELERATED.sub("", style)]
    return [_ACCELERATED.sub("", word) for word in rest.split() if word[0].isalpha() or "$" in word]
