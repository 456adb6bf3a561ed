"""What a person types."""

from importlib import import_module


def main() -> None:
    """Imported when it is called: who needs a part of this package does not need all of it."""
    import_module("deckhand.cli.app").main()
