"""The drop as it lies in the inbox now."""

from __future__ import annotations

from deckhand.domain.deck import Drop
from deckhand.usecases.ports import Bucket


def list_drop(inbox: Bucket, prefix: str) -> Drop:
    """The newest version of each object, without the folder markers that the S3 console makes."""
    objects = (
        item
        for item in inbox.current(prefix)
        if not item.key.endswith("/") and (prefix.endswith("/") or item.key == prefix)
    )
    return Drop(prefix=prefix, objects=tuple(objects))
