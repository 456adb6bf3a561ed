"""IAM: every principal calls under its own role, and the template's policies decide.

MiniStack evaluates policies, boundaries, session policies and resource policies of whatever comes
over HTTP (`AUTH=true`). Here is what it leaves out: calls that services make inside of it, what
Batch, tagged objects and encrypted topics ask for in addition, and a record of every decision.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.responses import get_account_id
from ministack.services import eventbridge, iam, lambda_svc, s3, sns, sqs, sts
from ministack.services.cloudformation import provisioners

from localcloud.calls import Call, Calls
from localcloud.patches import private
from localcloud.settings import ACCOUNT, REGION

Environment = dict[str, str]
Enforce = Callable[..., Any]
Check = tuple[str, str]
"""An action and the resource it is on."""

_BATCH = f"arn:aws:batch:{REGION}:{ACCOUNT}"
_POLLER = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions"""

_PUBLISHER = ("kms:GenerateDataKey", "kms:Decrypt")
"""https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#sns-what-permissions-for-sse"""


class NotAllowedError(Exception):
    """A policy does not allow a call, in the words of AWS."""


def install(calls: Calls) -> None:
    _speak_tls()
    unnoted = iam_evaluator.enforce
    _record(calls)
    _name_resources_of_batch()
    _ask_for_tags()
    _hide_what_is_missing(unnoted)
    _tell_protocols()
    _encrypt_topics()
    _ask_for_keys()
    _poll_as_function()
    _send_as_function()
    _deliver_as_events(calls)


def lend(role_arn: str, session: str, service: str) -> Environment:
    """The credentials of a session of a role, if the role trusts *service*."""
    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(ACCOUNT, None, name)
    if role is None or not _trusts(role, service):
        raise NotAllowedError(f"{service} is not authorized to assume {role_arn}")
    digest = hashlib.sha256(f"{role_arn}/{session}".encode()).hexdigest()
    credentials = {
        "AWS_ACCESS_KEY_ID": f"ASIA{digest[:16].upper()}",
        "AWS_SECRET_ACCESS_KEY": digest[16:56],
        "AWS_SESSION_TOKEN": digest,
    }
    sts.register_session(
        credentials["AWS_ACCESS_KEY_ID"],
        {
            "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}",
            "UserId": f"{role['RoleId']}:{session}",
            "SecretAccessKey": credentials["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": credentials["AWS_SESSION_TOKEN"],
        },
    )
    return credentials


def demand(role_arn: str, session: str, service: str, *checks: Check) -> None:
    """Raise NotAllowedError unless a service may make these calls as the role it was given."""
    key = lend(role_arn, session, service)["AWS_ACCESS_KEY_ID"]
    for action, resource in checks:
        namespace = action.partition(":")[0]
        answer = iam_evaluator.enforce(key, action, namespace, REGION, resource_arn=resource)
        if answer is not None:
            user = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/{session}"
            raise NotAllowedError(
                f"User: {user} is not authorized to perform: {action} on resource: {resource}"
            )


def checks_of_publish(topic_arn: str) -> list[Check]:
    """Who publishes to an encrypted topic has SNS use the key in his name."""
    topic = sns._topic_by_arn_any_scope(topic_arn) or {}
    key = topic.get("attributes", {}).get("KmsMasterKeyId") or ""
    if key and not key.startswith("arn:"):
        key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    return [("sns:Publish", topic_arn), *((action, key) for action in _PUBLISHER if key)]


def checks_of_submission(request: Mapping[str, Any]) -> list[Check]:
    """SubmitJob is on a queue and a definition, and its tags are an action of their own.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
    https://docs.aws.amazon.com/batch/latest/userguide/iam-example-restrict-job-submission.html
    """
    queue = _batch_arn("job-queue", str(request.get("jobQueue") or ""))
    definition = _batch_arn("job-definition", str(request.get("jobDefinition") or ""))
    tags = [("batch:TagResource", f"{_BATCH}:job/*")] if request.get("tags") else []
    return [("batch:SubmitJob", queue), ("batch:SubmitJob", definition), *tags]


def _batch_arn(kind: str, reference: str) -> str:
    return reference if reference.startswith("arn:") else f"{_BATCH}:{kind}/{reference}"


def _trusts(role: Mapping[str, Any], service: str) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn="*",
        region=REGION,
        service_context={"aws:sourceaccount": ACCOUNT},
    )
    document = role["AssumeRolePolicyDocument"]
    found = iam_evaluator.evaluate_resource_policy(document, context, service=service)
    return bool(found.decision == "Allow")


