"""What a host's instance metadata service (IMDSv2) answers."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from http import HTTPStatus

from localcloud.hosts import Host

TOKEN_PATH = "/latest/api/token"
TOKEN_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN_HEADER = "X-aws-ec2-metadata-token"
META_DATA = "/latest/meta-data/"
LONGEST_TTL = 21600

Answer = tuple[HTTPStatus, str]


def issue_token(host: Host, path: str, ttl: str | None) -> Answer:
    """Answer a PUT; the time to live is checked, but tokens live as long as their host."""
    if path != TOKEN_PATH:
        return HTTPStatus.NOT_FOUND, ""
    if ttl is None or not ttl.isdecimal() or not 1 <= int(ttl) <= LONGEST_TTL:
        return HTTPStatus.BAD_REQUEST, ""
    token = secrets.token_urlsafe(40)
    host.tokens.add(token)
    return HTTPStatus.OK, token


def describe(host: Host, path: str, token: str | None) -> Answer:
    """Answer a GET; 404 is how IMDS says "no interruption is planned"."""
    if token not in host.tokens:
        return HTTPStatus.UNAUTHORIZED, ""
    text = _meta_data(host).get(path)
    return (HTTPStatus.NOT_FOUND, "") if text is None else (HTTPStatus.OK, text)


def _meta_data(host: Host) -> dict[str, str]:
    known = {
        "instance-id": host.instance_id,
        "instance-type": host.instance_type,
        "placement/availability-zone": host.zone,
        "placement/region": host.region,
    }
    if host.noticed_at is not None and host.lost_at is not None:
        lost_at = clock(host.lost_at)
        known["spot/instance-action"] = json.dumps({"action": "terminate", "time": lost_at})
        known["spot/termination-time"] = lost_at
        known["events/recommendations/rebalance"] = json.dumps(
            {"noticeTime": clock(host.noticed_at)}
        )
    return {META_DATA + name: text for name, text in known.items()}


def clock(moment: datetime) -> str:
    """Write a UTC time the way IMDS does: whole seconds and a Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
