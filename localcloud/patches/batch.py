"""The Batch API: MiniStack keeps queues and definitions, our processes are the jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import batch as ministack_batch
from ministack.services import eventbridge

from localcloud.batch import Batch
from localcloud.faults import Refused
from localcloud.heads import Heads
from localcloud.job import Job
from localcloud.machines import fits, needs
from localcloud.patches import private

Response = tuple[int, dict[str, str], bytes]
Request = Mapping[str, Any]

DEFAULT_INSTANCE_TYPE = "g5.xlarge"
UNSPECIFIC_TYPES = frozenset({"optimal", "default_x86_64", "default_arm64"})


def install(batch: Batch, heads: Heads) -> None:
    private(eventbridge, "_put_events", "data", "allow_aws_source")
    heads.tell = _tell_of_blocked_queue
    private(ministack_batch, "_register_job_definition", "p")
    dispatch: dict[str, Callable[[Request], Response]] = ministack_batch._DISPATCH
    assert "/v1/submitjob" in dispatch and "/v1/terminatejob" not in dispatch
    dispatch |= {
        "/v1/submitjob": lambda p: _answer(lambda: submit(batch, p)),
        "/v1/describejobs": lambda p: _ok({"jobs": batch.describe(p.get("jobs") or [])}),
        "/v1/listjobs": lambda p: _ok({"jobSummaryList": _list(batch, p)}),
        "/v1/terminatejob": lambda p: _answer(lambda: _stop(batch.terminate, p)),
        "/v1/canceljob": lambda p: _answer(lambda: _stop(batch.cancel, p)),
        "/v1/registerjobdefinition": lambda p: _answer(lambda: register(p)),
        "/v1/deregisterjobdefinition": lambda p: _answer(lambda: deregister(p["jobDefinition"])),
    }


def submit(batch: Batch, request: Request) -> dict[str, Any]:
    definition = find_definition(str(request.get("jobDefinition") or ""))
    queue = _find_queue(str(request.get("jobQueue") or ""))
    if "schedulingPolicyArn" in queue and not request.get("shareIdentifier"):
        raise Refused("Share identifier is required for a queue with a scheduling policy")
    kinds = _instance_types(queue)
    properties = definition.get("containerProperties") or {}
    needed = needs(properties, request.get("containerOverrides") or {})
    kind = next(iter(kinds), DEFAULT_INSTANCE_TYPE)
    job = batch.submit(request, definition, queue, kind, fits(needed, kinds))
    return {"jobArn": job.arn, "jobName": job.name, "jobId": job.id}


def register(request: Request) -> dict[str, Any]:
    """Register a definition with every property; MiniStack alone keeps a few of them."""
    status, _, body = ministack_batch._register_job_definition(request)
    answer: dict[str, Any] = json.loads(body)
    if status != 200:
        raise Refused(answer.get("message", ""))
    revision = ministack_batch._job_definitions[request["jobDefinitionName"]][-1]
    revision.update({k: v for k, v in request.items() if k not in revision})
    return answer


def deregister(reference: str) -> dict[str, Any]:
    find_definition(reference)["status"] = "INACTIVE"
    return {}


def find_definition(reference: str) -> dict[str, Any]:
    """Find by name (newest active revision), name:revision or ARN."""
    name, _, number = reference.rsplit("/", 1)[-1].partition(":")
    found: dict[str, Any] | None = None
    for revision in ministack_batch._job_definitions.get(name) or []:
        wanted = str(revision["revision"]) == number if number else True
        found = revision if wanted and revision["status"] == "ACTIVE" else found
    if found is None:
        raise Refused(f"JobDefinition, {reference}, is not found or not ACTIVE")
    return found


def _find_queue(reference: str) -> dict[str, Any]:
    queue: dict[str, Any] | None = ministack_batch._job_queues.get(reference.rsplit("/", 1)[-1])
    if queue is None:
        raise Refused(f"JobQueue {reference} not found")
    if queue["state"] != "ENABLED":
        raise Refused(f"JobQueue {reference} is not ENABLED")
    return queue


def _instance_types(queue: Request) -> list[str]:
    """The instance types that the queue's compute environments name."""
    found = []
    for place in queue["computeEnvironmentOrder"]:
        name = place["computeEnvironment"].rsplit("/", 1)[-1]
        environment = ministack_batch._compute_envs.get(name) or {}
        for kind in environment.get("computeResources", {}).get("instanceTypes") or []:
            if kind not in UNSPECIFIC_TYPES:
                found.append(str(kind) if "." in kind else f"{kind}.xlarge")
    return found


def _tell_of_blocked_queue(job: Job) -> None:
    """Let EventBridge have its event.

    https://docs.aws.amazon.com/batch/latest/userguide/batch-job-queue-blocked-events.html
    """
    event = {
        "Source": "aws.batch",
        "DetailType": "Batch Job Queue Blocked",
        "Detail": json.dumps(job.describe()),
        "Resources": [job.arn, job.queue_arn],
    }
    eventbridge._put_events({"Entries": [event]}, allow_aws_source=True)


def _list(batch: Batch, request: Request) -> list[dict[str, Any]]:
    if array := request.get("arrayJobId"):
        return batch.children(array, request.get("jobStatus"))
    filters = {f["name"]: f["values"][0] for f in request.get("filters") or []}
    return batch.summaries(
        request.get("jobQueue") or "", request.get("jobStatus"), filters.get("JOB_NAME")
    )


def _stop(action: Callable[[str, str], None], request: Request) -> dict[str, Any]:
    if not request.get("reason"):
        raise Refused("reason is required")
    action(request["jobId"], request["reason"])
    return {}


def _answer(call: Callable[[], dict[str, Any]]) -> Response:
    try:
        return _ok(call())
    except Refused as error:
        status = 500 if error.code == "ServerException" else 400
        response: Response = ministack_batch.error_response_json(error.code, str(error), status)
        return response


def _ok(body: Mapping[str, Any]) -> Response:
    response: Response = ministack_batch._json(200, body)
    return response
