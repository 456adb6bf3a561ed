"""Tells a child of an array which point of the sweep is its run."""

from __future__ import annotations

from dataclasses import replace

from deckhand.domain import keys
from deckhand.domain.errors import StorageError
from deckhand.domain.sweep import read_sweep
from deckhand.runner.settings import Settings
from deckhand.usecases.ports import Bucket


def at_its_point(settings: Settings, bucket: Bucket) -> Settings:
    """The settings of the run that this attempt is of; raises StorageError for no such point."""
    if settings.index is None:
        return settings
    sweep = read_sweep(bucket.read(keys.sweep(settings.run_id)), settings.run_id)
    for point in sweep.points:
        if point.index == settings.index:
            return replace(settings, run_id=point.run_id)
    raise StorageError(f"the sweep of {settings.run_id} has no point {settings.index}")
