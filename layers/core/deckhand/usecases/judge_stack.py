"""What a person still has to do about a deployed stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deckhand.domain.stack import DEAD_ENDS, StackState


@dataclass(frozen=True)
class QueueState:
    """A job queue, or the machines behind it, as AWS Batch describes them."""

    name: str
    state: str
    status: str
    reason: str = ""

    @property
    def is_sound(self) -> bool:
        return self.state == "ENABLED" and self.status == "VALID"


@dataclass(frozen=True)
class StackFacts:
    """A deployed stack; what AWS did not tell is None."""

    state: StackState
    nested: tuple[StackState, ...] = ()
    image: str = ""
    image_pushed: bool | None = None
    subscribers: tuple[tuple[str, bool], ...] = ()
    queues: tuple[QueueState, ...] = ()
    open_runs: int | None = None

    @property
    def is_sound(self) -> bool:
        return all(item.is_sound for item in (self.state, *self.nested)) and all(
            item.is_sound for item in self.queues
        )


def next_steps(facts: StackFacts) -> Iterator[str]:
    """One line each, what is urgent first."""
    if facts.state.status in DEAD_ENDS:
        yield "The stack can only be deleted: deckhand stack delete"
    for queue in facts.queues:
        if not queue.is_sound:
            yield f"{queue.name} is {queue.state}, {queue.status}: {queue.reason}"
    if facts.image and facts.image_pushed is False:
        yield f"Push the image {facts.image}: no attempt can start without it"
    for address, confirmed in facts.subscribers:
        if not confirmed:
            yield f"{address} must confirm the mail that AWS has sent: nothing else reaches it"
    if not facts.subscribers and facts.state.is_sound:
        yield "Nobody is told of anything: deckhand stack create -p NotifyEmail=you@example.org"
