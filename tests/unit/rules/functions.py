"""Faults of functions and logs."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, put

FAULTS: Faults = {
    "implicit log group": (put("template", "CheckDeck", "LoggingConfig", None), "no log group"),
    "log kept": (put("template", "CheckDeckLogs", "RetentionInDays", None), "kept for ever"),
    "runtime misspelt": (put("template", "CheckDeck", "Runtime", "python3.31"), "no such runtime"),
    "function untraced": (put("template", "CloseRun", "TracingConfig", None), "not traced"),
    "machine without log": (
        put("template", "RunDeck", "LoggingConfiguration", None),
        "keeps no log",
    ),
    "machine untraced": (
        put("template", "RunDeck", "TracingConfiguration/Enabled", False),
        "RunDeck: not traced",
    ),
}
