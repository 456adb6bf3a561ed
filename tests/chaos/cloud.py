"""The control plane in one process: the real machine, the real functions, moto's AWS, faults.

Only the machines are missing: a job writes at once what the runner would write. Time does not pass
by itself: messages, events and executions are worked on one after another until nothing is left.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import boto3
from moto import mock_aws
from moto.moto_api._internal import moto_api_backend
from moto.stepfunctions.models import stepfunctions_backends

from deckhand.adapters import dead_letters, pace, session
from deckhand.adapters.batch import pascal_case
from deckhand.adapters.ledger import Ledger
from deckhand.adapters.s3 import Bucket
from deckhand.domain import keys
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import Bound, DryRun
from deckhand.usecases import reap_runs
from tests.chaos import job
from tests.chaos.faults import STEP, Faults, Hooks, How, Point, refusal
from tests.chaos.machine import Ended, Execution, definition, interpreter
from tests.localcloud.drops import SOUND, uploaded_event
from tools.project import Project, load

ROOT: Final = Path(__file__).resolve().parents[2]
REGION: Final = "us-east-2"
ACCOUNT: Final = "123456789012"
PROFILES: Final = json.dumps(
    {
        "standard": {
            "spot_queues": ["SpotQueue"],
            "on_demand_queues": ["OnDemandQueue"],
            "gpus": 1,
            "vcpus": 4,
            "memory_mib": 14336,
        }
    }
)
DECK: Final = f"{keys.INBOX}melt/in.melt"
DELIVERIES: Final = 5
LOOKS: Final = 2
QUEUES: Final = ("intake", "letters", "mailbox", "spare")
GIVEN: Final = {
    "SETTLE_SECONDS": "0",
    "SURVEY_AFTER_SECONDS": "0",
    "REAPER_GRACE_SECONDS": "0",
    "DIRECT_MESSAGES": "1000",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "deckhand",
    "POWERTOOLS_METRICS_NAMESPACE": "Deckhand",
}


class Context:
    """What Lambda hands to a function beside the event."""

    function_name = "function"
    function_version = "1"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:function"
    aws_request_id = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return 240_000


class Failed(Exception):
    """A function raised, timed out or died; as Lambda tells it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.answer = {"errorType": kind, "errorMessage": message}


