"""Fuzzes a target with coverage: `python -m tests.fuzz.campaign TARGET --seconds 60`.

Needs atheris (`make fuzz` has it). A fault is written to `.deckhand/fuzz/TARGET/faults`; when it is
mended, its file moves to tests/unit/lammps/seeds, where every test run tries it again.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["deckhand"]):
    from tests.fuzz.targets import BETWEEN, TARGETS

from tests.fuzz.author import BOX, DECK, Author

ROOT: Final = Path(__file__).parents[2]
SEEDS: Final = ROOT / "tests/unit/lammps/seeds"
FIRST_DECKS: Final = 40
LONGEST: Final = 4096
SLOWEST_SECONDS: Final = 30

TOKENS: Final = (
    *("variable ", "include ", "jump SELF ", "label ", "next ", "if ", " then ", " elif "),
    *("run ", " upto", " every ", " start ", " stop ", " pre no", "quit", "clear", "print "),
    *("index ", "loop ", "string ", "equal ", "file ", "format ", "delete", " pad", "a.inc"),
    *("fix 1 all ", "unfix ", "dump 1 all ", "dump_modify ", "undump ", "compute ", "thermo "),
    *("fix 1 all ave/time 1 1 1 ", "fix 1 all print 1 ", "read_data ", "pair_style ", "log "),
    *("minimize 0 0 1 1", "reset_timestep 0", "group ", "region ", "neigh_modify exclude "),
    *("${", "$(", "$x", "}", ")", '"""', "&\n", "#", "'", '"', "\n", "\r\n", " == ", "v_x"),
    *(
        " else ",
        "NULL",
        "halt",
        "error soft",
        "deform",
        "langevin",
        "append ",
        "shell ",
        "pair_coeff ",
        " file ",
    ),
    *("\u201c", "\u00a0", "\n%%\n", *BOX.splitlines(keepends=True)),
)


def main() -> None:
    """Fuzz until the time is over; the exit code is 0 if nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    folder = ROOT / ".deckhand/fuzz" / options.target
    corpus, faults = folder / "corpus", folder / "faults"
    for place in (corpus, faults):
        place.mkdir(parents=True, exist_ok=True)
    for seed in range(FIRST_DECKS):
        files = Author(random.Random(seed)).write()
        parts = [files[DECK], *(files[name] for name in sorted(files) if name.startswith("part"))]
        (corpus / f"author-{seed}").write_bytes(BETWEEN.join(parts))
    words = folder / "words"
    lines = (json.dumps(token, ensure_ascii=True) for token in TOKENS)
    words.write_text("".join(f"{_escaped(line)}\n" for line in lines), encoding="ascii")
    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            str(SEEDS),
            f"-dict={words}",
            f"-artifact_prefix={faults}/",
            f"-max_total_time={options.seconds}",
            f"-max_len={LONGEST}",
            f"-timeout={SLOWEST_SECONDS}",
            "-print_final_stats=1",
        ],
        TARGETS[options.target],
    )
    atheris.Fuzz()


def _escaped(line: str) -> str:
    r"""What libFuzzer knows: `\\`, `\"` and `\xAB`."""
    text = line[1:-1].replace("\\n", "\\x0A").replace("\\r", "\\x0D").replace("\\t", "\\x09")
    for escaped in {part[:4] for part in text.split("\\u")[1:]}:
        encoded = chr(int(escaped, 16)).encode()
        text = text.replace(f"\\u{escaped}", "".join(f"\\x{byte:02X}" for byte in encoded))
    return f'"{text}"'


if __name__ == "__main__":
    main()
