"""House rules for what carries events and messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tools.project import ROOT_STACK, Project, Resource, Template, walk
from tools.rules.rule import ResourceRules

VISIBILITY_FACTOR: Final = 6
"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""


def queue(properties: Template, _: Resource) -> Iterator[str]:
    if not properties.get("SqsManagedSseEnabled"):
        yield "not encrypted"


def topic(properties: Template, _: Resource) -> Iterator[str]:
    if "KmsMasterKeyId" not in properties:
        yield "not encrypted"


def event_rule(properties: Template, _: Resource) -> Iterator[str]:
    for target in properties["Targets"]:
        if "DeadLetterConfig" not in target:
            yield "an event that cannot be delivered would be lost"
        if "RetryPolicy" not in target:
            yield "no retry policy"
    if "ScheduleExpression" not in properties:
        yield from _pattern(properties.get("EventPattern"), "EventPattern")


def _pattern(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _pattern(inner, f"{where}.{key}")
    elif not isinstance(value, list):
        yield f"{where} must be a list"


def intake_queue(project: Project) -> Iterator[str]:
    """A message must stay hidden while its function, and its retries, still work on it."""
    resources = project.stacks[ROOT_STACK]["Resources"]
    for mapping in project.resources("AWS::Lambda::EventSourceMapping"):
        source = resources[mapping.properties["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        worker = resources[mapping.properties["FunctionName"]["Ref"]]["Properties"]
        least = VISIBILITY_FACTOR * worker["Timeout"]
        if source.get("VisibilityTimeout", 30) < least:
            yield f"{mapping}: messages come back before {least} s"
        if "RedrivePolicy" not in source:
            yield f"{mapping}: a message that cannot be read comes back for ever"
        if "ReportBatchItemFailures" not in mapping.properties.get("FunctionResponseTypes", ()):
            yield f"{mapping}: one bad message repeats its whole batch"


def dead_letters(project: Project) -> Iterator[str]:
    """Every dead-letter queue has an alarm: what lies there is a run somebody waits for."""
    watched = {
        value["Fn::GetAtt"][0]
        for alarm in project.resources("AWS::CloudWatch::Alarm")
        for _, value in walk(alarm.properties.get("Dimensions", ()))
        if isinstance(value, dict) and "Fn::GetAtt" in value
    }
    for resource in project.resources("AWS::SQS::Queue"):
        if resource.name.endswith("DeadLetters") and resource.name not in watched:
            yield f"{resource}: nobody would notice a letter in it"


RESOURCES: Final[ResourceRules] = {
    "AWS::SQS::Queue": (queue,),
    "AWS::SNS::Topic": (topic,),
    "AWS::Events::Rule": (event_rule,),
}
PROJECT: Final = (intake_queue, dead_letters)
