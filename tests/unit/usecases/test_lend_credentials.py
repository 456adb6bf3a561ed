"""Who is lent credentials, and for what."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from deckhand.domain.attempt import Verdict
from deckhand.domain.credentials import CHECK, Credentials, Scope
from deckhand.domain.errors import CredentialsRefusedError
from deckhand.domain.run import RunState
from deckhand.domain.sweep import point_run_id
from deckhand.usecases.lend_credentials import Asked, LendCredentials
from tests.fakes import FakeLedger
from tests.makers import ADMITTED, RUN, attempt_record, ended_attempt, run_record

TOKEN = "a-token-of-its-own"


@dataclass
class Lender:
    lent: list[Scope] = field(default_factory=list)

    def lend(self, scope: Scope) -> Credentials:
        self.lent.append(scope)
        return Credentials(
            access_key_id="ASIA", secret_access_key="s", session_token="t", expires_at=ADMITTED
        )


@pytest.fixture
def ledger() -> FakeLedger:
    ledger = FakeLedger()
    ledger.admit(run_record())
    ledger.plan(RUN, attempt_record(1, token=TOKEN))
    return ledger


def lent(ledger: FakeLedger, **asked: object) -> Scope:
    lender = Lender()
    given = {"run_id": RUN, "attempt": 1, "token": TOKEN, **asked}
    LendCredentials(ledger, lender)(Asked.model_validate(given))
    return lender.lent[0]


def test_an_attempt_is_lent_those_of_its_run(ledger: FakeLedger) -> None:
    assert lent(ledger) == Scope(run_id=RUN, attempt=1)
    assert lent(ledger) == Scope(run_id=RUN, attempt=1)


def test_a_deck_that_lies_with_another_run_can_be_read(ledger: FakeLedger) -> None:
    ledger.admit(run_record(run_id="again", parent=RUN))
    ledger.plan("again", attempt_record(1, token="other"))
    assert lent(ledger, run_id="again", token="other") == Scope(
        run_id="again", attempt=1, parent=RUN
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"token": ""},
        {"token": f"{TOKEN} "},
        {"token": "ä"},
        {"attempt": 2},
        {"run_id": "another"},
        {"index": 0},
    ],
    ids=str,
)
def test_whoever_cannot_prove_it_gets_nothing(ledger: FakeLedger, asked: dict[str, object]) -> None:
    ledger.admit(run_record(run_id="another"))
    ledger.plan("another", attempt_record(1, token="the token of another"))
    with pytest.raises(CredentialsRefusedError) as refused:
        lent(ledger, **asked)
    assert TOKEN not in str(refused.value)


def test_an_attempt_without_a_token_gets_nothing(ledger: FakeLedger) -> None:
    ledger.admit(run_record(run_id="old"))
    ledger.plan("old", attempt_record(1))
    for token in ("", "None"):
        with pytest.raises(CredentialsRefusedError):
            lent(ledger, run_id="old", token=token)


def test_an_attempt_that_is_over_gets_nothing_more(ledger: FakeLedger) -> None:
    ledger.record_verdict(RUN, ended_attempt(1, Verdict.INTERRUPTED, token=TOKEN))
    with pytest.raises(CredentialsRefusedError, match="it is over"):
        lent(ledger)


def test_a_child_of_an_array_is_lent_those_of_its_point(ledger: FakeLedger) -> None:
    child = point_run_id(RUN, 1)
    ledger.admit(run_record(run_id=child, parent=RUN, point=1))
    ledger.plan(child, attempt_record(1, array=f"{RUN}-a1"))
    assert lent(ledger, index=1) == Scope(run_id=child, attempt=1, parent=RUN)
    ledger.record_verdict(child, ended_attempt(1, Verdict.INTERRUPTED))
    with pytest.raises(CredentialsRefusedError):
        lent(ledger, index=1)


def test_a_check_is_lent_credentials_as_long_as_it_is_due(ledger: FakeLedger) -> None:
    ledger.admit(run_record(run_id="new", state=RunState.CHECKING))
    ledger.advance("new", RunState.CHECKING, check_token="of its check")
    asked = {"run_id": "new", "attempt": CHECK, "token": "of its check"}
    assert lent(ledger, **asked) == Scope(run_id="new", attempt=CHECK)
    for wrong in ({"token": ""}, {"token": TOKEN}, {"run_id": RUN}):
        with pytest.raises(CredentialsRefusedError):
            lent(ledger, **{**asked, **wrong})
    ledger.advance("new", RunState.RUNNING)
    with pytest.raises(CredentialsRefusedError):
        lent(ledger, **asked)
