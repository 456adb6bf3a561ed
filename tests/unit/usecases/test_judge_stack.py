"""What is still to be done about a stack."""

from __future__ import annotations

from dataclasses import replace

from deckhand.domain.stack import StackState
from deckhand.usecases.judge_stack import QueueState, StackFacts, next_steps

SOUND = StackFacts(
    state=StackState("deckhand", "arn", "CREATE_COMPLETE"),
    nested=(StackState("Compute", "arn2", "CREATE_COMPLETE"),),
    image="repository:0.1.0",
    image_pushed=True,
    subscribers=(("a@example.org", True),),
    queues=(QueueState("spot", "ENABLED", "VALID"),),
    open_runs=0,
)


def test_a_sound_stack_needs_nothing() -> None:
    assert SOUND.is_sound
    assert list(next_steps(SOUND)) == []


def test_an_image_that_is_missing_and_an_address_that_has_not_confirmed() -> None:
    facts = replace(SOUND, image_pushed=False, subscribers=(("b@example.org", False),))
    image, mail = next_steps(facts)
    assert "Push the image repository:0.1.0" in image
    assert "b@example.org must confirm" in mail
    # The stack itself is as it should be.
    assert facts.is_sound


def test_what_aws_does_not_tell_is_not_asked_for() -> None:
    assert list(next_steps(replace(SOUND, image_pushed=None))) == []


def test_a_queue_that_is_invalid() -> None:
    facts = replace(SOUND, queues=(QueueState("spot", "ENABLED", "INVALID", "no subnet"),))
    assert not facts.is_sound
    assert list(next_steps(facts)) == ["spot is ENABLED, INVALID: no subnet"]


def test_nobody_is_told() -> None:
    [step] = next_steps(replace(SOUND, subscribers=()))
    assert "NotifyEmail" in step


def test_a_stack_that_never_came_to_be() -> None:
    state = StackState("deckhand", "arn", "ROLLBACK_COMPLETE")
    facts = StackFacts(state=state)
    assert not facts.is_sound
    assert list(next_steps(facts)) == ["The stack can only be deleted: deckhand stack delete"]


def test_a_nested_stack_that_failed() -> None:
    nested = StackState("Compute", "arn2", "UPDATE_FAILED")
    assert not replace(SOUND, nested=(nested,)).is_sound
