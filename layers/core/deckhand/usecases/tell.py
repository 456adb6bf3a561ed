"""Tell people of an event: the one way by which messages leave."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from deckhand.domain.errors import MessageNotSentError, SubscriptionError
from deckhand.domain.message import (
    DIRECT_MESSAGES,
    Message,
    MessageKey,
    bucket_of,
    repeated,
    with_body,
)
from deckhand.usecases.ports import Outbox, Subscriptions, Topic

ASK_AGAIN: Final = timedelta(days=30)
"""An address that did not confirm is asked again by the next message after that."""

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Tell:
    """`direct` messages of a bucket go out at once, the others in a digest.

    The time is a clock here: a caller may have begun long ago, and what it knows as now would count
    in a bucket that is over, and look abandoned to whoever sends again.
    """

    outbox: Outbox
    topic: Topic
    subscriptions: Subscriptions
    clock: Clock
    direct: int = DIRECT_MESSAGES

    def __call__(self, message: Message) -> None:
        """Safe to repeat, and to be done twice at once.

        After a MessageNotSentError a repetition sends the message. After any other error of the
        topic it counts as sent. Whoever dies in between leaves it to `again`.
        """
        if self.outbox.claim(message, self.clock()):
            self._send(message)

    def is_told(self, key: MessageKey) -> bool:
        """Whether nobody needs to tell this: it was sent, waits, or is being sent."""
        return self.outbox.is_taken(key)

    def again(self, older_than: timedelta) -> tuple[MessageKey, ...]:
        """Send what somebody left behind that long ago, saying so where it may have been sent.

        *older_than* must be longer than a function may live, which is fifteen minutes.
        """
        sent = []
        for unsent in self.outbox.unsent(self.clock() - older_than):
            message = repeated(unsent.message) if unsent.in_doubt else unsent.message
            if self.outbox.claim_again(unsent, message, self.clock()):
                self._send(message)
                sent.append(message.key)
        return tuple(sent)

    def _send(self, claimed: Message) -> None:
        try:
            message = self._subscribed(claimed)
            if self.outbox.count(bucket_of(self.clock())) > self.direct:
                self.outbox.wait(message.key)
                return
        except Exception:  # nothing has left: whoever repeats it may send it
            self.outbox.release(claimed.key, self.clock())
            raise
        try:
            self.topic.publish(message)
        except MessageNotSentError:
            self.outbox.release(message.key, self.clock())
            raise
        except Exception:
            self._mark(message)
            raise
        self._mark(message)

    def _mark(self, message: Message) -> None:
        """The message is out. If that cannot be noted, `again` sends it once more and says so."""
        with suppress(Exception):
            self.outbox.mark_sent(message.key, self.clock())

    def _subscribed(self, message: Message) -> Message:
        """The message, after its addresses were asked; it says who could not be."""
        failed = [text for address in message.notify if (text := self._ask(address))]
        if not failed:
            return message
        return with_body(message, "\n".join([message.body.rstrip("\n"), "", *failed]) + "\n")

    def _ask(self, address: str) -> str:
        if not self.outbox.begin_asking(address, self.clock(), ASK_AGAIN):
            return ""
        try:
            self.subscriptions.ensure(address)
        except SubscriptionError as error:
            self.outbox.stop_asking(address)
            return f"{address} does not get this: {error}"
        return ""
