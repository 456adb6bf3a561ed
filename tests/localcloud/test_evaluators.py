"""Two evaluators of IAM policies that know nothing of each other say the same.

MiniStack's lets calls through on the local cloud; `tools/policies.py` answers for the templates.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from typing import Any, Final

from localcloud.environments import Environments
from tools.policies import Request, Verdict, decide

CASES: Final = 4000
WORDS: Final = {
    Verdict.ALLOWED: "Allow",
    Verdict.DENIED: "Deny",
    Verdict.NOT_ALLOWED: "ImplicitDeny",
}

ACTIONS: Final = ("s3:GetObject", "s3:PutObject", "sqs:SendMessage")
ACTION_PATTERNS: Final = (*ACTIONS, "s3:*", "*", "s3:get*", "S3:GetObject", "s3:?etObject")
RESOURCES: Final = ("*", "arn:aws:s3:::a/runs/1/x", "arn:aws:s3:::a/runs/2/x", "arn:aws:s3:::A")
RESOURCE_PATTERNS: Final = (*RESOURCES, "arn:aws:s3:::a/*", "arn:aws:s3:::a/runs/?/x", "*/x")
NUMBER: Final = "s3:max-keys"
KEYS: Final = ("s3:prefix", "aws:SourceArn", "s3:flag", NUMBER)
NUMBERS: Final = ("3", "5", "7", "7.0")
VALUES: Final = ("runs/1", "runs/2", "RUNS/1", "true", "false")
VALUE_PATTERNS: Final = (*VALUES, "runs/*", "*", "r?ns/1")
TEXTUAL: Final = (
    *("StringEquals", "StringNotEquals", "StringLike", "StringNotLike"),
    *("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "ArnLike", "ArnEquals"),
    *("ArnNotLike", "ArnNotEquals", "Bool"),
)
NUMERIC: Final = (
    *("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals"),
    *("NumericGreaterThan", "NumericGreaterThanEquals"),
)

OTHER: Final = """
import json, sys
from ministack.core import iam_evaluator as iam

def answer(case):
    request = case["request"]
    context = iam.EvalContext(
        principal_arn="arn:aws:sts::123456789012:assumed-role/R/s", principal_type="AssumedRole",
        principal_account="123456789012", action=request["action"],
        resource_arn=request["resource"], region="us-east-1", secure_transport=None,
        service_context={k.lower(): v for k, v in request["conditions"].items()},
    )
    layers = [[iam.parse_policy_document(p) for p in layer] for layer in case["layers"]]
    return iam.evaluate(context, *layers).decision

print(json.dumps([answer(case) for case in json.load(sys.stdin)]))
"""


def some(chance: random.Random, among: tuple[str, ...], most: int = 2) -> list[str]:
    return chance.sample(among, chance.randint(1, most))


def condition(chance: random.Random) -> dict[str, Any]:
    key = chance.choice(KEYS)
    if chance.random() < 0.1:
        return {"Null": {key: chance.choice(("true", "false"))}}
    name = chance.choice(NUMERIC if key == NUMBER else TEXTUAL) + chance.choice(("", "IfExists"))
    quantity = chance.choice(("", "", "", "ForAllValues:", "ForAnyValue:"))
    return {quantity + name: {key: some(chance, NUMBERS if key == NUMBER else VALUE_PATTERNS)}}


def statement(chance: random.Random) -> dict[str, Any]:
    action = chance.choice(("Action", "Action", "Action", "NotAction"))
    resource = chance.choice(("Resource", "Resource", "Resource", "NotResource"))
    made: dict[str, Any] = {
        "Effect": chance.choice(("Allow", "Allow", "Allow", "Deny")),
        action: some(chance, ACTION_PATTERNS),
        resource: some(chance, RESOURCE_PATTERNS),
    }
    for _ in range(chance.choice((0, 0, 1, 2))):
        made.setdefault("Condition", {}).update(condition(chance))
    return made


def told(chance: random.Random, key: str) -> str:
    return chance.choice(NUMBERS if key == NUMBER else VALUES)


def case(chance: random.Random) -> dict[str, Any]:
    def layer() -> list[Any]:
        numbers = range(chance.randint(1, 2))
        return [{"Statement": [statement(chance) for _ in numbers]} for _ in numbers]

    keys = chance.sample(KEYS, chance.randint(0, len(KEYS)))
    return {
        "layers": [layer() for _ in range(chance.choice((1, 1, 2, 3)))],
        "request": {
            "action": chance.choice(ACTIONS),
            "resource": chance.choice(RESOURCES),
            "conditions": {key: told(chance, key) for key in keys},
        },
    }


def test_both_decide_alike() -> None:
    chance = random.Random(6)
    cases = [case(chance) for _ in range(CASES)]
    theirs = subprocess.run(
        [Environments().cloud, "-c", OTHER],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [
        WORDS[decide(item["layers"][0], Request(**item["request"]), *item["layers"][1:])]
        for item in cases
    ]
    differing = [
        (item, mine, other)
        for item, mine, other in zip(cases, ours, json.loads(theirs.stdout), strict=True)
        if mine != other
    ]
    assert differing[:3] == []
    # No verdict is so rare that agreeing on it says nothing.
    assert min(Counter(ours).values()) > CASES / 20
    assert len(Counter(ours)) == len(WORDS)
