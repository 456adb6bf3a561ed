"""Stacks of CloudFormation: what they are, what happens to them, changing and deleting them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from deckhand.adapters.repository import read_template
from deckhand.domain.stack import NESTED, PlannedChange, Resource, ResourceEvent, StackState

ABSENT: Final = "does not exist"
GONE: Final = "DELETE_COMPLETE"
BEGIN_SECONDS: Final = 60.0


class CloudFormation:
    def __init__(self, client: BaseClient, pause_seconds: float = 5.0) -> None:
        self._client = client
        self._pause = pause_seconds

    @property
    def region(self) -> str:
        return str(self._client.meta.region_name)

    def state(self, name: str) -> StackState | None:
        """The stack of that name or id; None where there is none, or it has been deleted."""
        found = self._described(name)
        return None if found is None or found.status == GONE else found

    def final_state(self, stack_id: str) -> StackState | None:
        """The same, of a deleted stack too, which AWS knows by its id for ninety days."""
        return self._described(stack_id)

    def _described(self, name: str) -> StackState | None:
        try:
            found = self._client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if ABSENT in str(error):
                return None
            raise
        return StackState(
            name=str(found["StackName"]),
            stack_id=str(found["StackId"]),
            status=str(found["StackStatus"]),
            reason=str(found.get("StackStatusReason", "")),
            parameters={
                item["ParameterKey"]: item.get("ParameterValue", "")
                for item in found.get("Parameters", ())
            },
            outputs={item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", ())},
        )

    def resources(self, stack_id: str, stack: str = "") -> list[Resource]:
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        return [
            Resource(
                stack=stack,
                name=str(item["LogicalResourceId"]),
                kind=str(item["ResourceType"]),
                physical_id=str(item.get("PhysicalResourceId", "")),
                status=str(item["ResourceStatus"]),
            )
            for page in pages
            for item in page["StackResourceSummaries"]
        ]

    def nested(self, stack_id: str) -> Iterator[StackState]:
        """The nested stacks, under the names that the template gives them."""
        for item in self.resources(stack_id):
            if item.kind == NESTED and item.physical_id:
                found = self._described(item.physical_id)
                if found is not None:
                    yield StackState(
                        item.name, found.stack_id, found.status, found.reason, found.parameters
                    )

    def template(self, stack_id: str) -> dict[str, Any]:
        """The template as it was given, before transforms."""
        answer = self._client.get_template(StackName=stack_id, TemplateStage="Original")
        return read_template(answer["TemplateBody"])

    def events(self, stack_id: str, stack: str = "") -> list[ResourceEvent]:
        """The newest hundred, newest first."""
        answer = self._client.describe_stack_events(StackName=stack_id)
        return [_event(item, stack) for item in answer["StackEvents"]]

    def follow(self, state: StackState, seen: set[str]) -> Iterator[ResourceEvent]:
        """What happens to a stack and its nested ones, until it rests; *seen* is the past.

        What was asked of AWS begins a moment later, so a stack that rests is waited for at first.
        """
        stacks = {state.stack_id: ""}
        begun = False
        deadline = time.monotonic() + BEGIN_SECONDS
        while True:
            now = self._described(state.stack_id)
            for event in self._new_events(stacks, seen):
                begun = begun or event.physical_id == state.stack_id
                yield event
            rests = now is None or not now.is_moving
            if rests and (begun or time.monotonic() > deadline):
                return
            time.sleep(self._pause)

    def _new_events(self, stacks: dict[str, str], seen: set[str]) -> Iterator[ResourceEvent]:
        """The unseen events of *stacks*, names by ids; nested stacks that appear are added."""
        for stack_id, name in list(stacks.items()):
            for event in reversed(self.events(stack_id, name)):
                if event.event_id in seen:
                    continue
                seen.add(event.event_id)
                if event.kind == NESTED and event.physical_id not in ("", stack_id):
                    stacks.setdefault(event.physical_id, event.name)
                yield event

    def past(self, state: StackState) -> set[str]:
        """The ids of the events up to now, of the nested stacks too."""
        ids = [state.stack_id, *(item.stack_id for item in self.nested(state.stack_id))]
        return {event.event_id for stack_id in ids for event in self.events(stack_id)}

    def planned(self, change_set: str) -> list[PlannedChange]:
        pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
        changes = (item["ResourceChange"] for page in pages for item in page["Changes"])
        return [
            PlannedChange(
                action=str(item["Action"]),
                name=str(item["LogicalResourceId"]),
                kind=str(item["ResourceType"]),
                replacement=str(item.get("Replacement", "")),
            )
            for item in changes
        ]

    def execute(self, change_set: str) -> None:
        self._client.execute_change_set(ChangeSetName=change_set)

    def drop(self, change_set: str, stack: str) -> None:
        """Forget a change set, and the stack too, if it was only there for it."""
        self._client.delete_change_set(ChangeSetName=change_set)
        found = self._described(stack)
        if found is not None and found.status == "REVIEW_IN_PROGRESS":
            self._client.delete_stack(StackName=stack)

    def delete(self, stack_id: str) -> None:
        self._client.delete_stack(StackName=stack_id)


def _event(item: Mapping[str, Any], stack: str) -> ResourceEvent:
    return ResourceEvent(
        event_id=str(item["EventId"]),
        stack=stack,
        name=str(item["LogicalResourceId"]),
        kind=str(item["ResourceType"]),
        physical_id=str(item.get("PhysicalResourceId", "")),
        status=str(item["ResourceStatus"]),
        reason=str(item.get("ResourceStatusReason", "")),
    )
