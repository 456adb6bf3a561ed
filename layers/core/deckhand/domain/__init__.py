"""Facts and rules of a run: no I/O, no clock, no environment."""
