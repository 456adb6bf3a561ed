"""One attempt inside the container: fetch, run, checkpoint, report."""
