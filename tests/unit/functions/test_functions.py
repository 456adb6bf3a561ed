"""The functions with the payloads they get, against moto."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deckhand.adapters.ledger import Ledger
from deckhand.adapters.measures import Measures
from deckhand.adapters.outbox import Outbox
from deckhand.adapters.s3 import Bucket
from deckhand.cli.engine import find_engine
from deckhand.domain import keys
from deckhand.domain.errors import CredentialsRefusedError, SurveyError
from deckhand.domain.keys import CheckpointId
from deckhand.domain.ledger import Wish
from deckhand.domain.manifest import Segment
from deckhand.domain.options import RunOptions
from deckhand.domain.run import Run, RunState
from deckhand.domain.speed import SpeedKey
from deckhand.domain.sweep import Point, Sweep, point_run_id
from deckhand.lammps.sandbox import ENVIRONMENT
from deckhand.usecases.verify_results import results_in_cloud, verify_results
from tests.engine import ONE_ATOM
from tests.makers import (
    ADMITTED,
    RUN,
    attempt_record,
    job,
    manifest,
    message,
    put_checkpoint,
    put_completion,
    put_output,
    put_run,
    put_status,
    run_record,
)

ROOT = Path(__file__).resolve().parents[3]
EVENTS = ROOT / "events"


class Context:
    """What Lambda hands to a function beside the event."""

    function_name = "function"
    function_version = "1"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-2:123456789012:function:function"
    aws_request_id = "11111111-2222-3333-4444-555555555555"

    def get_remaining_time_in_millis(self) -> int:
        return 240_000


@dataclass
class Cloud:
    inbox: Bucket
    runs: Bucket
    ledger: Ledger
    queue: str
    mailbox: str
    aws: Callable[[str], Any]

    def call(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function as if it had just been started."""
        app = importlib.import_module(f"functions.{name}.app")
        getattr(app, name).cache_clear()
        answer = app.lambda_handler(event, Context())
        return json.loads(json.dumps(answer))  # type: ignore[no-any-return]


