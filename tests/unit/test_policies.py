"""The evaluator of policies: what AWS documents, and what must hold for any policies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.policies import Request, UnknownOperatorError, Verdict, decide

READ = Request("s3:GetObject", "arn:aws:s3:::b/runs/1/x")


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def when(**conditions: Any) -> dict[str, Any]:
    return {"Condition": conditions}


def test_nothing_is_allowed_that_no_statement_allows() -> None:
    assert decide([], READ) is Verdict.NOT_ALLOWED
    assert decide([policy(allow("s3:PutObject"))], READ) is Verdict.NOT_ALLOWED


def test_a_statement_may_stand_alone_without_a_list() -> None:
    assert decide([{"Statement": allow()}], READ) is Verdict.ALLOWED


def test_actions_know_no_case_and_resources_do() -> None:
    assert decide([policy(allow("S3:getobject"))], READ) is Verdict.ALLOWED
    other = policy(allow(resource="arn:aws:s3:::B/*"))
    assert decide([other], READ) is Verdict.NOT_ALLOWED


def test_a_question_mark_is_one_character_and_a_dot_a_dot() -> None:
    one = policy(allow(resource="arn:aws:s3:::b/runs/?/x"))
    assert decide([one], READ) is Verdict.ALLOWED
    two = Request("s3:GetObject", "arn:aws:s3:::b/runs/12/x")
    assert decide([one], two) is Verdict.NOT_ALLOWED
    dotted = policy(allow(resource="arn.aws:s3:::b/*"))
    assert decide([dotted], READ) is Verdict.NOT_ALLOWED


def test_a_prefix_that_is_asked_for_must_fit_and_one_that_is_not_need_not() -> None:
    listing = policy(allow(**when(StringLikeIfExists={"s3:prefix": "runs/*"})))
    for conditions, verdict in (
        ({}, Verdict.ALLOWED),
        ({"s3:prefix": "runs/1/"}, Verdict.ALLOWED),
        ({"S3:Prefix": "runs/1/"}, Verdict.ALLOWED),
        ({"s3:prefix": "other/"}, Verdict.NOT_ALLOWED),
        ({"s3:prefix": ""}, Verdict.NOT_ALLOWED),
    ):
        request = Request("s3:ListBucket", "arn:aws:s3:::b", conditions)
        assert decide([listing], request) is verdict


def test_a_policy_variable_stands_for_what_the_request_has_and_for_nothing_without() -> None:
    own = policy(allow(resource="arn:aws:s3:::b/runs/${aws:PrincipalTag/run}/*"))
    tagged = Request(READ.action, READ.resource, {"aws:PrincipalTag/run": "1"})
    other = Request(READ.action, READ.resource, {"aws:PrincipalTag/run": "2"})
    assert decide([own], tagged) is Verdict.ALLOWED
    assert decide([own], other) is Verdict.NOT_ALLOWED
    assert decide([own], READ) is Verdict.NOT_ALLOWED


def test_what_the_evaluator_does_not_know_it_does_not_guess() -> None:
    odd = policy(allow(**when(IpAddress={"aws:SourceIp": "10.0.0.0/8"})))
    with pytest.raises(UnknownOperatorError, match="IpAddress"):
        decide([odd], READ)


def test_a_session_policy_takes_away_and_never_gives() -> None:
    role = [policy(allow("s3:GetObject"))]
    own_run = [policy(allow("s3:*", "arn:aws:s3:::b/runs/1/*"))]
    assert decide(role, READ, own_run) is Verdict.ALLOWED
    other = Request("s3:GetObject", "arn:aws:s3:::b/runs/2/x")
    assert decide(role, other, own_run) is Verdict.NOT_ALLOWED
    write = Request("s3:PutObject", READ.resource)
    assert decide(role, write, own_run) is Verdict.NOT_ALLOWED
    assert decide(role, READ, []) is Verdict.NOT_ALLOWED


ACTIONS = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:*", "*", "sqs:SendMessage"])
RESOURCES = st.sampled_from(["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/runs/1/x", "arn:aws:s3:::c"])
CONDITIONS = st.sampled_from(
    [
        {},
        {"StringLike": {"s3:prefix": "runs/*"}},
        {"StringNotEquals": {"s3:prefix": "runs/1"}},
        {"Null": {"s3:prefix": "true"}},
    ]
)
STATEMENTS = st.builds(
    lambda effect, action, resource, condition: {
        "Effect": effect,
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    },
    *(st.sampled_from(["Allow", "Deny"]), ACTIONS, RESOURCES, CONDITIONS),
)
POLICIES = st.lists(st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda s: policy(*s)))
REQUESTS = st.builds(
    Request,
    *(ACTIONS, RESOURCES),
    st.sampled_from([{}, {"s3:prefix": "runs/1"}, {"s3:prefix": "x"}]),
)


@given(POLICIES, REQUESTS, POLICIES)
def test_a_limit_never_lets_more_happen(policies: Any, request: Request, limit: Any) -> None:
    if decide(policies, request, limit) is Verdict.ALLOWED:
        assert decide(policies, request) is Verdict.ALLOWED
        assert decide(limit, request) is Verdict.ALLOWED


@given(POLICIES, REQUESTS, STATEMENTS)
def test_one_more_denial_never_lets_more_happen(
    policies: Any, request: Request, statement: Any
) -> None:
    more = [*policies, policy({**statement, "Effect": "Deny"})]
    if decide(more, request) is Verdict.ALLOWED:
        assert decide(policies, request) is Verdict.ALLOWED


@given(POLICIES, REQUESTS)
def test_neither_order_nor_packing_matters(policies: Any, request: Request) -> None:
    flat = [item for each in policies for item in each["Statement"]]
    assert decide([policy(*reversed(flat))], request) is decide(policies, request)


@given(POLICIES, REQUESTS)
def test_who_denies_everything_has_the_last_word(policies: Any, request: Request) -> None:
    everything = policy({"Effect": "Deny", "Action": "*", "Resource": "*"})
    assert decide([*policies, everything], request) is Verdict.DENIED
