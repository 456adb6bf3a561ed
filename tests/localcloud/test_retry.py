"""Whether Batch would make another attempt."""

from __future__ import annotations

import pytest

from localcloud.retry import should_retry

ON_LOSS = {
    "attempts": 5,
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onExitCode": "75", "action": "retry"},
        {"onReason": "CannotStart*", "onExitCode": "", "action": "EXIT"},
        {"onReason": "*", "action": "EXIT"},
    ],
}


@pytest.mark.parametrize(
    ("exit_code", "status_reason", "reason", "expected"),
    [
        (None, "Host EC2 (instance i-1) terminated.", "", True),
        (None, "host ec2 (instance i-1) terminated.", "", True),
        (75, "Essential container in task exited", "", True),
        (1, "Essential container in task exited", "", False),
        (137, "Essential container in task exited", "OutOfMemoryError", False),
    ],
)
def test_the_first_matching_rule_decides(
    exit_code: int | None, status_reason: str, reason: str, expected: bool
) -> None:
    assert should_retry(ON_LOSS, exit_code, status_reason, reason) is expected


def test_without_a_matching_rule_there_is_a_retry() -> None:
    strategy = {"evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]}
    assert should_retry(strategy, 2, "", "")
    assert should_retry({"attempts": 2}, 2, "", "")
