"""Have a job make the dry run that is too much for a function, and take its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deckhand.domain import keys
from deckhand.domain.attempt import Outcome, job_in, judge
from deckhand.domain.check import CheckOrder, check_id, read_answer, read_order
from deckhand.domain.options import Values
from deckhand.domain.run import DryRun
from deckhand.usecases.freeze_deck import freeze_deck
from deckhand.usecases.gather_files import Gathered
from deckhand.usecases.ports import Bucket

UNPROVEN: Final = "The deck is accepted without this evidence."


@dataclass(frozen=True)
class JobEnded:
    """What the state machine knows of the job of a check; both are empty where it ended well."""

    error: str = ""
    cause: str = ""


@dataclass(frozen=True)
class OrderCheck:
    """The orders of one run for the decks it had; a change of a file makes another one."""

    inbox: Bucket
    runs: Bucket
    run_id: str

    def standing(
        self, deck: str, variables: Mapping[str, Values], gathered: Gathered
    ) -> CheckOrder | None:
        """The order for exactly this deck, if there is one."""
        key = keys.check_order(self.run_id, self._id(deck, variables, gathered))
        content = self.runs.read(key)
        return None if content is None else read_order(content, key)

    def order(
        self, deck: str, variables: Mapping[str, Values], gathered: Gathered, dry: DryRun
    ) -> CheckOrder:
        """Freeze the deck and write down what is to be done; *dry* says why no function has."""
        order = CheckOrder(
            run_id=self.run_id,
            check_id=self._id(deck, variables, gathered),
            deck=deck,
            inputs=freeze_deck(self.inbox, self.runs, self.run_id, deck, gathered.files),
            variables=dict(variables),
            why=dry.shortfall,
        )
        key = keys.check_order(self.run_id, order.check_id)
        self.runs.write(key, order.model_dump_json(indent=1).encode())
        return order

    def answer(self, order: CheckOrder, ended: JobEnded | None) -> DryRun | None:
        """What the job has found, or that it has found nothing; None while none has *ended*."""
        answer = read_answer(self.runs.read(keys.check_answer(self.run_id, order.check_id)))
        if answer is not None:
            return answer.dry_run
        return None if ended is None else DryRun(trouble=_why_not(ended))

    def _id(self, deck: str, variables: Mapping[str, Values], gathered: Gathered) -> str:
        files = ((found.path, found.item.version_id, found.size) for found in gathered.files)
        return check_id(deck, variables, files)


def shortfall_of_job(dry: DryRun) -> str:
    """What a person should know of a job's dry run that shows less than a whole one."""
    if not dry.shortfall:
        return ""
    return f"Also on a machine of its own: {dry.shortfall} {UNPROVEN}"


def _why_not(ended: JobEnded) -> str:
    if not ended.error:
        return "the job of the check ended and left no answer."
    return judge(Outcome(error=ended.error, cause=ended.cause, job=job_in(ended.cause))).reason
