"""Whether Batch makes another attempt: the job's retry strategy, read as AWS reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def should_retry(
    strategy: Mapping[str, Any], exit_code: int | None, status_reason: str, reason: str
) -> bool:
    """Apply evaluateOnExit; an ending that no rule matches is retried.

    https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
    """
    facts = {
        "onExitCode": "" if exit_code is None else str(exit_code),
        "onStatusReason": status_reason,
        "onReason": reason,
    }
    for rule in strategy.get("evaluateOnExit") or []:
        if all(_matches(rule[name], fact) for name, fact in facts.items() if name in rule):
            return bool(rule["action"].upper() == "RETRY")
    return True


def _matches(pattern: str, text: str) -> bool:
    """Compare without case; only a last asterisk is special."""
    pattern, text = pattern.lower(), text.lower()
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