@pytest.fixture
def cloud(
    aws: Callable[[str], Any],
    make_bucket: Callable[[], str],
    ledger_table: str,
    state_machine: str,
    intake_queue: str,
    mailbox: tuple[str, str],
    profiles: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Cloud:
    inbox, runs = make_bucket(), make_bucket()
    env = {
        "INBOX_BUCKET": inbox,
        "RUNS_BUCKET": runs,
        "LEDGER_TABLE": ledger_table,
        "STATE_MACHINE_ARN": state_machine,
        "INTAKE_QUEUE_URL": intake_queue,
        "MESSAGES_TOPIC_ARN": mailbox[0],
        "PROFILES": profiles,
        "SETTLE_SECONDS": "0",
        "SURVEY_AFTER_SECONDS": "0",
        "SPOT_PRICE_PER_HOUR": "1",
        "ON_DEMAND_PRICE_PER_HOUR": "4",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return Cloud(
        Bucket(aws("s3"), inbox),
        Bucket(aws("s3"), runs),
        Ledger(aws("dynamodb"), ledger_table),
        intake_queue,
        mailbox[1],
        aws,
    )


def load_event(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")))


def object_created(bucket: str, key: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html, without version-id."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-21T12:00:00Z",
        "region": "us-east-2",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "sequencer": "00617F08299329D189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "192.0.2.1",
            "reason": "PutObject",
        },
    }


def batch_of(*bodies: str) -> dict[str, Any]:
    records = (
        {
            "messageId": f"message-{number}",
            "receiptHandle": "handle",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:intake",
            "awsRegion": "us-east-2",
        }
        for number, body in enumerate(bodies)
    )
    return {"Records": list(records)}


@pytest.mark.parametrize("folder", ["melt", "Prüfung 50%+ß", "a b"])
def test_admit_drop_starts_one_run_of_many_events(cloud: Cloud, folder: str) -> None:
    for name in ("in.melt 1+", "run.yaml", "data.txt"):
        cloud.inbox.write(f"inbox/{folder}/{name}", b"x")
    bodies = [
        json.dumps(object_created(cloud.inbox.name, f"inbox/{folder}/{name}"))
        for name in ("in.melt 1+", "run.yaml", "in.melt 1+")
    ]
    assert cloud.call("admit_drop", batch_of(*bodies)) == {"batchItemFailures": []}
    assert cloud.call("admit_drop", batch_of(bodies[1])) == {"batchItemFailures": []}
    [run] = cloud.ledger.recent(5)
    assert (run.state, run.drop) == (RunState.CHECKING, f"inbox/{folder}/")
    assert cloud.runs.read(keys.drop_record(run.run_id)) is not None


def test_admit_drop_reports_only_the_message_it_could_not_read(cloud: Cloud) -> None:
    cloud.inbox.write("inbox/in.melt", b"x")
    good = json.dumps(object_created(cloud.inbox.name, "inbox/in.melt"))
    answer = cloud.call("admit_drop", batch_of(good, "{"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


def test_admit_drop_puts_a_growing_drop_back(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTLE_SECONDS", "900")
    cloud.inbox.write("inbox/melt/in.melt", b"x")
    body = json.dumps(object_created(cloud.inbox.name, "inbox/melt/in.melt"))
    assert cloud.call("admit_drop", batch_of(body)) == {"batchItemFailures": []}
    delayed = cloud.aws("sqs").get_queue_attributes(
        QueueUrl=cloud.queue, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )
    assert delayed["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"
    assert cloud.ledger.recent(5) == []


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/app.py")), ids=str)
def test_a_function_imports_only_what_its_layer_or_lambda_has(path: Path) -> None:
    layer = (ROOT / "layers/core/requirements.in").read_text(encoding="utf-8").split()
    product = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=]", name)[0] for name in product["dependencies"]}
    lacking = sorted(names - {*layer, "boto3"})
    assert "zstandard" in lacking
    module = f"functions.{path.parent.name}.app"
    code = f"import sys\nsys.modules.update(dict.fromkeys({lacking}))\nimport {module}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "layers/core")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def lammps_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The layer as the local cloud builds it, where a function finds it; a log of environments."""
    engine = find_engine("This test")
    program, log = tmp_path / "python" / "lammps" / "lmp", tmp_path / "environments"
    program.parent.mkdir(parents=True)
    variables = " ".join(f"{name}={value}" for name, value in engine.environment.items())
    program.write_text(f'#!/bin/sh\nenv >>{log}\n{variables} exec {engine.lmp} "$@"\n')
    program.chmod(0o755)
    monkeypatch.syspath_prepend(str(program.parents[1]))
    return log


def dropped(cloud: Cloud, deck: str) -> dict[str, Any]:
    """What the state machine tells check_deck of a drop with one deck."""
    cloud.inbox.write("inbox/melt/in.melt", deck.encode())
    body = json.dumps(object_created(cloud.inbox.name, "inbox/melt/in.melt"))
    cloud.call("admit_drop", batch_of(body))
    [run] = cloud.ledger.recent(1)
    return {"run_id": run.run_id, "drop": run.drop}


def test_check_deck_carries_a_deck_through_the_lammps_of_its_layer(
    cloud: Cloud, lammps_layer: Path
) -> None:
    event = dropped(cloud, f"{ONE_ATOM}variable i loop 3\nlabel a\nrun 100\nnext i\njump SELF a\n")
    answer = cloud.call("check_deck", event)
    assert answer == {
        "decision": "accepted",
        "state": "running",
        "reason": "in.melt can be run, 300 steps, 1 atoms; a resume is exact. "
        "Time and cost: not measured yet, told after the first attempt.",
    }
    run = Run.model_validate_json(cloud.runs.read(keys.run_record(event["run_id"])) or b"")
    assert (run.total_steps, run.atoms, len(run.stages)) == (300, 1, 3)


def test_check_deck_rejects_what_lammps_finds_wrong(cloud: Cloud, lammps_layer: Path) -> None:
    answer = cloud.call("check_deck", dropped(cloud, f"{ONE_ATOM}pair_coeff 1 3\nrun 1\n"))
    assert answer["decision"] == "rejected"
    assert "in.melt, line 9: LAMMPS says: Numeric index 3 is out of bounds" in answer["reason"]
    assert "See https://docs.lammps.org/pair_coeff.html." in answer["reason"]


def test_the_lammps_of_check_deck_sees_nothing_of_the_functions_environment(
    cloud: Cloud, lammps_layer: Path
) -> None:
    assert cloud.call("check_deck", dropped(cloud, f"{ONE_ATOM}run 1\n"))["decision"] == "accepted"
    found = {line.split("=")[0] for line in lammps_layer.read_text().splitlines()}
    assert {name for name in found if name.startswith(("AWS", "INBOX", "LEDGER", "_"))} <= {"_"}
    assert found - {"_", "PWD", "OLDPWD", "SHLVL"} <= {*ENVIRONMENT, "PYTHONPATH", "LC_CTYPE"}


def test_check_deck_goes_by_reading_alone_where_lammps_does_not_start(
    cloud: Cloud, lammps_layer: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (lammps_layer.parent / "python/lammps/lmp").write_text("#!/bin/sh\nexit 127\n")
    answer = cloud.call("check_deck", dropped(cloud, f"{ONE_ATOM}run 10\n"))
    assert answer["decision"] == "accepted"
    said = "The dry run did not come to its end: LAMMPS ended with exit code 127"
    assert said in answer["reason"]
    [record] = [record for record in caplog.records if record.getMessage() == "dry run"]
    assert record.levelname == "WARNING"
    assert vars(record)["dry_run"]["network"] in ("namespace", "filter")


def test_check_deck_answers_the_state_machine(cloud: Cloud) -> None:
    for name in ("in.a", "in.b"):
        cloud.inbox.write(f"inbox/melt/{name}", b"run 1\n")
    body = json.dumps(object_created(cloud.inbox.name, "inbox/melt/in.a"))
    cloud.call("admit_drop", batch_of(body))
    [run] = cloud.ledger.recent(1)
    answer = cloud.call("check_deck", {"run_id": run.run_id, "drop": run.drop})
    assert set(answer) == {"decision", "state", "reason"}
    assert answer["decision"] == "rejected"
    assert "in.a, in.b" in answer["reason"]


def test_plan_attempt_answers_the_state_machine(cloud: Cloud) -> None:
    cloud.ledger.admit(run_record())
    put_run(cloud.runs)
    put_checkpoint(cloud.runs, manifest(1000, 1))
    planned = cloud.call("plan_attempt", {"run_id": RUN})
    assert planned == cloud.call("plan_attempt", {"run_id": RUN})
    assert (planned["decision"], planned["state"], planned["attempt"]) == ("run", "running", 1)
    spot_queue = json.loads(os.environ["PROFILES"])["standard"]["spot_queues"][0]
    assert len(planned["order"].pop("token")) > 40
    assert planned["order"] == {
        "queue": spot_queue,
        "market": "spot",
        "checkpoint": "000000001000-a1",
        "timeout_seconds": 604800,
        "stop_after_seconds": 604500,
        "share": "default",
        "priority": 5,
        "resources": [
            {"Type": "VCPU", "Value": "4"},
            {"Type": "MEMORY", "Value": "14336"},
            {"Type": "GPU", "Value": "1"},
        ],
    }


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_lend_credentials_takes_the_token_of_the_plan(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_ROLE_ARN", "arn:aws:iam::123456789012:role/RunRole")
    cloud.ledger.admit(run_record())
    put_run(cloud.runs)
    token = cloud.call("plan_attempt", {"run_id": RUN})["order"]["token"]
    asked = {"run_id": RUN, "attempt": 1, "token": token}
    lent = cloud.call("lend_credentials", asked)
    assert lent["access_key_id"].startswith("ASIA")
    assert datetime.fromisoformat(lent["expires_at"]) > datetime.now(UTC)
    with pytest.raises(CredentialsRefusedError):
        cloud.call("lend_credentials", {**asked, "token": "guessed"})


def test_no_log_shows_a_token(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    cloud.ledger.admit(run_record())
    put_run(cloud.runs)
    token = cloud.call("plan_attempt", {"run_id": RUN})["order"]["token"]
    [planned] = [record for record in caplog.records if record.message == "planned"]
    assert planned.__dict__["planned"]["order"]["market"] == "spot"
    assert token not in str(planned.__dict__)


def test_plan_attempt_keeps_a_cap_at_the_price_of_the_machines(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = {"p4d.24xlarge": {"spot": 16.0, "gpus": 8, "vcpus": 96}}
    monkeypatch.setenv("MACHINE_PRICES", json.dumps(prices))
    monkeypatch.setenv("SPOT_INSTANCE_TYPES", "p4d.24xlarge")
    cloud.ledger.admit(run_record(dollars=10.0))
    put_run(cloud.runs)
    planned = cloud.call("plan_attempt", {"run_id": RUN})
    assert planned["order"]["timeout_seconds"] == 5 * 3600


def test_carry_sweep_makes_the_runs_and_asks_for_their_array(
    cloud: Cloud, state_machine: str
) -> None:
    cloud.ledger.admit(run_record(deck="in.melt", points=2))
    put_run(cloud.runs, options=RunOptions(sweep={"T": (1, 2)}))
    points = [Point(index=n, run_id=point_run_id(RUN, n), variables={"T": n}) for n in (0, 1)]
    sweep = Sweep(run_id=RUN, points=tuple(points))
    cloud.runs.write(keys.sweep(RUN), sweep.model_dump_json().encode())
    look = {"array": None, "looks": 0, "error": "", "cause": ""}
    event = {"run_id": RUN, "machine": state_machine, "look": look}
    carried = cloud.call("carry_sweep", event)
    assert (carried["decision"], carried["size"], carried["looks"]) == ("submit", 2, 1)
    assert carried["order"]["stop_after_seconds"] == 604500
    assert {item.point for item in cloud.ledger.open_runs()} == {None, 0, 1}
    assert carried == cloud.call("carry_sweep", event)


@pytest.mark.parametrize("attempt", [1, "1"])
def test_judge_attempt_reads_what_step_functions_caught(cloud: Cloud, attempt: int | str) -> None:
    cloud.ledger.admit(run_record())
    cloud.ledger.plan(RUN, attempt_record(1))
    cause = json.dumps(job(ExitCode=137, AttemptStatusReason="Host EC2 (instance i-1) terminated."))
    event = {
        "run_id": RUN,
        "attempt": attempt,
        "job": None,
        "error": "States.TaskFailed",
        "cause": cause,
    }
    assert cloud.call("judge_attempt", event) == {
        "decision": "plan",
        "state": "running",
        "verdict": "interrupted",
        "reason": "The machine was taken away: Host EC2 (instance i-1) terminated.",
    }


def test_judge_attempt_asks_what_the_machine_costs(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = {"p4d.24xlarge": {"spot": 8.0}}
    monkeypatch.setenv("MACHINE_PRICES", json.dumps(prices))
    monkeypatch.setenv("JOB_VCPUS", "12")
    put_run(cloud.runs, atoms=4000, total_steps=5000, deck_class="lj/cut")
    cloud.ledger.admit(run_record(total_steps=5000))
    cloud.ledger.plan(RUN, attempt_record(1))
    put_status(
        cloud.runs,  # type: ignore[arg-type]
        1,
        instance_type="p4d.24xlarge",
        availability_zone="us-east-2b",
        steps_per_second=100.0,
    )
    cause = json.dumps(job(ExitCode=137, AttemptStatusReason="Host EC2 (instance i-1) terminated."))
    event = {"run_id": RUN, "attempt": 1, "job": None, "error": "x", "cause": cause}
    cloud.call("judge_attempt", event)
    record = cloud.ledger.run(RUN)
    assert record is not None
    [attempt] = record.attempts
    # An eighth of the machine; nobody here tells its price on demand.
    assert (attempt.price_per_hour, attempt.on_demand_per_hour) == (1.0, None)
    assert attempt.instance_type == "p4d.24xlarge"
    assert record.projected_cost == pytest.approx(1 + 50 / 3600)
    table = os.environ["LEDGER_TABLE"]
    key = SpeedKey("p4d.24xlarge", 1, "lj/cut")
    [measured] = Measures(cloud.aws("dynamodb"), table).newest(key, 5)
    assert measured.atom_steps_per_second == 400_000


def test_judge_attempt_reads_a_job_that_succeeded(cloud: Cloud) -> None:
    cloud.ledger.admit(run_record())
    cloud.ledger.plan(RUN, attempt_record(1))
    put_completion(cloud.runs, manifest(5000, 1))
    done = job(ExitCode=0, Status="SUCCEEDED")
    event = {"run_id": RUN, "attempt": 1, "job": done, "error": "", "cause": ""}
    answer = cloud.call("judge_attempt", event)
    assert (answer["decision"], answer["state"]) == ("close", "completed")


def test_close_run_tells_people_once(cloud: Cloud) -> None:
    cloud.ledger.admit(run_record())
    event = {"run_id": RUN, "state": "rejected", "reason": "The drop has 2 decks."}
    answer = cloud.call("close_run", event)
    assert answer == {"state": "rejected", "reason": "The drop has 2 decks."}
    assert cloud.call("close_run", {**event, "state": "failed"}) == answer
    received = cloud.aws("sqs").receive_message(QueueUrl=cloud.mailbox, MaxNumberOfMessages=10)
    [mail] = received["Messages"]
    assert json.loads(mail["Body"])["Subject"] == (
        "Deckhand: melt was not run: The drop has 2 decks."
    )


def test_close_run_joins_the_results(cloud: Cloud) -> None:
    cloud.ledger.admit(run_record())
    put_run(cloud.runs)
    log = put_output(cloud.runs, 1, "log.lammps", b"step 1\n", b"step 2\n")
    segment = Segment(attempt=1, from_step=0, to_step=2, outputs=(log,))
    put_completion(cloud.runs, manifest(2, 1, segment))
    cloud.ledger.plan(RUN, attempt_record(1))
    done = job(ExitCode=0, Status="SUCCEEDED", Container={"Image": "images@sha256:1234"})
    event = {"run_id": RUN, "attempt": 1, "job": done, "error": "", "cause": ""}
    cloud.call("judge_attempt", event)
    cloud.call("close_run", {"run_id": RUN, "state": "completed", "reason": "The end."})
    assert cloud.runs.read(keys.result(RUN, "log.lammps")) == b"step 1\nstep 2\n"
    report = json.loads(cloud.runs.read(keys.result(RUN, "report.json")) or b"")
    assert (report["state"], report["cost"]) == ("completed", 1.0)
    results = results_in_cloud(cloud.runs, RUN)
    assert results.certificate.image_digest == "sha256:1234"
    assert verify_results(results).ok


def test_prune_checkpoints_keeps_three(cloud: Cloud) -> None:
    cloud.ledger.admit(run_record())
    for step in (1000, 2000, 3000, 4000):
        put_checkpoint(cloud.runs, manifest(step, 1))
    key = keys.manifest(RUN, CheckpointId(4000, 1))
    event = object_created(cloud.runs.name, key)
    assert cloud.call("prune_checkpoints", event) == {"deleted": ["000000001000-a1"]}
    assert cloud.call("prune_checkpoints", event) == {"deleted": []}
    assert cloud.runs.read(keys.manifest(RUN, CheckpointId(1000, 1))) is None


def test_survey_inbox_admits_and_reports_what_no_event_told_of(cloud: Cloud) -> None:
    cloud.inbox.write("inbox/melt/in.melt", b"run 1\n")
    cloud.inbox.write("inbox/notes/Länge +1.docx", b"x")
    cloud.inbox.write("inbox/empty/", b"")
    event = load_event("survey_due")
    answer = cloud.call("survey_inbox", event)
    assert {(item["drop"], item["finding"]) for item in answer["found"]} == {
        ("inbox/melt/", "admitted"),
        ("inbox/notes/", "reported"),
        ("inbox/empty/", "reported"),
    }
    assert cloud.call("survey_inbox", event) == {"drops": 3, "found": [], "is_complete": True}
    states = {run.drop: run.state for run in cloud.ledger.recent(5)}
    assert states["inbox/melt/"] is RunState.CHECKING
    assert states["inbox/notes/"] is states["inbox/empty/"] is RunState.REJECTED
    received = cloud.aws("sqs").receive_message(QueueUrl=cloud.mailbox, MaxNumberOfMessages=10)
    subjects = {json.loads(mail["Body"])["Subject"] for mail in received["Messages"]}
    assert len(subjects) == len(received["Messages"]) == 2
    assert any(
        subject.startswith("Deckhand: empty was not run: The drop is") for subject in subjects
    )


def test_survey_inbox_fails_where_a_drop_could_not_be_looked_at(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_TABLE", "gone")
    cloud.inbox.write("inbox/melt/in.melt", b"run 1\n")
    with pytest.raises(SurveyError, match="inbox/melt/"):
        cloud.call("survey_inbox", load_event("survey_due"))


def test_steer_run_does_what_a_command_and_what_a_file_says(cloud: Cloud) -> None:
    cloud.ledger.admit(run_record(state=RunState.WAITING))
    asked = {"run_id": RUN, "verb": "hold", "round": 1}
    [held] = cloud.call("steer_run", asked)
    assert held == {"run_id": RUN, "done": "No machine is at work: it ends at once."}
    [again] = cloud.call("steer_run", asked)
    assert again["done"] == "That was done already."
    record = cloud.ledger.run(RUN)
    assert record is not None
    assert (record.wish, record.round) == (Wish.HOLD, 2)
    event = object_created(cloud.inbox.name, "inbox/melt/STOP")
    [stopped] = cloud.call("steer_run", {**event, "time": datetime.now(UTC).isoformat()})
    assert stopped["run_id"] == RUN
    assert cloud.call("steer_run", object_created(cloud.inbox.name, "inbox/other/STOP")) == []


def test_reap_runs_takes_up_a_run_whose_execution_is_gone(cloud: Cloud) -> None:
    cloud.ledger.admit(run_record(started_at=ADMITTED))
    [found] = cloud.call("reap_runs", {})["found"]
    assert (found["what"], found["finding"]) == (RUN, "taken up")
    assert cloud.call("reap_runs", {})["found"] == []
    record = cloud.ledger.run(RUN)
    assert record is not None
    assert (record.round, record.taken_up) == (2, 1)


def test_relieve_queue_looks_at_queues_without_jobs(cloud: Cloud) -> None:
    assert cloud.call("relieve_queue", {}) == {"let_go": []}


def test_send_digest_sends_what_close_run_held_back(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIRECT_MESSAGES", "0")
    cloud.ledger.admit(run_record())
    event = {"run_id": RUN, "state": "rejected", "reason": "The drop has 2 decks."}
    cloud.call("close_run", event)
    assert "Messages" not in cloud.aws("sqs").receive_message(QueueUrl=cloud.mailbox)
    outbox = Outbox(cloud.aws("dynamodb"), os.environ["LEDGER_TABLE"])
    long_ago = datetime(2026, 11, 21, tzinfo=UTC)
    for told in (message("run-1"), message("run-2")):
        outbox.claim(told, long_ago)
        outbox.wait(told.key)
    assert cloud.call("send_digest", load_event("digest_due")) == {
        "sent": [{"subject": "Deckhand: 2 messages: 2 failed", "messages": 2}]
    }
    assert cloud.call("send_digest", load_event("digest_due")) == {"sent": []}
    [mail] = cloud.aws("sqs").receive_message(QueueUrl=cloud.mailbox)["Messages"]
    body = json.loads(mail["Body"])
    assert json.loads(body["MessageAttributes"]["event"]["Value"]) == ["digest", "run_failed"]
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert [item.run_id for item in outbox.waiting(later)] == [RUN]
