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
_POTENTIAL_ELSEWHERE: Final = re.compile(r"(?:\.\./)+potentials/(?=\S)(\S+)")


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
        """Whether the deck reads one from the tree of LAMMPS' source."""
        texts = (path.read_text(encoding="latin-1") for path in reached(deck.folder, deck.file))
        return any(_POTENTIAL_ELSEWHERE.search(text) for text in texts)

    def lay(self, deck: Deck, folder: Path, factor: float) -> None:
        """Copy a deck with all that lies beside it, its runs multiplied with *factor*.

        A potential that it reads from the tree of LAMMPS' source is laid beside it: whoever uploads
        a deck has to do the same.
        """
        shutil.copytree(deck.folder, folder, ignore=_dangling)
        for path in reached(folder, deck.file):
            text = path.read_text(encoding="latin-1")
            for name in set(_POTENTIAL_ELSEWHERE.findall(text)):
                shutil.copyfile(self.share / POTENTIALS / name, folder / name)
            beside = _POTENTIAL_ELSEWHERE.sub(r"\1", text)
            path.chmod(0o644)
            path.write_text(stretch(beside, factor), encoding="latin-1")


def _dangling(folder: str, names: list[str]) -> list[str]:
    """Links to nothing: companions that Debian does not pack."""
    return [name for name in names if not (Path(folder) / name).exists()]
