"""Many drops at once: is each run once, how fast are runs started, what does one cost?

`python -m benchmarks.burst --drops 10000 --duplicates 0.2 --reorder 0.1 [--decks run]`

Deploys the stack to a local cloud of its own, drops all decks at once, tells the intake of some of
them again, of some before they are there, and of those once more later. The exit code is 0 only if
nothing was lost or doubled and the starts kept below their cap.

The decks of `--decks reject` are refused by CheckDeck: intake, state machine, check, closing and
message, but no job. Those of `--decks run` are real, of one atom and one step, and go all the way;
a job is a real LAMMPS under the real runner, so a small machine carries some hundreds of them.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.policy import default as default_policy
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
import psutil

from benchmarks.claims import Claim, tell
from benchmarks.prices import Use, cost_of_run
from deckhand.adapters.ledger import Ledger
from deckhand.adapters.local_cloud import STACK, LocalCloud
from deckhand.adapters.outbox import MESSAGE_ITEM
from deckhand.adapters.pace import STARTS_PER_SECOND
from deckhand.adapters.stack import find_stack
from deckhand.domain import keys
from deckhand.domain.ledger import RunRecord
from deckhand.domain.message import CLOSED
from deckhand.domain.run import RunState
from localcloud import lifecycle
from localcloud.demo.audit import COUNTS
from localcloud.progress import Progress

REFUSED: Final = b"units lj\nbogus\n"
ONE_STEP: Final = b"""units lj
region box block 0 4 0 4 0 4
create_box 1 box
create_atoms 1 single 1 1 1
mass 1 1.0
pair_style zero 1.0
pair_coeff * *
fix move all nve
run 1
"""
DECKS: Final = {
    "reject": (REFUSED, RunState.REJECTED),
    "run": (ONE_STEP, RunState.COMPLETED),
}
CONCURRENCY: Final = 4
CAP: Final = STARTS_PER_SECOND * (CONCURRENCY + 1)
"""Starts in any second: the lookers' and the survey's."""

TRANSITIONS: Final = 12
DOLLARS: Final = 0.001
PARAMETERS: Final = {
    "SettleSeconds": "5",
    "SurveyMinutes": "5",
    "SurveyAfterSeconds": "600",
    "IntakeConcurrency": str(CONCURRENCY),
    "CheckpointSeconds": "600",
}
PLACES: Final = 8
"""Functions at once: the lookers, who mostly wait, and as many who work."""

UPLOADS_AT_ONCE: Final = 8
LATEST_SECONDS: Final = 120
LOOK_SECONDS: Final = 5.0
STANDSTILL_SECONDS: Final = 600.0
"""Without anything new for so long, nothing more is coming."""

SAMPLE: Final = 25
RUN_ID: Final = re.compile(r".*-[0-9a-f]{16}")


@dataclass(frozen=True)
class Burst:
    """What is dropped, and what else the intake is told about it."""

    drops: int
    duplicates: float
    reorder: float
    seed: int
    decks: str

    @cached_property
    def names(self) -> list[str]:
        return [f"in.burst{number:06d}" for number in range(self.drops)]

    def some(self, fraction: float, salt: str) -> list[str]:
        chance = random.Random(f"{self.seed} {salt}")
        return chance.sample(self.names, round(self.drops * fraction))


@dataclass
class Site:
    """A local cloud with the stack."""

    cloud: LocalCloud
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Bytes of memory of the cloud itself and of its functions and jobs, second by second."""

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(self.cloud.account, "local", region_name=self.cloud.region)

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.cloud.endpoint)

    @cached_property
    def outputs(self) -> dict[str, str]:
        return dict(find_stack(self.client("cloudformation"), STACK).outputs)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.client("dynamodb"), self.outputs["LedgerTable"])

    def executions(self, **wanted: Any) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("list_executions")
        machine = self.outputs["RunDeckMachine"]
        found = pages.paginate(stateMachineArn=machine, **wanted)
        return [item for page in found for item in page["executions"]]

    def waiting(self) -> int:
        """Messages of the intake, visible or not."""
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs["IntakeQueueUrl"], AttributeNames=list(COUNTS)
        )
        return sum(int(answer["Attributes"].get(name, 0)) for name in COUNTS)

    def dead_letters(self) -> int:
        urls = (self.outputs["IntakeDeadLettersUrl"], self.outputs["EventDeadLettersUrl"])
        sqs = self.client("sqs")
        return sum(
            int(
                sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[COUNTS[0]])["Attributes"][
                    COUNTS[0]
                ]
            )
            for url in urls
        )

    def closings(self) -> Counter[str]:
        """How many messages the end of each run has led to: sent, or waiting for a digest."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.outputs["LedgerTable"],
                FilterExpression="begins_with(#item, :closing)",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues={":closing": {"S": f"{MESSAGE_ITEM}{CLOSED}#"}},
            )
        )
        return Counter(item["run_id"]["S"] for page in pages for item in page["Items"])

    def mails(self) -> Counter[str]:
        """How many messages each run got of its own."""
        folder = self.cloud.state / lifecycle.MAIL
        found = (
            message_from_bytes(path.read_bytes(), policy=default_policy)
            for path in folder.glob("*.eml")
        )
        return Counter(str(mail["X-run-id"]) for mail in found if mail["X-run-id"])

    def transitions(self, run: str) -> int:
        """State transitions of an execution, as they are billed: states entered."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        arn = f"{self.outputs['RunDeckMachine'].replace(':stateMachine:', ':execution:')}:{run}"
        found = pages.paginate(executionArn=arn)
        return sum(
            event["type"].endswith("StateEntered") for page in found for event in page["events"]
        )