@dataclass
class Job:
    """A Batch job that is RUNNING until somebody looks, and over then."""

    name: str
    queue: str
    environment: dict[str, str]
    job_id: str
    looks: int = 0
    ended: dict[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        container = {"image": "images@sha256:1234"}
        document = {
            "jobId": self.job_id,
            "jobName": self.name,
            "jobQueue": self.queue,
            "status": self.ended.get("status", "RUNNING"),
            "statusReason": self.ended.get("statusReason", ""),
            "createdAt": 1_700_000_000_000,
            "startedAt": 1_700_000_000_000,
            "container": container,
            "attempts": [],
        }
        if self.ended:
            ran = {
                "container": {**container, "exitCode": self.ended["exitCode"]},
                "statusReason": self.ended["statusReason"],
                "startedAt": 1_700_000_000_000,
                "stoppedAt": 1_700_003_600_000,
            }
            document |= {"attempts": [ran], "stoppedAt": 1_700_003_600_000}
        return document


class Cloud:
    """One cloud for many trials; each begins with `fresh`."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.hooks = Hooks({"batch": self._batch})
        self.session = boto3.Session(region_name=REGION)
        self.clients = {
            name: self.session.client(name)
            for name in ("s3", "dynamodb", "sqs", "sns", "stepfunctions")
        }
        self.jobs: list[Job] = []
        self.told: set[str] = set()
        self.executions: dict[str, Ended] = {}
        self.running: Execution | None = None
        self.dead_letters = 0
        self.checks_by_job = False
        self.names: dict[str, str] = {}

    @property
    def faults(self) -> Faults:
        return self.hooks.faults

    @property
    def inbox(self) -> Bucket:
        return Bucket(self.clients["s3"], "chaos-inbox")

    @property
    def runs(self) -> Bucket:
        return Bucket(self.clients["s3"], "chaos-runs")

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.clients["dynamodb"], "ledger")

    @property
    def machine(self) -> str:
        return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:run-deck"

    def fresh(self, point: Point | None = None) -> None:
        """An empty cloud, and a drop in its inbox of which two events tell."""
        moto_api_backend.reset()
        self.jobs, self.told, self.executions = [], set(), {}
        self.dead_letters = 0
        self.hooks.faults = Faults(point)
        self._make_resources()
        self.inbox.write(DECK, SOUND)
        for _ in range(2):
            body = uploaded_event("chaos-inbox", DECK)
            self.clients["sqs"].send_message(QueueUrl=self._url("intake"), MessageBody=body)

    def records(self) -> list[RunRecord]:
        return self.ledger.recent(10)

    def messages(self) -> list[dict[str, Any]]:
        """Every message that went out, as subscribers of the topic get it."""
        found: list[dict[str, Any]] = []
        while batch := self._receive("mailbox", 10):
            found += [json.loads(item["Body"]) for item in batch]
        return found

    def dry_run(self, root: Path, deck: str, variables: object) -> DryRun:
        """LAMMPS has tests of its own; this one may be too long for a function."""
        return DryRun(ended=False, bound=Bound.TIME) if self.checks_by_job else job.DRY_RUN

    # ---- what AWS does by itself ----------------------------------------------------------------

    def work(self) -> bool:
        """Deliver, run and tell until nothing is left to do; whether there was anything."""
        did = False
        while self._deliver() or self._run_execution() or self._end_orphan() or self._tell_pruner():
            did = True
        return did

    def survey(self) -> None:
        """What the schedule does every few minutes; Lambda tries once more."""
        for _ in range(2):
            try:
                self.invoke("survey_inbox", {"detail-type": "Scheduled Event"})
            except Failed:
                continue
            return

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Run a handler; raises Failed."""
        app = importlib.import_module(f"functions.{function}.app")
        faults = self.faults
        faults.asking, faults.dead = function, False
        try:
            with redirect_stdout(io.StringIO()), warnings.catch_warnings():
                # Powertools has no metrics to tell of a function that failed.
                warnings.simplefilter("ignore")
                answer = app.lambda_handler(json.loads(json.dumps(event)), Context())
        except Exception as error:
            if not faults.dead:
                raise Failed(type(error).__name__, str(error)) from error
        finally:
            faults.asking = ""
        if faults.dead:
            faults.dead = False
            raise Failed("Sandbox.Timedout", "Task timed out")
        return json.loads(json.dumps(answer))

    def reap(self) -> bool:
        """What the other schedule does; whether there was anything. Lambda tries once more."""
        for _ in range(2):
            try:
                return bool(self.invoke("reap_runs", {"detail-type": "Scheduled Event"})["found"])
            except Failed:
                continue
        return True

    def _deliver(self) -> bool:
        """One message of the intake queue to admit_drop; after five times to the dead letters."""
        messages = self._receive("intake", 1)
        for message in messages:
            if int(message["Attributes"]["ApproximateReceiveCount"]) > DELIVERIES:
                self.dead_letters += 1
            elif not self._admitted(message):
                self.clients["sqs"].change_message_visibility(
                    QueueUrl=self._url("intake"),
                    ReceiptHandle=message["ReceiptHandle"],
                    VisibilityTimeout=0,
                )
                continue
            self.clients["sqs"].delete_message(
                QueueUrl=self._url("intake"), ReceiptHandle=message["ReceiptHandle"]
            )
        return bool(messages)

    def _admitted(self, message: dict[str, Any]) -> bool:
        record = {"messageId": message["MessageId"], "body": message["Body"]}
        try:
            answer = self.invoke("admit_drop", {"Records": [record]})
        except Failed:
            return False
        return not answer["batchItemFailures"]

    def _receive(self, queue: str, most: int) -> list[dict[str, Any]]:
        answer = self.clients["sqs"].receive_message(
            QueueUrl=self._url(queue), MaxNumberOfMessages=most, AttributeNames=["All"]
        )
        return list(answer.get("Messages", ()))

    def _run_execution(self) -> bool:
        """Run one execution that was started and is not over."""
        machine = stepfunctions_backends[ACCOUNT][REGION].state_machines[0]
        for started in machine.executions:
            if started.execution_arn in self.executions or started.status != "RUNNING":
                continue
            self.running = Execution(
                self.names["definition"],
                started.execution_arn,
                started.name,
                started.execution_input,
            )
            ended = self.running.run()
            self.executions[started.execution_arn] = ended
            started.status = ended.status
            started.stop_date = started.start_date
            return True
        return False

    def _end_orphan(self) -> bool:
        """A job for which nobody waits runs all the same."""
        orphan = next((item for item in self.jobs if not item.ended), None)
        if orphan:
            self._end(orphan)
        return bool(orphan)

    def _tell_pruner(self) -> bool:
        """The rule CheckpointWritten; Lambda tries three times."""
        found = [
            key
            for key in self.runs.sizes("runs/")
            if keys.parse_manifest(key) or key.endswith("/results/report.json")
        ]
        fresh = next((key for key in sorted(found) if key not in self.told), None)
        if fresh is None:
            return False
        self.told.add(fresh)
        event = json.loads(uploaded_event("chaos-runs", fresh))
        for _ in range(3):
            try:
                self.invoke("prune_checkpoints", event)
            except Failed:
                continue
            return True
        self.dead_letters += 1
        return True

    # ---- what Step Functions asks for -----------------------------------------------------------

    def step(self, name: str, do: Callable[[], Any]) -> Any:
        """A request of the machine itself; *do* is its effect."""
        how = self.faults.count(f"machine: {name}", STEP)
        if how is How.REFUSED:
            raise refusal(
                name, "ServiceException" if name != "SubmitJob" else "ServerException", 500
            )
        if how is How.ABORTED_BEFORE and self.running:
            self.running.abort()
            raise refusal(name, "ServiceException", 500)
        if how is How.TWICE:
            do()
        answer = do()
        if how is How.LOST:
            raise refusal(
                name, "ServerException" if name == "SubmitJob" else "SdkClientException", 500
            )
        if how is How.ABORTED_AFTER and self.running:
            self.running.abort()
        return answer

    def submit(self, request: dict[str, Any]) -> dict[str, Any]:
        pairs = request["ContainerOverrides"]["Environment"]
        environment = {pair["Name"]: pair["Value"] for pair in pairs if "Name" in pair}
        made = Job(
            request["JobName"], request["JobQueue"], environment, f"job-{len(self.jobs) + 1}"
        )
        self.jobs.append(made)
        return {"JobId": made.job_id, "JobName": made.name}

    def job(self, job_id: str) -> Job | None:
        return next((item for item in self.jobs if item.job_id == job_id), None)

    def _end(self, item: Job) -> None:
        given = item.environment
        if "CHECK_ID" in given:
            item.ended = job.check(self.runs, given["RUN_ID"], given["CHECK_ID"])
            return
        item.ended = job.attempt(
            self.runs, given["RUN_ID"], int(given["ATTEMPT"]), given["CHECKPOINT"], item.job_id
        )

    def look(self, job_id: str) -> dict[str, Any]:
        """What the machine sees of a job it waits for; looking lets it end."""
        found = self.job(job_id)
        assert found is not None
        if not found.ended:
            self._end(found)
        return found.described()

    def _batch(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Batch as the functions see it."""
        if operation == "DescribeJobs":
            return {"jobs": [self._seen(item) for item in map(self.job, params["jobs"]) if item]}
        if operation == "ListJobs":
            [wanted] = [item["values"][0] for item in params.get("filters", ())] or [""]
            named = [item.described() for item in self.jobs if wanted in ("", item.name)]
            here = [item for item in named if item["jobQueue"] == params["jobQueue"]]
            # Without a status it is those that run, but with a name it is all.
            status = params.get("jobStatus") or ("" if wanted else "RUNNING")
            return {"jobSummaryList": [item for item in here if status in ("", item["status"])]}
        if operation == "TerminateJob":
            found = [self.job(params["jobId"])]
            for item in found:
                if item and not item.ended:
                    reason = params["reason"]
                    item.ended = {"status": "FAILED", "statusReason": reason, "exitCode": 143}
            return {}
        raise NotImplementedError(operation)

    def _seen(self, item: Job) -> dict[str, Any]:
        """A job that somebody looks at again and again comes to its end as well."""
        item.looks += 1
        if item.looks > LOOKS and not item.ended:
            self._end(item)
        return item.described()

    # ---- resources ------------------------------------------------------------------------------

    def _url(self, queue: str) -> str:
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"

    def _make_resources(self) -> None:
        where = {"LocationConstraint": REGION}
        for bucket in ("chaos-inbox", "chaos-runs"):
            self.clients["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        self.clients["s3"].put_bucket_versioning(
            Bucket="chaos-inbox", VersioningConfiguration={"Status": "Enabled"}
        )
        for queue in QUEUES:
            self.clients["sqs"].create_queue(QueueName=queue)
        topic = self.clients["sns"].create_topic(Name="messages")["TopicArn"]
        mailbox = f"arn:aws:sqs:{REGION}:{ACCOUNT}:mailbox"
        self.clients["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=mailbox)
        self.clients["dynamodb"].create_table(**_table(self.project))
        self.clients["stepfunctions"].create_state_machine(
            name="run-deck",
            definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/run-deck",
        )
        if not self.names:
            self.names["definition"] = definition(self.project, topic)

    def environment(self) -> dict[str, str]:
        """What the template gives the functions, with what is here in the place of resources."""
        here = {
            "InboxBucket": "chaos-inbox",
            "RunsBucket": "chaos-runs",
            "LedgerTable": "ledger",
            "TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:messages",
            "RunDeck": self.machine,
            "IntakeQueue": self._url("intake"),
            "Profiles": PROFILES,
        }
        return {**_variables(self.project, here), **GIVEN}


def _variables(project: Project, here: dict[str, str]) -> dict[str, str]:
    template = project.stacks["template"]
    parameters = {
        name: str(item.get("Default", "")) for name, item in template["Parameters"].items()
    }

    def value(given: Any) -> str:
        if not isinstance(given, dict):
            return str(given)
        [(kind, argument)] = given.items()
        if kind == "Fn::Join":
            return str(argument[0]).join(value(item) for item in argument[1])
        name = argument[-1] if isinstance(argument, list) else str(argument)
        name = name.rpartition(".")[2] if name.startswith("Outputs.") else name
        return here.get(name) or parameters.get(name, name)

    found: dict[str, str] = {}
    for resource in project.resources("AWS::Lambda::Function"):
        given = resource.properties.get("Environment", {}).get("Variables", {})
        found |= {name: value(item) for name, item in given.items()}
    return found


def _table(project: Project) -> dict[str, Any]:
    [table] = project.resources("AWS::DynamoDB::Table")
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    given = {name: table.properties[name] for name in wanted if name in table.properties}
    return {"TableName": "ledger", **given}


class LambdaClient:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        function = "".join(f"_{c.lower()}" if c.isupper() else c for c in FunctionName).strip("_")
        event = json.loads(Payload)
        try:
            answer = self.cloud.step(FunctionName, lambda: self.cloud.invoke(function, event))
        except Failed as failed:
            body = io.BytesIO(json.dumps(failed.answer).encode())
            return {"FunctionError": "Unhandled", "Payload": body}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}


class BatchClient:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def submit_job(self, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.cloud.step("SubmitJob", lambda: self.cloud.submit(request))
        return answer

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        # The cause of a failure is in PascalCase.
        found = [self.cloud.look(job_id) for job_id in jobs]
        return {"jobs": [{**pascal_case(item), "status": item["status"]} for item in found]}


class SnsClient:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def publish(self, **request: Any) -> dict[str, Any]:
        publish = self.cloud.clients["sns"].publish
        answer: dict[str, Any] = self.cloud.step("Publish", lambda: publish(**request))
        return answer


@contextmanager
def opened() -> Iterator[Cloud]:
    """A cloud in this process; what it changes of the process is undone at the end."""
    with mock_aws(), mock.patch.dict(os.environ, GIVEN):
        session._session.cache_clear()
        cloud = Cloud(load())
        apps = _apps()
        os.environ.update(cloud.environment())
        cloud.hooks.install(session._session().events)
        clients = {
            "lambda": LambdaClient(cloud),
            "batch": BatchClient(cloud),
            "sns": SnsClient(cloud),
        }
        check = importlib.import_module("functions.check_deck.app")
        with (
            interpreter(clients),
            mock.patch.object(check, "dry_runner", lambda settings: cloud.dry_run),
            mock.patch.object(pace.Pace, "await_turn", lambda self: None),
            mock.patch.object(dead_letters, "WAIT_SECONDS", 0),
            mock.patch.object(reap_runs, "ABANDONED", timedelta(0)),
            mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None)),
        ):
            _forget(apps)
            try:
                yield cloud
            finally:
                _forget(apps)
                session._session.cache_clear()


def _apps() -> list[Any]:
    names = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
    return [(name, importlib.import_module(f"functions.{name}.app")) for name in names]


def _forget(apps: list[Any]) -> None:
    """As if no function were warm."""
    for name, app in apps:
        getattr(app, name).cache_clear()
