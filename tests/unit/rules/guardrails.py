"""Faults of what tells people of cost and trouble, and keeps audit records."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, body, put, state, without

BUDGET = "NotificationsWithSubscribers"
STATEMENTS = "PolicyDocument/Statement"
KEY_STATEMENTS = "KeyPolicy/Statement"
FAULTS: Faults = {
    "alarm to nobody": (
        put("guardrails", "IntakeLateAlarm", "AlarmActions", []),
        "nobody would hear of it",
    ),
    "alarm without advice": (
        put("guardrails", "ThrottlesAlarm", "AlarmDescription", "Functions are throttled."),
        "does not say what to do",
    ),
    "alarm without a word on missing data": (
        put("template", "EventDeadLettersAlarm", "TreatMissingData", None),
        "what it means that there are no data",
    ),
    "silence unheard": (
        put("guardrails", "ReaperSilentAlarm", "InsufficientDataActions", None),
        "nobody would hear that there are no data",
    ),
    "budget behind credits": (
        put("guardrails", "Budget", "Budget/CostTypes", None),
        "silent until all credits are gone",
    ),
    "budget to nobody": (
        put("guardrails", "Budget", f"{BUDGET}/1/Subscribers", []),
        "nobody is told of 80 % ACTUAL",
    ),
    "budget used up in silence": (
        put("guardrails", "Budget", f"{BUDGET}/2", None),
        "when it is used up (ACTUAL)",
    ),
    "budget without forecast": (
        put("guardrails", "Budget", f"{BUDGET}/3/Notification/Threshold", 150),
        "when it is used up (FORECASTED)",
    ),
    "anomalies once a day": (
        put("guardrails", "AnomalyAlert", "Frequency", "DAILY"),
        "only told at once",
    ),
    "dashboard broken": (
        put("guardrails", "Overview", "DashboardBody/Fn::Sub/0", '{"widgets": [}'),
        "Overview: not JSON",
    ),
    "trail off": (put("compliance", "Trail", "IsLogging", False), "records nothing"),
    "trail unsigned": (
        put("compliance", "Trail", "EnableLogFileValidation", None),
        "changed unseen",
    ),
    "trail without the runs": (
        put(
            "compliance",
            "Trail",
            "AdvancedEventSelectors/0/FieldSelectors/2/StartsWith",
            [{"Fn::Sub": "${InboxBucketArn}/"}],
        ),
        "nothing of the objects of RunsBucketArn",
    ),
    "rule before its recorder": (
        put("compliance", "FlowLogs", "Description", "Flow logs"),
        "before there is a recorder",
    ),
    "records open to deletion": (
        put("compliance", "AuditBucketPolicy", f"{STATEMENTS}/1/Action", "s3:DeleteObject"),
        "leaves audit records to whoever has s3:DeleteObjectVersion",
    ),
    "policy of records deleted": (
        body("compliance", "AuditBucketPolicy", "DeletionPolicy", "Delete"),
        "its bucket stays without it",
    ),
    "records without tls": (
        without("compliance", "AuditBucketPolicy"),
        "AuditBucket: takes requests",
    ),
    "records deleted": (
        body("compliance", "AuditBucket", "DeletionPolicy", "Delete"),
        "AuditBucket: DeletionPolicy is not Retain",
    ),
    "budget not let to the topic": (
        put("notices", "MessagesPolicy", f"{STATEMENTS}/1", None),
        "budgets.amazonaws.com lacks sns:Publish",
    ),
    "anomaly not let to the key": (
        put("notices", "MessagesKey", f"{KEY_STATEMENTS}/3", None),
        "costalerts.amazonaws.com lacks kms:GenerateDataKey*",
    ),
    "alarm let half way to the key": (
        put("notices", "MessagesKey", f"{KEY_STATEMENTS}/1/Action", "kms:Decrypt"),
        "cloudwatch.amazonaws.com lacks kms:GenerateDataKey*",
    ),
    "strangers' budgets": (
        put("notices", "MessagesPolicy", f"{STATEMENTS}/1/Condition", None),
        "budgets.amazonaws.com has sns:Publish for any account",
    ),
    "volume of nobody": (
        put("compute", "MachineTemplate", "LaunchTemplateData/TagSpecifications/1", None),
        "its volume has no tag project",
    ),
    "tags end at the job": (put("compute", "AttemptJob", "PropagateTags", None), "reach its task"),
    "job of no group": (state("RunAttempt", "Arguments/Tags/group", None), "no tag group"),
}
