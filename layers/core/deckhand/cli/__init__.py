"""What a person types."""

from deckhand.cli.app import main

__all__ = ["main"]
