"""Deckhand on decks nobody here wrote: `python -m benchmarks.corpus`."""
