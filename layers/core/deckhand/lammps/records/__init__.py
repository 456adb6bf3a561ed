"""The records of an output file: where each begins and ends, and of which step it is."""
