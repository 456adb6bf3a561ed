"""Keeps status.json in S3 up to date while the attempt lives."""

from __future__ import annotations

import sys
import threading
import time
from typing import Final

from deckhand.domain import keys
from deckhand.domain.status import Status
from deckhand.runner.clock import utc_now
from deckhand.usecases.ports import Bucket

LAST_TRIES: Final = 3
LAST_WAIT_SECONDS: Final = 1.0


class Reporter:
    """The newest status, written at most every *seconds* in the background.

    A status that cannot be written is not worth a simulation: the next one replaces it. Nor may an
    attempt that is done look like one that failed: its exit code counts for more than its status.
    """

    def __init__(self, bucket: Bucket, status: Status, seconds: float) -> None:
        self._bucket = bucket
        self._status = status
        self._seconds = seconds
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="status", daemon=True)
        self._changed.set()

    def start(self) -> None:
        self._thread.start()

    @property
    def status(self) -> Status:
        with self._lock:
            return self._status

    def update(self, **change: object) -> None:
        """Replace fields of the status; an `event` is also a line of the job's own log."""
        with self._lock:
            change["updated_at"] = utc_now()
            self._status = self._status.model_copy(update=change)
        if change.get("event"):
            print(f"deckhand: {change['event']}", file=sys.stderr, flush=True)
        self._changed.set()

    def add(self, **change: object) -> None:
        """Replace fields of the status; unlike an update this is no sign of life."""
        with self._lock:
            self._status = self._status.model_copy(update=change)

    def close(self, **change: object) -> None:
        """Write the last status before returning, if S3 takes it."""
        self.update(**change)
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        for number in range(LAST_TRIES):
            if number:
                time.sleep(LAST_WAIT_SECONDS)
            if self._write():
                return

    def _write_on(self) -> None:
        while not self._over.wait(self._seconds):
            if self._changed.is_set():
                self._changed.clear()
                self._write()

    def _write(self) -> bool:
        """Whether S3 took it."""
        status = self.status
        key = keys.status(status.run_id, status.attempt)
        try:
            self._bucket.write(key, status.model_dump_json().encode())
        except Exception as error:  # see the class
            print(f"deckhand: status not written: {error}", file=sys.stderr, flush=True)
            return False
        return True
