"""The spot notice: what the instance metadata says two minutes before a machine goes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class SpotNotice:
    """AWS will *action* (terminate, stop or hibernate) this machine at *time*.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
    """

    action: str
    time: datetime


def parse_spot_notice(text: str, received: datetime) -> SpotNotice:
    """Read `spot/instance-action`; an unreadable body is still a notice."""
    try:
        body = json.loads(text)
        time = datetime.fromisoformat(str(body["time"]).replace("Z", "+00:00"))
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        return SpotNotice(action=str(body["action"]), time=time)
    except (ValueError, KeyError, TypeError):
        return SpotNotice(action="terminate", time=received)
