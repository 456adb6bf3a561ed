"""Deckhand: carry a LAMMPS deck to its end on machines that disappear."""

__version__ = "0.1.0"
