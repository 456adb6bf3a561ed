"""What makes LAMMPS use a GPU: one of its packages, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from deckhand.domain.deck import Frozen


class Accelerator(StrEnum):
    """A package of LAMMPS that knows GPUs, or LAMMPS as it is without one."""

    KOKKOS = "kokkos"
    GPU = "gpu"
    PLAIN = "plain"


PACKAGE_NAMES: Final = {Accelerator.KOKKOS: "KOKKOS", Accelerator.GPU: "the GPU package"}


class Acceleration(Frozen):
    """The accelerator of a run, and why that one.

    `settings` are words for its `package` command that the deck makes necessary; `on_host` are the
    styles, with their kinds, that keep the host busy at every step with it.
    """

    accelerator: Accelerator = Accelerator.PLAIN
    why: str = ""
    settings: tuple[str, ...] = ()
    on_host: tuple[str, ...] = ()

    def flags(self, gpus: int) -> tuple[str, ...]:
        """Of the command line of LAMMPS: https://docs.lammps.org/Run_options.html.

        Without a CUDA-aware MPI, `gpu/aware` must be off where there are several ranks:
        https://docs.lammps.org/Speed_kokkos.html.
        """
        if self.accelerator is Accelerator.KOKKOS:
            package = ("-pk", "kokkos", "gpu/aware", "off", *self.settings)
            return ("-k", "on", "g", str(gpus), "-sf", "kk", *package)
        if self.accelerator is Accelerator.GPU:
            return ("-sf", "gpu", "-pk", "gpu", str(gpus), *self.settings)
        return ()


def suits_all(found: Iterable[Acceleration]) -> Acceleration:
    """One for decks that are to share it, the points of a sweep."""
    each = list(found)
    if len({one.accelerator for one in each}) > 1:
        return Acceleration(why="The runs of the sweep would each need another accelerator.")
    # A deck that can do with fewer settings can do with more, too.
    return max(each, key=lambda one: len(one.settings))
