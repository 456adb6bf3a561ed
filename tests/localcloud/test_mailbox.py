"""The mailbox: messages a mail program can read."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from localcloud.mailbox import Mailbox

AT = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def deliver(folder: Path, subject: str, body: str = "text", **attributes: str) -> Path:
    return Mailbox(folder).deliver(
        to="anna@example.org",
        subject=subject,
        body=body,
        message_id="m-1",
        sender_name="Deckhand",
        attributes=attributes,
        at=AT,
    )


def read(path: Path) -> EmailMessage:
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_message_has_what_a_reader_looks_for(tmp_path: Path) -> None:
    path = deliver(
        tmp_path, "Run melt-1 completed", "All rows.\nNothing lost.\n", state="completed"
    )
    message = read(path)
    assert path.name == "0001-run-melt-1-completed.eml"
    assert message["To"] == "anna@example.org"
    assert message["From"] == "Deckhand <no-reply@sns.amazonaws.com>"
    assert message["Subject"] == "Run melt-1 completed"
    assert message["Date"].datetime == AT
    assert message["Message-ID"] == "<m-1@sns.localcloud>"
    assert message["X-state"] == "completed"
    assert message.get_content().splitlines() == ["All rows.", "Nothing lost."]


@pytest.mark.parametrize("text", ["Größe: 3 Å", "日本", "x" * 3000, ""])
def test_every_text_survives(tmp_path: Path, text: str) -> None:
    assert read(deliver(tmp_path, "s", text)).get_content().rstrip() == text


def test_messages_are_numbered_across_restarts(tmp_path: Path) -> None:
    names = [deliver(tmp_path, subject).name for subject in ("First", "Second", "???")]
    assert names == ["0001-first.eml", "0002-second.eml", "0003-message.eml"]


def test_there_may_be_more_than_four_digits_tell(tmp_path: Path) -> None:
    (tmp_path / "9999-old.eml").touch()
    names = [deliver(tmp_path, "New").name for _ in range(2)]
    assert names == ["10000-new.eml", "10001-new.eml"]


def test_a_subject_cannot_add_headers(tmp_path: Path) -> None:
    message = read(deliver(tmp_path, "Hello\r\nBcc: eve@example.org", note="a\nb"))
    assert message["Bcc"] is None
    assert message["Subject"] == "Hello Bcc: eve@example.org"
    assert message["X-note"] == "a b"


def test_no_half_message_is_left(tmp_path: Path) -> None:
    deliver(tmp_path, "s")
    assert [path.suffix for path in tmp_path.iterdir()] == [".eml"]


def test_a_message_can_be_read_as_it_lies_there(tmp_path: Path) -> None:
    subject = f"Deckhand: {'long ' * 17}name"
    text = deliver(tmp_path, subject, f"{'word ' * 40}= ü\n").read_text()
    assert f"Subject: {subject}\n" in text
    assert f"{'word ' * 40}= ü\n" in text
