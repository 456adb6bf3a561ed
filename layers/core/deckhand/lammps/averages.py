"""The last value of a `fix ave/*`, which no restart file holds, where variables read it.

Such a fix has a new value at the end of each of its intervals, which is where checkpoints come. A
resumed run looks at it once before that, when it starts: a variable that divides by it would end
the run, and an average of the variable would have a sample of nothing.
"""

from __future__ import annotations

import re
from typing import Final

from deckhand.lammps.journal import Journal, Setting
from deckhand.lammps.styles import plain

_REFERENCE: Final = re.compile(r"\bf_(\w+)((?:\[\d+\]){0,2})(?![\w\[])")
_VARIABLE: Final = re.compile(r"\bv_(\w+)")
_SCALAR: Final = "equal"
_FORMULA: Final = 3


def read_averages(journal: Journal) -> list[str]:
    """The entries of averages (`f_ID[i]`) that variables of style equal read, if they are read.

    One that nothing reads may ask for an entry that is not there.
    """
    averages = {fix.words[1] for fix in journal.of("fix") if plain(fix.words[3])[:4] == "ave/"}
    if not averages:
        return []
    return sorted(
        {
            reference[0]
            for formula in _formulas_in_use(journal)
            for reference in _REFERENCE.finditer(formula)
            if reference[1] in averages
        }
    )


def recalled(variable: Setting, values: dict[str, str], step: int) -> str:
    """The command that defines *variable*, which at *step* finds the *values* of entries again."""
    words = variable.words
    if words[2] != _SCALAR or not values:
        return variable.text
    formula = " ".join(words[_FORMULA:])

    def put(reference: re.Match[str]) -> str:
        value = values.get(reference[0])
        if value is None:
            return reference[0]
        return f"({reference[0]}*(step!={step})+({value})*(step=={step}))"

    told = _REFERENCE.sub(put, formula)
    return variable.text if told == formula else f'variable {words[1]} {_SCALAR} "{told}"'


def _formulas_in_use(journal: Journal) -> list[str]:
    """Of the variables that other settings name, and of those that these name in turn."""
    formulas = {
        setting.words[1]: " ".join(setting.words[_FORMULA:])
        for setting in journal.of("variable")
        if setting.words[2] == _SCALAR
    }
    texts = [setting.text for setting in journal.settings if setting.key[0] != "variable"]
    used: dict[str, str] = {}
    while texts:
        named = {name for text in texts for name in _VARIABLE.findall(text)}
        new = {name: formulas[name] for name in named & formulas.keys() if name not in used}
        used |= new
        texts = [*new.values()]
    return [*used.values()]
