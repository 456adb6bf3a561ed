"""The hosts job attempts run on: identity, spot notice, loss."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

INSTANCE_ID_DIGITS = 17


@dataclass
class Host:
    """One EC2 instance that carries one job attempt."""

    instance_id: str
    instance_type: str
    zone: str
    lose: Callable[[], None]
    tokens: set[str] = field(default_factory=set)
    noticed_at: datetime | None = None
    lost_at: datetime | None = None
    countdown: threading.Timer | None = None

    @property
    def region(self) -> str:
        return self.zone[:-1]

    @property
    def loss_reason(self) -> str:
        """Say what Batch says of a job whose instance went away."""
        return f"Host EC2 (instance {self.instance_id}) terminated."


class UnknownHost(LookupError):
    """No running job attempt sits on the host of that name."""


class Hosts:
    """Every host that carries a job attempt now."""

    def __init__(self, zone: str, notice_seconds: float = 120.0) -> None:
        self._zone = zone
        self._notice_seconds = notice_seconds
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    def place(self, instance_type: str, lose: Callable[[], None]) -> Host:
        """Start a host; *lose* is called once if it goes away under its job."""
        digits = secrets.token_hex(INSTANCE_ID_DIGITS)[:INSTANCE_ID_DIGITS]
        host = Host(f"i-{digits}", instance_type, self._zone, lose)
        with self._lock:
            self._hosts[host.instance_id] = host
        return host

    def release(self, host: Host) -> None:
        """Forget a host whose job ended, and the countdown that would have ended it."""
        with self._lock:
            self._hosts.pop(host.instance_id, None)
        if host.countdown is not None:
            host.countdown.cancel()

    def find(self, instance_id: str) -> Host:
        with self._lock:
            try:
                return self._hosts[instance_id]
            except KeyError:
                raise UnknownHost(f"No job runs on a host {instance_id}.") from None

    def give_notice(self, instance_id: str, seconds: float | None = None) -> Host:
        """Announce that the host goes away in *seconds*; a second notice changes nothing."""
        host = self.find(instance_id)
        delay = self._notice_seconds if seconds is None else seconds
        with self._lock:
            if host.noticed_at is not None:
                return host
            host.noticed_at = datetime.now(UTC)
            host.lost_at = host.noticed_at + timedelta(seconds=delay)
            host.countdown = threading.Timer(delay, self._lose_if_here, [host])
            host.countdown.daemon = True
            host.countdown.start()
        return host

    def lose(self, instance_id: str) -> Host:
        """Take the host away without a word."""
        host = self.find(instance_id)
        self._lose_if_here(host)
        return host

    def _lose_if_here(self, host: Host) -> None:
        with self._lock:
            here = self._hosts.pop(host.instance_id, None) is not None
        if here:
            host.lose()
