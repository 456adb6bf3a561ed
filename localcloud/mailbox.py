"""The mailbox: what SNS would have sent by e-mail, as .eml files."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from pathlib import Path

SENDER_ADDRESS = "no-reply@sns.amazonaws.com"
SENDER_NAME = "AWS Notifications"
DEFAULT_SUBJECT = "AWS Notification Message"
LONGEST_SLUG = 60

# The longest line that RFC 5322 allows: a message stays readable as a file, without folded headers.
POLICY = SMTP.clone(max_line_length=998)


class Mailbox:
    """A folder of messages, numbered in the order they came."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        numbers = (re.match(r"\d+", path.name) for path in folder.glob("*.eml"))
        self._last = max((int(found[0]) for found in numbers if found), default=0)

    def deliver(
        self,
        *,
        to: str,
        subject: str,
        body: str,
        message_id: str,
        sender_name: str = "",
        attributes: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> Path:
        """Write one message; a reader of *.eml never sees half of one."""
        message = EmailMessage(policy=POLICY)
        message["From"] = formataddr((sender_name or SENDER_NAME, SENDER_ADDRESS))
        message["To"] = to
        message["Subject"] = _one_line(subject) or DEFAULT_SUBJECT
        message["Date"] = format_datetime(at or datetime.now(UTC))
        message["Message-ID"] = f"<{message_id}@sns.localcloud>"
        for name, value in (attributes or {}).items():
            message[f"X-{_header_name(name)}"] = _one_line(value)
        message.set_content(body)
        with self._lock:
            self._last += 1
            path = self._folder / f"{self._last:04d}-{_slug(message['Subject'])}.eml"
            partial = path.with_suffix(".partial")
            partial.write_bytes(message.as_bytes())
            partial.replace(path)
        return path


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _header_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "Attribute"


def _slug(text: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:LONGEST_SLUG].strip("-") or "message"