def _speak_tls() -> None:
    """The laptop has no TLS; to policies that insist on it the cloud looks as if it had."""
    private(app, "pin_request_origin", "source_ip", "secure_transport")
    app.pin_request_origin = lambda ip, _: iam_evaluator.pin_request_origin(ip, True)


def _record(calls: Calls) -> None:
    enforce = private(
        iam_evaluator,
        "enforce",
        *("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
    )

    def enforce_and_note(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        answer = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        who = _role_of(access_key_id)
        if who:
            conditions = {k: v for k, v in (service_context or {}).items() if v is not None}
            calls.note(Call(who, iam_action, resource_arn, conditions, answer is None))
        return answer

    iam_evaluator.enforce = enforce_and_note


def _role_of(access_key: str) -> str:
    arn = str((sts._sessions.get(access_key) or {}).get("Arn", ""))
    return arn.partition(":assumed-role/")[2]


def _name_resources_of_batch() -> None:
    """MiniStack takes every call of Batch for one on everything."""
    extract = private(
        iam_actions,
        "extract_resource_arn",
        *("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
    )

    def extract_of_batch(
        service: str, method: str, path: str, headers: Any, body: bytes, *more: Any
    ) -> Any:
        if service == "batch" and path in ("/v1/terminatejob", "/v1/canceljob"):
            return _batch_arn("job", str(json.loads(body or b"{}").get("jobId") or ""))
        assert (service, path) != ("batch", "/v1/submitjob"), "Only the state machine submits jobs."
        return extract(service, method, path, headers, body, *more)

    iam_actions.extract_resource_arn = extract_of_batch


def _ask_for_tags() -> None:
    """Tags of an object are actions of their own, also where a copy takes them along.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    """
    additional = private(
        iam_actions,
        "s3_additional_checks",
        *("method", "path", "headers", "body", "query_params"),
    )

    def with_tags(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Any
    ) -> list[Check]:
        checks: list[Check] = additional(method, path, headers, body, query_params)
        target = f"arn:aws:s3:::{path.strip('/')}"
        return [*checks, *_tag_checks(method, target, headers)]

    iam_actions.s3_additional_checks = with_tags


def _tag_checks(method: str, target: str, headers: Mapping[str, str]) -> Iterator[Check]:
    if method not in ("PUT", "POST"):
        return
    tags = bool(headers.get("x-amz-tagging"))
    source = iam_actions._s3_source_object(headers)
    if source and headers.get("x-amz-tagging-directive", "COPY").upper() == "COPY":
        arn, version = source
        bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
        query = {"versionId": [version]} if version else {}
        tags = bool(s3.object_tags_for_condition(bucket, key, query))
        if tags:
            yield ("s3:GetObjectVersionTagging" if version else "s3:GetObjectTagging", arn)
    if tags:
        yield ("s3:PutObjectTagging", target)


def _hide_what_is_missing(unnoted: Enforce) -> None:
    """S3 says that an object is not there only to who may list the bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    for name in ("_get_object", "_head_object"):
        read = private(s3, name, "bucket_name", "key", "headers", "query_params")
        setattr(s3, name, _hiding(read, unnoted))


def _hiding(read: Callable[..., Any], unnoted: Enforce) -> Callable[..., Any]:
    """Nobody has called ListBucket, so that it is not allowed is no refusal."""

    def read_or_hide(
        bucket_name: str, key: str, headers: Any = None, query_params: Any = None
    ) -> Any:
        answer = read(bucket_name, key, headers, query_params)
        if answer[0] != HTTPStatus.NOT_FOUND:
            return answer
        caller = router.extract_access_key_id(headers or {}, query_params or {})
        bucket = f"arn:aws:s3:::{bucket_name}"
        question = (caller, "s3:ListBucket", "s3", REGION, bucket)
        if unnoted(*question) is None:
            iam_evaluator.enforce(*question)
            return answer
        return s3._error("AccessDenied", "Access Denied", 403, f"/{bucket_name}/{key}")

    return read_or_hide


def _tell_protocols() -> None:
    """A policy may say by which protocol somebody may subscribe to a topic.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
    """
    tell = private(iam_actions, "request_tag_context", "service", "iam_action", "body", "params")

    def tell_protocol(service: str, iam_action: str, body: bytes, params: Any) -> dict[str, Any]:
        context: dict[str, Any] = tell(service, iam_action, body, params)
        if iam_action != "sns:Subscribe":
            return context
        return {**context, "sns:Protocol": iam_actions._query_param(params, "Protocol")}

    iam_actions.request_tag_context = tell_protocol


def _encrypt_topics() -> None:
    """Let a topic of a template have its key, which MiniStack forgets."""
    handler: dict[str, Any] = provisioners._RESOURCE_HANDLERS["AWS::SNS::Topic"]
    create: Callable[[str, Mapping[str, Any], str], Any] = handler["create"]

    def create_with_key(logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        arn, attributes = create(logical_id, properties, stack)
        if key := properties.get("KmsMasterKeyId"):
            sns._topics[arn]["attributes"]["KmsMasterKeyId"] = key
        return arn, attributes

    handler["create"] = create_with_key


def _ask_for_keys() -> None:
    """Let a publisher without the key of the topic be refused, as SNS does."""
    recorded = iam_evaluator.enforce

    def enforce_with_keys(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        answer = recorded(access_key_id, iam_action, service, region, resource_arn, service_context)
        if answer is not None or iam_action != "sns:Publish":
            return answer
        for action, key in checks_of_publish(resource_arn)[1:]:
            answer = answer or recorded(access_key_id, action, "kms", region, key)
        return answer

    iam_evaluator.enforce = enforce_with_keys


def _poll_as_function() -> None:
    """A function's role reads the queue; Lambda only does the walking."""
    receive = private(sqs, "_receive_messages_for_esm", "queue_url", "max_number")

    def receive_if_allowed(queue_url: str, max_number: int) -> list[dict[str, Any]]:
        arn = sqs._queues[queue_url]["attributes"]["QueueArn"]
        for _, _, mapping in lambda_svc._iter_all_esms():
            if mapping.get("EventSourceArn") != arn:
                continue
            try:
                _demand_of_function(mapping["FunctionName"], *((a, arn) for a in _POLLER))
            except NotAllowedError as error:
                lambda_svc.logger.error("Lambda cannot poll: %s", error)
                return []
        found: list[dict[str, Any]] = receive(queue_url, max_number)
        return found

    sqs._receive_messages_for_esm = receive_if_allowed


def _send_as_function() -> None:
    """What becomes of an event that a function could not handle is sent by the function's role."""
    route = private(
        lambda_svc, "_route_async_failure", "target_arn", "func_name", "event", "result"
    )
    action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}

    def route_if_allowed(target_arn: str, func_name: str, event: Any, result: Any) -> None:
        try:
            _demand_of_function(func_name, (action[target_arn.split(":")[2]], target_arn))
        except NotAllowedError as error:
            lambda_svc.logger.error("Lambda cannot send what failed: %s", error)
            return
        route(target_arn, func_name, event, result)

    lambda_svc._route_async_failure = route_if_allowed


def _demand_of_function(name: str, *checks: Check) -> None:
    config = lambda_svc._functions[name.rsplit(":function:", 1)[-1]]["config"]
    demand(config["Role"], config["FunctionName"][:64], "lambda.amazonaws.com", *checks)


def _deliver_as_events(calls: Calls) -> None:
    """EventBridge has no role here: the policy of the queue or function lets the rule in."""
    invoke = private(eventbridge, "_invoke_target", "target", "event", "rule", "view")
    policies: Mapping[str, tuple[str, Callable[[str], Any]]] = {
        "sqs": ("sqs:SendMessage", sqs.queue_policy_for_arn),
        "lambda": ("lambda:InvokeFunction", lambda_svc.function_policy_for_arn),
    }

    def invoke_if_allowed(
        target: Any, event: Any, rule: Mapping[str, Any], view: Any = None
    ) -> Any:
        arn = str(target.get("Arn", ""))
        service = (arn.split(":") + [""] * 3)[2]
        if service not in policies:
            return invoke(target, event, rule, view)
        action, find = policies[service]
        call = _event_call(action, arn, str(rule.get("Arn", "")), (find(arn) or ("",))[0])
        calls.note(call)
        if call.allowed:
            return invoke(target, event, rule, view)
        eventbridge.logger.error("EventBridge may not call %s for %s", arn, rule.get("Arn"))
        return None

    eventbridge._invoke_target = invoke_if_allowed


def _event_call(action: str, resource: str, rule_arn: str, policy: Any) -> Call:
    conditions = {"aws:sourcearn": rule_arn, "aws:sourceaccount": get_account_id()}
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=REGION,
        service_context=conditions,
    )
    who = "events.amazonaws.com"
    found = iam_evaluator.evaluate_resource_policy(policy, context, service=who)
    return Call(who, action, resource, conditions, found.decision == "Allow")
