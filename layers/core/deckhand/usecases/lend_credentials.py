"""Lend an attempt the credentials of its run, and of no other."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from deckhand.domain.attempt import AttemptRecord
from deckhand.domain.credentials import CHECK, Credentials, Scope
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import CredentialsRefusedError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import RunState
from deckhand.domain.sweep import FIRST_ATTEMPT, point_run_id
from deckhand.usecases.ports import Ledger, Lender


class Asked(Frozen):
    """What an attempt says of itself, or the CHECK of a run; a child of an array has its `index`.

    Such a child names the run of its parent.
    """

    run_id: str
    attempt: int
    token: str
    index: int | None = None


@dataclass(frozen=True)
class LendCredentials:
    """Every attempt is given a token of its own with its job; that it has it is its proof."""

    ledger: Ledger
    lender: Lender

    def __call__(self, asked: Asked) -> Credentials:
        """Safe to repeat; raises CredentialsRefusedError without saying what was wrong."""
        record = self.ledger.run(asked.run_id)
        if asked.attempt == CHECK:
            return self._lend_check(asked, record)
        attempt = record.attempt(asked.attempt) if record else None
        if record is None or attempt is None or not _is_same(asked.token, attempt.token):
            raise _refused(asked)
        if asked.index is None:
            scope = Scope(run_id=asked.run_id, attempt=asked.attempt, parent=record.parent)
            return self._lend(asked, scope, attempt)
        child = point_run_id(asked.run_id, asked.index)
        point = self.ledger.run(child)
        first = point.attempt(FIRST_ATTEMPT) if point else None
        scope = Scope(run_id=child, attempt=FIRST_ATTEMPT, parent=asked.run_id)
        return self._lend(asked, scope, first)

    def _lend_check(self, asked: Asked, record: RunRecord | None) -> Credentials:
        is_due = record is not None and record.state is RunState.CHECKING
        if record is None or not is_due or not _is_same(asked.token, record.check_token):
            raise _refused(asked)
        return self.lender.lend(Scope(run_id=asked.run_id, attempt=CHECK))

    def _lend(self, asked: Asked, scope: Scope, attempt: AttemptRecord | None) -> Credentials:
        """An attempt that was judged is over; what still runs under its name gets nothing more."""
        if attempt is None or attempt.verdict is not None:
            raise _refused(asked)
        return self.lender.lend(scope)


def _is_same(token: str, known: str | None) -> bool:
    return known is not None and compare_digest(token.encode(), known.encode())


def _refused(asked: Asked) -> CredentialsRefusedError:
    return CredentialsRefusedError(
        f"No credentials for attempt {asked.attempt} of {asked.run_id}: it is not known, it is "
        "over, or this is not its token."
    )
