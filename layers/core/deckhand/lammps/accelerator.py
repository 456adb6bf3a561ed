"""Which accelerator suits a deck, and what of the deck would run on the host with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from deckhand.domain.accelerator import PACKAGE_NAMES, Acceleration, Accelerator
from deckhand.domain.deck import Problem, Severity
from deckhand.lammps import vocabulary
from deckhand.lammps.accelerated import NO_FORCE, demands, has_version, stays_on_host
from deckhand.lammps.bars import Bars
from deckhand.lammps.errors import Place
from deckhand.lammps.script import names

KOKKOS: Final = Accelerator.KOKKOS
GPU: Final = Accelerator.GPU

_KINDS: Final = {
    f"{kind}_style": kind for kind in names("pair bond angle dihedral improper kspace")
}


class _Style(NamedTuple):
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Judged(NamedTuple):
    """An error among `problems` is in the way of the accelerator that was asked for."""

    acceleration: Acceleration
    problems: tuple[Problem, ...]


@dataclass
class Judge:
    """Follows the commands of a deck in the order of its text.

    The rule, until a benchmark on a GPU says better (docs/decisions/0025-the-accelerator.md):
    KOKKOS where nothing that works at each step is left to the host; else the GPU package where
    it has every pair style; else the one that has some pair style, KOKKOS first; else plain.
    """

    bars: Bars
    _used: dict[_Style, Place] = field(default_factory=dict)

    def take(self, command: list[str], place: Place) -> None:
        """Take note of a command; it has the least words that LAMMPS wants of it."""
        self.bars.take(command, place)
        if command[0] == "fix":
            self._use("fix", command[3:4], place)
        elif command[0] in _KINDS and command[1:]:
            self._use(_KINDS[command[0]], command[1:], place)

    def judge(self, wanted: Accelerator | None) -> Judged:
        """The choice, or what comes of the accelerator that run.yaml wants."""
        chosen, why = self._chosen()
        problems: list[Problem] = []
        if wanted is not None:
            problems = [_refusal(wanted, chosen, *bar) for bar in self.bars.to(wanted)]
            chosen, why = wanted, "run.yaml asks for it."
        # What a variable names is known only to a run.
        host = [style for style in self._on_host(chosen) if "$" not in style.name]
        found = Acceleration(
            accelerator=chosen,
            why=why,
            settings=self._settings(chosen),
            on_host=tuple(str(style) for style in host),
        )
        notes = (_note(style, self._used[style], chosen) for style in host)
        return Judged(found, (*problems, *notes))

    def _use(self, kind: str, words: list[str], place: Place) -> None:
        is_hybrid = words[0].startswith("hybrid")
        subs = [word for word in words[1:] if vocabulary.knows(kind, word)]
        for name in subs if is_hybrid else words[:1]:
            if name not in NO_FORCE:
                self._used.setdefault(_Style(kind, name), place)

    def _chosen(self) -> tuple[Accelerator, str]:
        pairs = [style for style in self._used if style.kind == "pair"]
        has = {
            each: [pair for pair in pairs if has_version(*pair, each)]
            for each in (KOKKOS, GPU)
            if not self.bars.to(each)
        }
        if has.get(KOKKOS) and not self._on_host(KOKKOS):
            return KOKKOS, "Every style that works at each step has a KOKKOS version."
        if has.get(GPU) and has[GPU] == pairs:
            return GPU, f"The GPU package has its pair style; {self._against_kokkos()}."
        for each, theirs in has.items():
            if theirs:
                return each, _sentence(f"{PACKAGE_NAMES[each]} has {theirs[0]}")
        return Accelerator.PLAIN, _sentence(self._why_plain(pairs))

    def _against_kokkos(self) -> str:
        for place, reason in self.bars.to(KOKKOS):
            return f"{reason} ({place})"
        style = self._on_host(KOKKOS)[0]
        return f"with KOKKOS, {style} ({self._used[style]}) would run on the host"

    def _why_plain(self, pairs: list[_Style]) -> str:
        if not pairs:
            return "the deck names no pair style that could run on a GPU"
        for each in (KOKKOS, GPU):
            for place, reason in self.bars.to(each):
                return f"{reason} ({place})"
        return f"neither KOKKOS nor the GPU package has {pairs[0]} ({self._used[pairs[0]]})"

    def _on_host(self, accelerator: Accelerator) -> list[_Style]:
        if accelerator is Accelerator.PLAIN:
            return []
        return [style for style in self._used if stays_on_host(*style, accelerator)]

    def _settings(self, accelerator: Accelerator) -> tuple[str, ...]:
        """Without any, KOKKOS has full neighbor lists, which end in an error with `newton on`."""
        if accelerator is KOKKOS:
            halves = self._demand("half")  # some of these have no version for `newton on`
            given = self.bars.reads_restart and not halves
            newton = self.bars.newton_is_on or self._demand("newton") or given
            half = ("neigh", "half") if newton or halves else ()
            return (*half, "newton", "on") if newton else half
        return ("neigh", "no") if accelerator is GPU and self.bars.no_lists else ()

    def _demand(self, what: str) -> bool:
        return any(demands(*style, what) for style in self._used)


def _refusal(wanted: Accelerator, chosen: Accelerator, place: Place, reason: str) -> Problem:
    message = (
        f"{reason}, so the run cannot have `accelerator: {wanted}`. Take that out of run.yaml: "
        f"Deckhand would choose {chosen}."
    )
    return _problem(Severity.ERROR, place, message)


def _note(style: _Style, place: Place, accelerator: Accelerator) -> Problem:
    message = f"{style} has no version in the GPU package: it runs on the host."
    if accelerator is KOKKOS:
        copied = "it runs on the host, and the atoms are copied to and fro at every step."
        message = f"{style} has no KOKKOS version: {copied}"
    return _problem(Severity.NOTE, place, message)


def _problem(severity: Severity, place: Place, message: str) -> Problem:
    return Problem(severity=severity, file=place.file, line=place.line, message=message)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
