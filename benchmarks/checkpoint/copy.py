"""Moves one file as the runner does: `python -m benchmarks.checkpoint.copy WAY KEY FILE [--plain]`.

It prints the megabytes that it took.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.checkpoint.memory import peak
from deckhand.adapters.s3 import Bucket
from deckhand.adapters.session import aws_client
from deckhand.adapters.upload import fast_uploader, plain_uploader


def main() -> int:
    way, key, path, *more = sys.argv[1:]
    client = aws_client("s3")
    bucket = Bucket(client, "runs", plain_uploader(client) if more else fast_uploader(client))
    if way == "up":
        bucket.upload(key, Path(path))
    else:
        bucket.download(key, Path(path))
    print(peak())
    return 0


if __name__ == "__main__":
    sys.exit(main())
