"""Faults of what carries events and messages."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, put, without

FAULTS: Faults = {
    "topic plain": (put("notices", "Messages", "KmsMasterKeyId", None), "not encrypted"),
    "event lost": (
        put("template", "DeckUploaded", "Targets/0/DeadLetterConfig", None),
        "would be lost",
    ),
    "pattern not a list": (
        put("template", "DeckUploaded", "EventPattern/source", "aws.s3"),
        "source must be a list",
    ),
    "message comes back early": (
        put("template", "IntakeQueue", "VisibilityTimeout", 60),
        "before 360 s",
    ),
    "message comes back for ever": (
        put("template", "IntakeQueue", "RedrivePolicy", None),
        "comes back for ever",
    ),
    "whole batch repeated": (
        put("template", "AdmitDropUploads", "FunctionResponseTypes", []),
        "repeats its whole batch",
    ),
    "letters unnoticed": (without("template", "EventDeadLettersAlarm"), "nobody would notice"),
    "queue plain": (put("template", "IntakeQueue", "SqsManagedSseEnabled", None), "not encrypted"),
    "event not tried again": (
        put("template", "DeckUploaded", "Targets/0/RetryPolicy", None),
        "no retry policy",
    ),
}
