"""What one template changes about another."""

from __future__ import annotations

from typing import Any

import pytest

from deckhand.domain.template_diff import Change, ValueChange, differences, value_changes

QUEUE: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1, "Tags": [1]}}


def told(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[Change, str, tuple[str, ...]]]:
    found = differences("template", {"Resources": {"Q": old}}, {"Resources": {"Q": new}})
    return [(item.change, item.name, item.details) for item in found]


def test_the_same_is_no_difference() -> None:
    assert told(QUEUE, QUEUE) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"Properties": {"DelaySeconds": 2, "Tags": [1]}}, "Properties.DelaySeconds"),
        ({"Properties": {"DelaySeconds": 1}}, "Properties.Tags"),
        ({"DeletionPolicy": "Retain"}, "DeletionPolicy"),
        ({"Type": "AWS::SNS::Topic"}, "Type"),
    ],
)
def test_a_change_is_told_with_its_place(change: dict[str, Any], place: str) -> None:
    assert told(QUEUE, {**QUEUE, **change}) == [(Change.CHANGED, "Q", (place,))]


def test_addresses_of_packages_and_metadata_of_the_build_are_no_difference() -> None:
    old = {**QUEUE, "Properties": {**QUEUE["Properties"], "CodeUri": "s3://a/b"}}
    new = {**QUEUE, "Metadata": {"SamResourceId": "Q"}}
    assert told(old, new) == []


def test_added_and_removed_of_every_section() -> None:
    old = {"Resources": {"Q": QUEUE}, "Outputs": {"A": {"Value": 1}}}
    new = {"Resources": {"R": QUEUE}, "Conditions": {"C": True}}
    found = {(item.change, item.name, item.what) for item in differences("s", old, new)}
    assert found == {
        (Change.REMOVED, "Q", "AWS::SQS::Queue"),
        (Change.ADDED, "R", "AWS::SQS::Queue"),
        (Change.REMOVED, "A", "outputs"),
        (Change.ADDED, "C", "conditions"),
    }


def test_values() -> None:
    found = list(value_changes({"A": "1", "B": "2", "C": ""}, {"A": "1", "B": "3", "D": ""}))
    assert found == [
        ValueChange("B", "2", "3"),
        ValueChange("C", "", None),
        ValueChange("D", None, ""),
    ]
