"""What an attempt may touch in S3, and the credentials that let it touch nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import Field

from deckhand.domain import keys
from deckhand.domain.deck import Frozen

NAME = r"^[A-Za-z0-9_-]+$"
"""Nothing that a policy would read as a pattern or a variable."""


CHECK: Final = 0
"""In place of an attempt's number: the job that makes a dry run before any attempt."""


class Scope(Frozen):
    """One attempt of one run, or its check; the deck of a sweep's point lies with its `parent`."""

    run_id: str = Field(pattern=NAME)
    attempt: int = Field(ge=CHECK)
    parent: str | None = Field(default=None, pattern=NAME)

    @property
    def readable(self) -> tuple[str, ...]:
        """Patterns of the keys that it may read; listings take them as prefixes."""
        own: tuple[str, ...] = (f"{keys.run(self.run_id)}*",)
        if self.attempt == CHECK:
            own = (f"{keys.checks(self.run_id)}*", f"{keys.deck(self.run_id)}*")
        if self.parent is None:
            return own
        return (*own, keys.sweep(self.parent), f"{keys.deck(self.parent)}*")

    @property
    def writable(self) -> tuple[str, ...]:
        """Patterns of the keys that it may write: an attempt's own, and none of the one before."""
        if self.attempt == CHECK:
            return (keys.check_answer(self.run_id, "*"),)
        return (
            f"{keys.attempt(self.run_id, self.attempt)}*",
            f"{keys.checkpoints(self.run_id)}*-a{self.attempt}/*",
        )


class Credentials(Frozen):
    """Of AWS, for a while.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
    """

    access_key_id: str
    secret_access_key: str = Field(repr=False)
    session_token: str = Field(repr=False)
    expires_at: datetime
