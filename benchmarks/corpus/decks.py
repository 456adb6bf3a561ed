"""The decks of the corpus: where they come from, and a scratch copy of one of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.corpus.stretch import reached, stretch

PACKAGE: Final = "lammps-examples"
EXAMPLES: Final = Path("usr/share/lammps/examples")
POTENTIALS: Final = "potentials"
_SOURCE_TREE: Final = re.compile(r"(?:\.\./)+potentials/(?=\S)")


@dataclass(frozen=True)
class Deck:
    """A deck in its own folder; `name` is its path in the corpus."""

    name: str
    folder: Path

    @property
    def file(self) -> str:
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Corpus:
    """The examples that Debian packs, fetched into *work*, and the bench of the wheel's *share*."""

    work: Path
    share: Path

    def fetch(self) -> None:
        """Unpack Debian's package; nothing of it is kept in this repository."""
        unpacked = self.work / "unpacked"
        if (unpacked / EXAMPLES).is_dir():
            return
        self.work.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", PACKAGE], cwd=self.work, check=True)
        archive = next(self.work.glob(f"{PACKAGE}_*.deb"))
        half = self.work / "unpacking"
        shutil.rmtree(half, ignore_errors=True)
        subprocess.run(["dpkg", "-x", archive.name, half.name], cwd=self.work, check=True)
        # The examples link to ../../potentials, which another package has, and so has the wheel.
        (half / EXAMPLES).with_name(POTENTIALS).symlink_to(self.share / POTENTIALS)
        half.replace(unpacked)

    def version(self) -> str:
        """Of Debian's package."""
        return next(self.work.glob(f"{PACKAGE}_*.deb")).name.split("_")[1].replace("%3a", ":")

    def decks(self) -> Iterator[Deck]:
        for top in (self.work / "unpacked" / EXAMPLES, self.share / "bench"):
            for path in sorted(top.rglob("in.*")):
                if path.is_file():
                    yield Deck(f"{top.name}/{path.relative_to(top).as_posix()}", path.parent)

    def needs_potential(self, deck: Deck) -> bool:
        """Whether the deck reads one that is not beside it."""
        texts = (_beside(path) for path in reached(deck.folder, deck.file))
        return any(any(self._potentials_of(text, deck.folder)) for text in texts)

    def lay(self, deck: Deck, folder: Path, factor: float) -> None:
        """Copy a deck with all that lies beside it, its runs multiplied with *factor*.

        A potential that it reads from the tree of LAMMPS' source, or that LAMMPS finds among its
        own, is laid beside it: whoever uploads a deck has to do the same.
        """
        shutil.copytree(deck.folder, folder, ignore=_dangling)
        for path in reached(folder, deck.file):
            text = _beside(path)
            for potential in self._potentials_of(text, folder):
                shutil.copyfile(potential, folder / potential.name)
            path.chmod(0o644)
            path.write_text(stretch(text, factor), encoding="latin-1")

    def _potentials_of(self, text: str, folder: Path) -> Iterator[Path]:
        """Those that a script names and that do not lie in its *folder*."""
        for name in set(text.split()):
            potential = self.share / POTENTIALS / name
            if "/" not in name and potential.is_file() and not (folder / name).exists():
                yield potential


def _beside(path: Path) -> str:
    """A script that looks for its potentials beside it."""
    return _SOURCE_TREE.sub("", path.read_text(encoding="latin-1"))


def _dangling(folder: str, names: list[str]) -> list[str]:
    """Links to nothing: companions that Debian does not pack."""
    return [name for name in names if not (Path(folder) / name).exists()]
