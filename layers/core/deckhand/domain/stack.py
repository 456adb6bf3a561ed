"""A stack of CloudFormation as it stands, and what happened to its resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NESTED: Final = "AWS::CloudFormation::Stack"
NEVER_CREATED: Final = frozenset({"REVIEW_IN_PROGRESS"})
"""A change set was made for it, and never executed."""

DEAD_ENDS: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"})
"""AWS takes no update of these; they can only be deleted."""

SOUND: Final = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
)
DONE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"})
CANCELLED: Final = "cancelled"
"""Of a resource that failed only because another one did."""


@dataclass(frozen=True)
class StackState:
    """What CloudFormation says of a stack; *name* is what a template calls it, if it is nested."""

    name: str
    stack_id: str
    status: str
    reason: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_moving(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status not in NEVER_CREATED

    @property
    def is_deployed(self) -> bool:
        return self.status not in NEVER_CREATED and self.status != "DELETE_COMPLETE"

    @property
    def is_sound(self) -> bool:
        return self.status in SOUND


@dataclass(frozen=True)
class ResourceEvent:
    """A resource of a stack took another state."""

    event_id: str
    stack: str
    name: str
    kind: str
    physical_id: str
    status: str
    reason: str = ""

    @property
    def is_failure(self) -> bool:
        return self.status.endswith("_FAILED") and CANCELLED not in self.reason.lower()

    @property
    def ends(self) -> bool:
        return self.status.endswith(("_COMPLETE", "_SKIPPED"))


@dataclass(frozen=True)
class Resource:
    """A resource of a deployed stack."""

    stack: str
    name: str
    kind: str
    physical_id: str
    status: str = ""


@dataclass(frozen=True)
class PlannedChange:
    """What a change set would do with a resource."""

    action: str
    name: str
    kind: str
    replacement: str = ""
