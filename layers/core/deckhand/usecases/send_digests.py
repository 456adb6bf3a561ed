"""Send what waits in the outbox: many messages as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from deckhand.domain.digest import Digest, compose_digest
from deckhand.domain.errors import MessageNotSentError
from deckhand.domain.message import DIGESTS_AT_ONCE, Message, bucket_of
from deckhand.usecases.parallel import in_parallel
from deckhand.usecases.ports import Outbox, Topic
from deckhand.usecases.tell import Clock

MOST_WAITING: Final = 5_000
"""How many messages one look takes up; those that came later wait for the next."""


@dataclass(frozen=True)
class Sent:
    """The subject that went out, and for how many messages."""

    subject: str
    messages: int


@dataclass(frozen=True)
class SendDigests:
    """Every set of addresses gets a digest of its own, so that nobody reads what is not his.

    The set that has waited longest comes first; of more than `most` the others wait for the next
    look.
    """

    outbox: Outbox
    topic: Topic
    clock: Clock
    most: int = DIGESTS_AT_ONCE

    def __call__(self) -> tuple[Sent, ...]:
        """Send for the buckets that are over. Safe to repeat: a bucket has one look.

        Each message is claimed before it goes into a digest. Whoever dies in between leaves it to
        Tell.again, as any other.
        """
        now = bucket_of(self.clock())
        if not self.outbox.begin_look(now):
            return ()
        by_addresses: dict[tuple[str, ...], list[Message]] = {}
        for message in islice(self.outbox.waiting(now), MOST_WAITING):
            by_addresses.setdefault(tuple(sorted(message.notify)), []).append(message)
        sent = [self._send(messages) for messages in list(by_addresses.values())[: self.most]]
        return tuple(item for item in sent if item.messages)

    def _send(self, messages: Sequence[Message]) -> Sent:
        taken = self._take(messages)
        if not taken:
            return Sent("", 0)
        out: Message | Digest = taken[0] if len(taken) == 1 else compose_digest(taken)
        try:
            self.topic.publish(out)
        except MessageNotSentError:
            self._each(taken, lambda message: self.outbox.wait(message.key))
            raise
        except Exception:  # it may well be out
            self._mark(taken)
            raise
        self._mark(taken)
        return Sent(out.subject, len(taken))

    def _take(self, messages: Sequence[Message]) -> list[Message]:
        mine = in_parallel(lambda item: self.outbox.take(item.key, self.clock()), messages)
        return [message for message, is_mine in zip(messages, mine, strict=True) if is_mine]

    def _mark(self, messages: Sequence[Message]) -> None:
        self._each(messages, lambda message: self.outbox.mark_sent(message.key, self.clock()))

    def _each(self, messages: Sequence[Message], do: Callable[[Message], None]) -> None:
        """What fails for one message must not keep the others: Tell.again finds it."""

        def one(message: Message) -> None:
            with suppress(Exception):
                do(message)

        in_parallel(one, messages)
