"""A message that nobody could deliver or work on, as it lies in a dead-letter queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Addressee(StrEnum):
    """Whom a letter was for."""

    INTAKE = "intake"
    FUNCTION = "function"
    SCHEDULE = "schedule"
    NOBODY = "nobody"


@dataclass(frozen=True)
class DeadLetter:
    """`about` is the key or the drop it tells of, `payload` what is sent when it is put back.

    `function` is the ARN of the function it is for, `why` what is known of the failure; both may be
    empty. `sent_at` is when it was first put into a queue, `received` how often somebody took it.
    """

    message_id: str
    receipt: str
    addressee: Addressee
    about: str
    payload: str
    sent_at: datetime
    received: int
    function: str = ""
    why: str = ""
