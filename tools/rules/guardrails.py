"""House rules for what tells people of cost and trouble, and keeps audit records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tools.project import Project, Resource, Template
from tools.rules.rule import ResourceRules

SHORTEST_ADVICE: Final = 80
"""In fewer characters nobody has yet said what is wrong and what to do."""

MISSING_DATA: Final = ("breaching", "notBreaching", "ignore", "missing")
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""

WHOLE: Final = 100
"""Per cent of a budget."""

PUBLISHERS: Final = {
    "AWS::CloudWatch::Alarm": "cloudwatch.amazonaws.com",
    "AWS::Budgets::Budget": "budgets.amazonaws.com",
    "AWS::CE::AnomalySubscription": "costalerts.amazonaws.com",
}
KEY_USES: Final = frozenset({"kms:Decrypt", "kms:GenerateDataKey*"})
"""https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services"""

DATA_BUCKETS: Final = ("InboxBucketArn", "RunsBucketArn")
DELETES: Final = frozenset({"s3:DeleteObject", "s3:DeleteObjectVersion"})
MACHINE_TAGS: Final = frozenset({"project"})
JOB_TAGS: Final = frozenset({"project", "run", "owner", "group"})


def alarm(properties: Template, _: Resource) -> Iterator[str]:
    if not properties.get("AlarmActions"):
        yield "nobody would hear of it"
    if len(properties.get("AlarmDescription", "")) < SHORTEST_ADVICE:
        yield "does not say what to do"
    missing = properties.get("TreatMissingData")
    if missing not in MISSING_DATA:
        yield "does not say what it means that there are no data"
    if missing == "missing" and not properties.get("InsufficientDataActions"):
        yield "nobody would hear that there are no data"


def budget(properties: Template, _: Resource) -> Iterator[str]:
    if properties["Budget"].get("CostTypes", {}).get("IncludeCredit") is not False:
        yield "is silent until all credits are gone"
    told = set()
    for item in properties.get("NotificationsWithSubscribers", ()):
        kind, threshold = (item["Notification"][key] for key in ("NotificationType", "Threshold"))
        if not item.get("Subscribers"):
            yield f"nobody is told of {threshold} % {kind}"
        told.add((kind, threshold))
    for kind in ("ACTUAL", "FORECASTED"):
        if (kind, WHOLE) not in told:
            yield f"says nothing when it is used up ({kind})"


def anomaly_subscription(properties: Template, _: Resource) -> Iterator[str]:
    for subscriber in properties["Subscribers"]:
        if subscriber["Type"] == "SNS" and properties["Frequency"] != "IMMEDIATE":
            yield "a topic is only told at once (IMMEDIATE)"


def dashboard(properties: Template, _: Resource) -> Iterator[str]:
    body = properties["DashboardBody"]["Fn::Sub"]
    text = body[0] if isinstance(body, list) else body
    try:
        json.loads(re.sub(r"\$\{[\w:.]+\}", "1", text))
    except ValueError as error:
        yield f"not JSON: {error}"


def trail(properties: Template, _: Resource) -> Iterator[str]:
    if properties.get("IsLogging") is not True:
        yield "records nothing"
    if properties.get("EnableLogFileValidation") is not True:
        yield "its audit records could be changed unseen"
    selected = json.dumps(properties.get("AdvancedEventSelectors", ()))
    for name in DATA_BUCKETS:
        if f"${{{name}}}/" not in selected:
            yield f"says nothing of the objects of {name}"


def config_rule(properties: Template, _: Resource) -> Iterator[str]:
    if "${Recorder}" not in json.dumps(properties):
        yield "may be made before there is a recorder, and AWS would refuse it"


def audit_records(project: Project) -> Iterator[str]:
    """Who may delete objects must not thereby delete what he did, nor by deleting the stack."""
    for policy in project.resources("AWS::S3::BucketPolicy"):
        if policy.stack != "compliance":
            continue
        if policy.body.get("DeletionPolicy") != "Retain":
            yield f"{policy}: goes with the stack, and its bucket stays without it"
        denied = {
            action
            for statement in _statements(policy)
            if statement["Effect"] == "Deny" and statement["Principal"] == "*"
            for action in _several(statement["Action"])
            if "Condition" not in statement
        }
        for action in sorted(DELETES - denied):
            yield f"{policy}: leaves audit records to whoever has {action}"


def publishers(project: Project) -> Iterator[str]:
    """An encrypted topic takes nothing from a service that both of its policies do not name."""
    services = sorted(
        {PUBLISHERS[resource.type] for resource in project.resources(*PUBLISHERS)},
    )
    for topic in project.resources("AWS::SNS::Topic"):
        uses = {
            "sns:Publish": _of_topic(project, topic),
            **dict.fromkeys(sorted(KEY_USES), _of_key(project, topic)),
        }
        for service in services:
            for action, statements in uses.items():
                yield from _publisher_findings(topic, service, action, statements)


def _publisher_findings(
    topic: Resource, service: str, action: str, statements: list[Template]
) -> Iterator[str]:
    allowing = [
        statement
        for statement in statements
        if statement["Effect"] == "Allow"
        and isinstance(statement["Principal"], dict)
        and service in _several(statement["Principal"].get("Service", ()))
        and action in _several(statement["Action"])
    ]
    if not allowing:
        yield f"{topic}: {service} lacks {action}, so what it says is lost"
    for statement in allowing:
        if "aws:SourceAccount" not in json.dumps(statement.get("Condition", {})):
            yield f"{topic}: {service} has {action} for any account"


def _of_topic(project: Project, topic: Resource) -> list[Template]:
    return [
        statement
        for policy in project.resources("AWS::SNS::TopicPolicy")
        if policy.stack == topic.stack and {"Ref": topic.name} in policy.properties["Topics"]
        for statement in _statements(policy)
    ]


def _of_key(project: Project, topic: Resource) -> list[Template]:
    key = topic.properties.get("KmsMasterKeyId", {})
    return [
        statement
        for resource in project.resources("AWS::KMS::Key")
        if resource.stack == topic.stack and key == {"Ref": resource.name}
        for statement in resource.properties["KeyPolicy"]["Statement"]
    ]


def _statements(policy: Resource) -> list[Template]:
    return list(policy.properties["PolicyDocument"]["Statement"])


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def machine_tags(project: Project) -> Iterator[str]:
    """Whatever costs money by the hour says whose it is."""
    for template in project.resources("AWS::EC2::LaunchTemplate"):
        tagged = {
            specification["ResourceType"]: {tag["Key"] for tag in specification["Tags"]}
            for specification in template.properties["LaunchTemplateData"]["TagSpecifications"]
        }
        for kind in ("instance", "volume"):
            for tag in sorted(MACHINE_TAGS - tagged.get(kind, set())):
                yield f"{template}: its {kind} has no tag {tag}"


def job_tags(project: Project) -> Iterator[str]:
    for definition in project.resources("AWS::Batch::JobDefinition"):
        if definition.properties.get("PropagateTags") is not True:
            yield f"{definition}: the tags of a job do not reach its task"
    for name, state in project.machine["States"].items():
        if "batch:submitJob" in state.get("Resource", ""):
            for tag in sorted(JOB_TAGS - set(state["Arguments"].get("Tags", ()))):
                yield f"{name}: its job has no tag {tag}"


RESOURCES: Final[ResourceRules] = {
    "AWS::Budgets::Budget": (budget,),
    "AWS::CE::AnomalySubscription": (anomaly_subscription,),
    "AWS::CloudTrail::Trail": (trail,),
    "AWS::CloudWatch::Alarm": (alarm,),
    "AWS::CloudWatch::Dashboard": (dashboard,),
    "AWS::Config::ConfigRule": (config_rule,),
}
PROJECT: Final = (audit_records, publishers, machine_tags, job_tags)
