"""What a deployment would change."""

from __future__ import annotations

from deckhand.domain.parameters import Parameters
from deckhand.usecases.compare_stack import compare_stack

BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}
NESTED = {"Type": "AWS::Serverless::Application", "Condition": "HasAccess", "Properties": {}}


def changed(deployed: dict[str, object], here: dict[str, object]) -> list[tuple[str, str]]:
    templates = (
        {name: {"Resources": resources} for name, resources in side.items()}
        for side in (deployed, here)
    )
    found = compare_stack(Parameters({}), {}, {}, *templates)  # type: ignore[arg-type]
    return [(item.stack, item.name) for item in found.resources]


def test_what_is_new_is_named() -> None:
    assert changed({"root": {}}, {"root": {"Inbox": BUCKET}}) == [("root", "Inbox")]


def test_a_nested_stack_that_a_condition_keeps_from_being_made_is_no_change() -> None:
    here = {"root": {"AccessStack": NESTED}, "AccessStack": {"Group": BUCKET}}
    assert changed({"root": {"AccessStack": NESTED}}, here) == []


def test_a_nested_stack_that_was_never_known_is_new_with_all_in_it() -> None:
    here = {"root": {"AccessStack": NESTED}, "AccessStack": {"Group": BUCKET}}
    assert changed({"root": {}}, here) == [("root", "AccessStack"), ("AccessStack", "Group")]
