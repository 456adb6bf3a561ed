"""Nested stacks as AWS updates, fails and deletes them; MiniStack does so with root stacks only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners

from localcloud.patches import private

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]
RETAINING = frozenset({"Retain", "RetainExceptOnCreate"})


def install(handler: dict[str, Any]) -> None:
    """*handler* is what makes and deletes a nested stack."""
    _remember_attributes()
    _keep_what_is_retained(handler)
    _leave_no_failed_stack(handler)


def _keep_what_is_retained(handler: dict[str, Any]) -> None:
    """Let a nested stack that is deleted leave what its template retains, as a root stack does.

    MiniStack would delete it, a bucket with all that lies in it.
    """
    delete: Callable[[str, Properties], None] = handler["delete"]
    lookup = private(provisioners, "_nested_stack_lookup_name", "physical_id_or_arn")

    def delete_but_keep(physical_id: str, properties: Properties) -> None:
        stack = cloudformation._stacks.get(lookup(physical_id), {})
        made: dict[str, Any] = stack.get("_resources", {})
        for name, body in stack.get("_template", {}).get("Resources", {}).items():
            if body.get("DeletionPolicy") in RETAINING:
                made.pop(name, None)
        delete(physical_id, properties)

    handler["delete"] = delete_but_keep


def _leave_no_failed_stack(handler: dict[str, Any]) -> None:
    """Let a nested stack that could not be made go with its parent, as a rollback of AWS does."""
    create: Callable[[str, Properties, str], Made] = handler["create"]
    delete: Callable[[str, Properties], None] = handler["delete"]

    def create_or_leave_nothing(logical_id: str, properties: Properties, stack: str) -> Made:
        try:
            return create(logical_id, properties, stack)
        except Exception:
            for name, child in list(cloudformation._stacks.items()):
                is_it = name.startswith(f"{stack}-{logical_id}-")
                if is_it and not child["StackStatus"].endswith("_COMPLETE"):
                    delete(name, properties)
            raise

    handler["create"] = create_or_leave_nothing


def _remember_attributes() -> None:
    """Let what does not change in a nested stack keep its attributes when the stack is updated.

    MiniStack forgets them there, and the next `!GetAtt` fails.
    """
    known: dict[tuple[str, str], dict[str, Any]] = {}
    provision = private(
        provisioners, "_provision_resource", "resource_type", "logical_id", "props", "stack_name"
    )
    update = private(
        provisioners,
        "_update_resource",
        *("resource_type", "physical_id", "old_props", "new_props", "stack_name"),
        *("logical_id", "old_attrs"),
    )

    def provision_and_remember(
        resource_type: str, logical_id: str, props: Properties, stack_name: str
    ) -> Made:
        physical_id, attributes = provision(resource_type, logical_id, props, stack_name)
        known[resource_type, physical_id] = attributes
        return physical_id, attributes

    def update_from_memory(
        resource_type: str,
        physical_id: str,
        old_props: Properties,
        new_props: Properties,
        stack_name: str,
        logical_id: str | None = None,
        old_attrs: dict[str, Any] | None = None,
    ) -> Made:
        before = old_attrs or known.get((resource_type, physical_id))
        names = (stack_name, logical_id)
        new_id, after = update(resource_type, physical_id, old_props, new_props, *names, before)
        known[resource_type, new_id] = after
        return new_id, after

    provisioners._provision_resource = provision_and_remember
    provisioners._update_resource = update_from_memory