@dataclass
class Measured:
    """What was measured of a burst, and the cloud that is still up."""

    site: Site
    burst: Burst
    seconds: float
    told: int
    """Messages that were sent beside the events of S3."""
    bill: dict[str, Any]
    records: list[RunRecord]
    executions: list[dict[str, Any]]


def carry(site: Site, burst: Burst, say: Any) -> Measured:
    """Drop everything, and wait until nothing moves any more."""
    content, _ = DECKS[burst.decks]
    inbox, queue = site.outputs["InboxBucket"], site.outputs["IntakeQueueUrl"]
    s3, sqs = site.client("s3"), site.client("sqs")
    chance = random.Random(burst.seed)
    disordered = set(burst.some(burst.reorder, "reorder"))

    def tell_intake(name: str, most: int) -> None:
        body = event(inbox, f"{keys.INBOX}{name}")
        delay = chance.randint(0, most)
        sqs.send_message(QueueUrl=queue, MessageBody=body, DelaySeconds=delay)

    def put(name: str) -> None:
        if name in disordered:
            tell_intake(name, 0)
        s3.put_object(Bucket=inbox, Key=f"{keys.INBOX}{name}", Body=content)

    before = site.cloud.meter()
    begin = time.monotonic()
    again = [*burst.some(burst.duplicates, "duplicates"), *disordered]
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(put, burst.names))
        say(f"{burst.drops} drops in {time.monotonic() - begin:.0f} s")
        list(pool.map(lambda name: tell_intake(name, LATEST_SECONDS), again))
    _wait(site, burst, say)
    seconds = time.monotonic() - begin
    bill = _difference(before, site.cloud.meter())
    return Measured(
        site,
        burst,
        seconds,
        len(again) + len(disordered),
        bill,
        site.ledger.recent(2 * burst.drops + 1000),
        site.executions(),
    )


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What the meter counted between two readings; no function has worked before the first."""
    requests = Counter(after["requests"])
    requests.subtract(before["requests"])
    return {"requests": dict(requests), "functions": after["functions"]}


def _wait(site: Site, burst: Burst, say: Any) -> None:
    seen: tuple[int, int, int] = (-1, -1, -1)
    moved = time.monotonic()
    while time.monotonic() - moved < STANDSTILL_SECONDS:
        running = len(site.executions(statusFilter="RUNNING"))
        ended = site.cloud.meter()["functions"]
        worked = sum(item["invocations"] for item in ended.values())
        now = (site.waiting(), running, worked)
        if now != seen:
            seen, moved = now, time.monotonic()
        say(f"{now[0]} messages, {running} executions")
        if not now[0] and not running and len(site.executions()) >= burst.drops:
            return
        time.sleep(LOOK_SECONDS)


def event(bucket: str, key: str) -> str:
    """What EventBridge puts into the intake queue."""
    return (
        '{"version": "0", "detail-type": "Object Created", "source": "aws.s3", "detail": '
        f'{{"version": "0", "bucket": {{"name": "{bucket}"}}, "object": {{"key": "{key}"}}}}}}'
    )


def watch_memory(site: Site, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        try:
            cloud = psutil.Process(site.cloud.pid)
            others = sum(_size(process) for process in cloud.children(recursive=True))
            site.sizes.append((_size(cloud), others))
        except psutil.Error:
            continue


def _size(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def lost_and_doubled(found: Measured) -> Iterator[Claim]:
    """Whether every drop became one run, that ran once and of which people were told once."""
    wanted = {f"{keys.INBOX}{name}" for name in found.burst.names}
    by_drop = Counter(record.drop for record in found.records)
    _, state = DECKS[found.burst.decks]
    known = {record.run_id for record in found.records}
    runs = [_run_of(item["name"]) for item in found.executions]
    mails = found.site.mails()
    yield Claim("drops without a run", len(wanted - set(by_drop)), 0)
    yield Claim("drops with more than one run", sum(n > 1 for n in by_drop.values()), 0)
    yield Claim(f"runs that are not {state}", sum(r.state is not state for r in found.records), 0)
    yield Claim("runs that are not closed", sum(not r.closed_at for r in found.records), 0)
    yield Claim("runs without an execution", len(known - set(runs)), 0)
    yield Claim("runs with more than one execution", sum(n > 1 for n in Counter(runs).values()), 0)
    closings = found.site.closings()
    yield Claim("runs without a message", len(known - set(closings)), 0)
    yield Claim("runs with more than one", sum(n > 1 for n in closings.values()), 0)
    yield Claim("runs with more than one e-mail", sum(n > 1 for n in mails.values()), 0)
    yield Claim("dead letters", found.site.dead_letters(), 0)


def _run_of(execution: str) -> str:
    match = RUN_ID.match(execution)
    return match[0] if match else execution


def most_in_a_second(moments: Sequence[datetime]) -> int:
    """The most of *moments* in any window of one second."""
    times = sorted(moment.timestamp() for moment in moments)
    most, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def starts(found: Measured) -> Iterator[Claim]:
    """How fast runs were started."""
    moments = [item["startDate"] for item in found.executions]
    yield Claim("starts in any second, at most", most_in_a_second(moments), CAP)
    span = (max(moments) - min(moments)).total_seconds() or 1.0
    yield Claim("starts per second on average", len(moments) / span)


def figures(found: Measured) -> Iterator[Claim]:
    """What it took."""
    yield Claim("from the first upload until all is quiet", found.seconds, unit="s")
    alone, others = (max(sizes) / 1e6 for sizes in zip(*found.site.sizes, strict=True))
    yield Claim("memory of the local cloud itself, at most", alone, unit="MB")
    yield Claim("memory of its functions and jobs, at most", others, unit="MB")
    chance = random.Random(found.burst.seed)
    sample = chance.sample(found.executions, min(SAMPLE, len(found.executions)))
    each = [found.site.transitions(item["name"]) for item in sample]
    yield Claim("state transitions of a run, at most", max(each), TRANSITIONS)
    use = used(found, sum(each) / len(each))
    yield Claim("requests to SQS per run", use.sqs)
    yield Claim("requests to S3 per run", use.s3_puts + use.s3_gets)
    yield Claim("requests to DynamoDB per run", use.reads + use.writes)
    yield Claim("invocations per run", use.invocations)
    yield Claim("GB-seconds per run, on this machine", use.gigabyte_seconds)
    for name, dollars in cost_of_run(use).items():
        yield Claim(f"millionths of a dollar per run: {name}", dollars * 1e6)
    total = sum(cost_of_run(use).values())
    yield Claim("millionths of a dollar per run: all of it", total * 1e6, DOLLARS * 1e6)


def used(found: Measured, transitions: float) -> Use:
    """What one run used, on average, with what AWS asks of itself, which the meter does not see."""
    drops = found.burst.drops
    asked, worked = found.bill["requests"], found.bill["functions"]
    looks = sum(item["invocations"] for name, item in worked.items() if "AdmitDrop" in name)
    puts = asked.get("s3.put", 0)
    sent = drops + found.told
    return Use(
        transitions=transitions,
        # EventBridge sends, Lambda receives and deletes; and our own of drops that grow.
        sqs=(sent + 2 * looks + asked.get("sqs.SendMessage", 0) - found.told) / drops,
        events=puts / drops,
        s3_puts=(puts + asked.get("s3.list", 0)) / drops,
        s3_gets=asked.get("s3.get", 0) / drops,
        reads=sum(n for kind, n in asked.items() if kind == "dynamodb.Query") / drops,
        writes=sum(n for k, n in asked.items() if k in ("dynamodb.PutItem", "dynamodb.UpdateItem"))
        / drops,
        invocations=sum(item["invocations"] for item in worked.values()) / drops,
        gigabyte_seconds=sum(i["seconds"] * i["mebibytes"] / 1024 for i in worked.values()) / drops,
        messages=asked.get("sns.POST", 0) / drops,
    )


def main() -> int:
    options = _options()
    burst = Burst(options.drops, options.duplicates, options.reorder, options.seed, options.decks)
    progress = Progress()
    stop = threading.Event()
    with tempfile.TemporaryDirectory(prefix="burst-") as folder:
        state = Path(folder)
        more = ("--function-slots", str(PLACES), "--die-with", str(os.getpid()))
        try:
            site = Site(lifecycle.up(state, progress, PARAMETERS, *more))
            threading.Thread(target=watch_memory, args=(site, stop), daemon=True).start()
            with progress.step(f"{burst.drops} drops, decks to {burst.decks}") as say:
                found = carry(site, burst, say)
            measures = {
                "lost_and_doubled": lambda _: lost_and_doubled(found),
                "starts": lambda _: starts(found),
                "figures": lambda _: figures(found),
            }
            for name, measure in (
                ("lost_and_doubled", lost_and_doubled),
                ("starts", starts),
                ("figures", figures),
            ):
                measures[name].__doc__ = measure.__doc__
            return tell(measures, measures, options, options.json)
        finally:
            stop.set()
            lifecycle.down(state)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burst", description=__doc__)
    add = parser.add_argument
    add("--drops", type=int, default=300)
    add("--duplicates", type=float, default=0.2, help="the share that is told of again")
    add("--reorder", type=float, default=0.1, help="the share that is told of too early")
    add("--decks", choices=DECKS, default="reject")
    add("--seed", type=int, default=1)
    add("--json", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
