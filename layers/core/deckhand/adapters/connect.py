"""The services that the settings name, connected.

What only some functions need has a file of its own, so that the others need not import it.
"""

from __future__ import annotations

from deckhand.adapters.batch import Jobs
from deckhand.adapters.dead_letters import DeadLetters, Functions
from deckhand.adapters.executions import Executions
from deckhand.adapters.ledger import Ledger
from deckhand.adapters.queue import IntakeQueue
from deckhand.adapters.s3 import Bucket
from deckhand.adapters.session import aws_client
from deckhand.adapters.settings import Settings


def inbox(settings: Settings) -> Bucket:
    return Bucket(aws_client("s3"), settings.inbox_bucket)


def runs(settings: Settings) -> Bucket:
    return Bucket(aws_client("s3"), settings.runs_bucket)


def ledger(settings: Settings) -> Ledger:
    return Ledger(aws_client("dynamodb"), settings.ledger_table)


def executions(settings: Settings) -> Executions:
    return Executions(aws_client("stepfunctions"), settings.state_machine_arn)


def queue(settings: Settings) -> IntakeQueue:
    return IntakeQueue(aws_client("sqs"), settings.intake_queue_url)


def jobs(settings: Settings) -> Jobs:
    return Jobs(aws_client("batch"), settings.queues)


def dead_letters(settings: Settings, url: str) -> DeadLetters:
    return DeadLetters(aws_client("sqs"), url, settings.inbox_bucket)


def functions() -> Functions:
    return Functions(aws_client("lambda"))
