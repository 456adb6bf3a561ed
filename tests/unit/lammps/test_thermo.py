"""Thermo tables: every row of a log is found, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.lammps.thermo import NO_STEP, Row, Text, ThermoReader, read_rows

ONE = b"""\
LAMMPS (22 Jul 2025 - Update 4)
run 100
Per MPI rank memory allocation (min/avg/max) = 3.081 | 3.081 | 3.081 Mbytes
   Step          Temp          E_pair         TotEng    \x20
         0   1.44          -6.7733681     -4.6134356
WARNING: Dump with scale or wrap does not use unwrapped coordinates (src/dump.cpp:1)
        50   0.7          -nan            inf
       100   0.71          -5.6           -4.6e+00
Loop time of 0.00108487 on 1 procs for 100 steps with 32 atoms
Nlocal:             32 ave          32 max          32 min
Histogram: 1 0 0 0 0 0 0 0 0 0
         1   2   3   4
   Step          Press
       100   1.5
       150   1.6
"""

MULTI = b"""\
------------ Step              0 ----- CPU =            0 (sec) -------------
TotEng   =        -6.7734 KinEng   =         0.0000 Temp     =         0.0000\x20
PotEng   =        -6.7734 Press    =        -6.2353
WARNING: something
------------ Step             50 ----- CPU =  0.000512999 (sec) -------------
TotEng   =        -6.7735 KinEng   =         0.0001 Temp     =         0.0002\x20
PotEng   =        -6.7736 Press    =        -6.2354
Loop time of 0.000562303 on 1 procs for 50 steps with 32 atoms
"""

YAML = b"""\
---
keywords: ['Step', 'Temp', 'Press', ]
data:
  - [0, 1.44, -5.01, ]
WARNING: something
  - [50, 0.7, 0.1, ]
...
Loop time of 0.000562303 on 1 procs for 50 steps with 32 atoms
  - [60, 0.7, 0.1, ]
"""

BARE = b"""\
Per MPI rank memory allocation (min/avg/max) = 3.081 | 3.081 | 3.081 Mbytes
     Temp          E_pair    \x20
 1.44          -6.7733681    \x20
WARNING: one warning
 0.7           -5.6
Loop time of 0.00108487 on 1 procs for 100 steps with 32 atoms
Nlocal:             32 ave          32 max          32 min
 1 2
run 100 pre no
     Temp          E_pair    \x20
 0.7           -5.6
Loop time of 0.00108487 on 1 procs for 100 steps with 32 atoms
Per MPI rank memory allocation (min/avg/max) = 3.081 | 3.081 | 3.081 Mbytes
 Time step        T            PotEng
       250     0.538   -5.580
       300     0.579   -5.653
Loop time of 0.00108487 on 1 procs for 100 steps with 32 atoms
Per MPI rank memory allocation (min/avg/max) = 3.081 | 3.081 | 3.081 Mbytes
---
keywords: ['Temp', 'PotEng', ]
data:
  - [0.517016626233828, -5.54793971216766, ]
...
"""


def test_rows_of_style_one() -> None:
    rows = read_rows(ONE)
    assert [row.step for row in rows] == [0, 50, 100, 100, 150]
    assert rows[1].columns == ("Step", "Temp", "E_pair", "TotEng")
    assert rows[1].values == ("50", "0.7", "-nan", "inf")
    assert rows[-1].columns == ("Step", "Press")


def test_rows_of_style_multi() -> None:
    rows = read_rows(MULTI)
    assert [row.step for row in rows] == [0, 50]
    assert rows[1].columns == ("Step", "TotEng", "KinEng", "Temp", "PotEng", "Press")
    assert rows[1].values == ("50", "-6.7735", "0.0001", "0.0002", "-6.7736", "-6.2354")


def test_rows_of_style_yaml() -> None:
    rows = read_rows(YAML)
    assert [row.step for row in rows] == [0, 50]
    assert rows[0].columns == ("Step", "Temp", "Press")
    assert rows[0].values == ("0", "1.44", "-5.01")


def test_rows_that_name_no_step() -> None:
    rows = read_rows(BARE)
    assert [row.step for row in rows] == [NO_STEP] * 6
    assert [len(row.columns) for row in rows] == [2, 2, 2, 3, 3, 2]
    assert rows[2].columns == ("Temp", "E_pair")
    assert rows[3].values == ("250", "0.538", "-5.580")


def test_rows_are_counted_in_their_table() -> None:
    reader = ThermoReader()
    lines = BARE.splitlines(keepends=True)
    assert [reader.number for _ in reader.rows(lines)] == [0, 1, 0, 0, 1, 0]


def test_a_printed_line_is_no_part_of_a_row() -> None:
    """Neither of one that looks like it, nor of one of several lines."""
    lines = MULTI.replace(b"WARNING: something\n", b"E = 5\n").splitlines(keepends=True)
    reader = ThermoReader()
    items = list(reader.items(lines, 0, lambda line: 40 if line == b"E = 5\n" else None))
    assert [item.step for item in items] == [0, 40, 50, None]
    assert [type(item) for item in items] == [Row, Text, Row, Text]
    assert all(b"E = 5" not in MULTI[row.begin : row.end] for row in items if isinstance(row, Row))


@pytest.mark.parametrize("log", [ONE, MULTI, YAML])
def test_the_bytes_of_a_row_are_the_row(log: bytes) -> None:
    for row in read_rows(log):
        text = log[row.begin : row.end]
        assert text.endswith(b"\n")
        assert all(value.encode() in text for value in row.values)
        assert b"WARNING" not in text


@given(st.sampled_from([ONE, YAML]), st.data())
def test_a_log_read_in_two_parts_has_the_same_rows(log: bytes, data: st.DataObject) -> None:
    lines = log.splitlines(keepends=True)
    cut = data.draw(st.integers(0, len(lines)))
    reader = ThermoReader()
    first = list(reader.rows(lines[:cut]))
    second = list(reader.rows(lines[cut:], sum(map(len, lines[:cut]))))
    assert first + second == read_rows(log)


@given(st.binary(max_size=200))
def test_no_log_is_a_surprise(noise: bytes) -> None:
    found = read_rows(ONE + noise)
    assert [row.step for row in found][:5] == [0, 50, 100, 100, 150]
