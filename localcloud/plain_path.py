"""A folder by a name that LAMMPS can be told: its commands end at blanks and read `$`, `&`, `#`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PLAIN: Final = re.compile(r"[\w./+@-]+", re.ASCII)
LINKS: Final = Path("/tmp")  # not TMPDIR: a user's may have a blank in it too


@contextmanager
def plain_path(folder: Path, links: Path = LINKS) -> Iterator[Path]:
    """*folder* itself where its path is plain, as in a container; else a link to it."""
    if PLAIN.fullmatch(str(folder)):
        yield folder
        return
    place = Path(tempfile.mkdtemp(prefix="deckhand-", dir=links))
    link = place / "scratch"
    link.symlink_to(folder, target_is_directory=True)
    try:
        yield link
    finally:
        link.unlink(missing_ok=True)
        place.rmdir()
