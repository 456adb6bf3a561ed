"""A drop that nobody could admit, and `deckhand redrive`: the real stack from end to end."""

from __future__ import annotations

import json
from typing import Any

from deckhand.domain.run import RunState
from tests.localcloud.conftest import Deployed, wait_for
from tests.localcloud.drops import REDRIVEN, SOUND

STARTS = "STATE_MACHINE_ARN"


def configure(deployed: Deployed, function: str, **change: str) -> dict[str, str]:
    """Change the environment of a function; what it was before."""
    client = deployed.client("lambda")
    name = deployed.resources[function]
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**before, **change}}
    )
    return {key: before[key] for key in change}


def set_queue(deployed: Deployed, **attributes: str) -> dict[str, str]:
    """Change attributes of the intake queue; what they were before."""
    client, url = deployed.client("sqs"), deployed.resources["IntakeQueue"]
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(attributes))
    client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return dict(answer["Attributes"])


def letters(deployed: Deployed) -> int:
    url = deployed.outputs["IntakeDeadLettersUrl"]
    name = "ApproximateNumberOfMessages"
    answer = deployed.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def impatient(policy: str) -> str:
    """Two deliveries, a second apart: five with six minutes between them are for AWS."""
    changed: dict[str, Any] = {**json.loads(policy), "maxReceiveCount": 2}
    return json.dumps(changed)


def test_what_could_not_be_admitted_is_put_back_and_run(deployed: Deployed) -> None:
    queue = set_queue(deployed, VisibilityTimeout="1")
    sqs, url = deployed.client("sqs"), deployed.resources["IntakeQueue"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    queue |= set_queue(deployed, RedrivePolicy=impatient(policy["Attributes"]["RedrivePolicy"]))
    deployed.planted.add("states:StartExecution")
    nowhere = deployed.outputs["RunDeckMachine"] + "-of-somebody-else"
    function = configure(deployed, "AdmitDrop", **{STARTS: nowhere})
    try:
        deployed.put(REDRIVEN, SOUND)
        wait_for("a dead letter", lambda: letters(deployed))
    finally:
        configure(deployed, "AdmitDrop", **function)
        set_queue(deployed, **queue)
    for _ in range(2):
        shown = deployed.deckhand("redrive", "--dry-run")
        assert f"inbox/{REDRIVEN}".rpartition("in.")[0] in shown
    assert "1 put back; 0 left." in deployed.deckhand("redrive", "--yes")
    assert deployed.closed(REDRIVEN).state is RunState.COMPLETED
    assert "There are no dead letters." in deployed.deckhand("redrive")
    assert letters(deployed) == 0
