"""The control endpoint and the metadata service that jobs see there."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.control import ControlServer
from localcloud.faults import Fault
from localcloud.heads import NO_CAPACITY
from localcloud.hosts import Host, Hosts

TTL = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}


@pytest.fixture
def hosts() -> Hosts:
    return Hosts("us-east-1a", notice_seconds=120)


@pytest.fixture
def lost() -> threading.Event:
    return threading.Event()


@pytest.fixture
def host(hosts: Hosts, lost: threading.Event) -> Iterator[Host]:
    host = hosts.place("g5.xlarge", lost.set)
    yield host
    hosts.release(host)


@pytest.fixture
def control(hosts: Hosts) -> Iterator[ControlServer]:
    server = ControlServer(hosts)
    server.start(lambda: [{"job": "1"}], lambda name: name == "melt")
    yield server
    server.stop()


def ask(
    url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[int, str]:
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def meta_data(control: ControlServer, host: Host, path: str) -> tuple[int, str]:
    base = control.imds_url(host)
    _, token = ask(f"{base}/latest/api/token", "PUT", TTL)
    header = {"X-aws-ec2-metadata-token": token}
    return ask(f"{base}/latest/meta-data/{path}", headers=header)


def post(control: ControlServer, path: str, body: bytes | None = None) -> tuple[int, Any]:
    status, text = ask(control.url + path, "POST", body=body)
    return status, json.loads(text)


def test_a_host_knows_itself(control: ControlServer, host: Host) -> None:
    assert meta_data(control, host, "instance-id") == (200, host.instance_id)
    assert meta_data(control, host, "instance-type") == (200, "g5.xlarge")
    assert meta_data(control, host, "placement/availability-zone") == (200, "us-east-1a")
    assert meta_data(control, host, "placement/region") == (200, "us-east-1")
    assert len(host.instance_id) == 19


@pytest.mark.parametrize("headers", [{}, {"X-aws-ec2-metadata-token": "guess"}])
def test_no_token_no_answer(control: ControlServer, host: Host, headers: dict[str, str]) -> None:
    url = f"{control.imds_url(host)}/latest/meta-data/instance-id"
    assert ask(url, headers=headers)[0] == 401


def test_a_token_needs_a_time_to_live(control: ControlServer, host: Host) -> None:
    assert ask(f"{control.imds_url(host)}/latest/api/token", "PUT")[0] == 400


def test_there_is_no_notice_until_one_is_given(control: ControlServer, host: Host) -> None:
    paths = ["spot/instance-action", "spot/termination-time", "events/recommendations/rebalance"]
    assert [meta_data(control, host, path)[0] for path in paths] == [404, 404, 404]
    before = datetime.now(UTC)
    status, answer = post(control, f"/hosts/{host.instance_id}/spot-notice", b'{"seconds": 90}')
    assert status == 200
    action = json.loads(meta_data(control, host, "spot/instance-action")[1])
    assert action["action"] == "terminate"
    assert action["time"] == answer["lost_at"]
    announced = datetime.strptime(action["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(seconds=88) < announced - before < timedelta(seconds=92)
    assert [meta_data(control, host, path)[0] for path in paths] == [200, 200, 200]


def test_a_notice_is_two_minutes_by_default(control: ControlServer, host: Host) -> None:
    post(control, f"/hosts/{host.instance_id}/spot-notice")
    assert host.noticed_at is not None
    assert host.lost_at == host.noticed_at + timedelta(seconds=120)


def test_the_host_is_lost_when_its_notice_runs_out(
    control: ControlServer, host: Host, lost: threading.Event
) -> None:
    post(control, f"/hosts/{host.instance_id}/spot-notice", b'{"seconds": 0.05}')
    assert lost.wait(5)
    assert meta_data(control, host, "instance-id")[0] == 404


def test_a_released_host_is_not_lost_any_more(
    control: ControlServer, hosts: Hosts, host: Host, lost: threading.Event
) -> None:
    post(control, f"/hosts/{host.instance_id}/spot-notice", b'{"seconds": 0.05}')
    hosts.release(host)
    assert not lost.wait(0.2)


def test_a_host_can_go_without_a_word(
    control: ControlServer, host: Host, lost: threading.Event
) -> None:
    path = f"/hosts/{host.instance_id}/loss"
    assert post(control, path)[0] == 200
    assert lost.is_set()
    assert post(control, path)[0] == 404


def test_nonsense_is_refused(control: ControlServer, host: Host) -> None:
    assert post(control, f"/hosts/{host.instance_id}/spot-notice", b"soon")[0] == 400
    assert post(control, "/hosts/i-0/loss")[0] == 404
    assert post(control, "/hosts")[0] == 404
    assert ask(control.url + "/nothing")[0] == 404
    assert ask(control.url + "/nothing", "PUT")[0] == 404


def test_jobs_are_listed(control: ControlServer) -> None:
    assert ask(control.url + "/jobs") == (200, '[{"job": "1"}]')


def test_only_this_machine_can_reach_it(control: ControlServer) -> None:
    assert control.server_address[0] == "127.0.0.1"


def test_a_queue_dries_up_and_flows_again(control: ControlServer) -> None:
    job = SimpleNamespace(queue_name="spot", fits=True)
    assert post(control, "/queues/spot/drought")[0] == 200
    assert control.heads.why_blocked(job) == NO_CAPACITY
    assert ask(control.url + "/queues/spot/drought", "DELETE")[0] == 200
    assert control.heads.why_blocked(job) == ""
    assert ask(control.url + "/queues/spot", "DELETE")[0] == 404


def test_a_fault_is_ordered_for_some_jobs(control: ControlServer) -> None:
    body = b'{"fault": "CannotPullContainerError", "jobs": "melt-", "times": 1}'
    assert post(control, "/faults", body)[0] == 200
    assert control.faults.take("other-a1", Fault.NO_IMAGE) is None
    assert control.faults.take("melt-a1", Fault.NO_IMAGE) is Fault.NO_IMAGE
    assert control.faults.take("melt-a1", Fault.NO_IMAGE) is None
    for body in (b'{"fault": "Rain", "jobs": ""}', b'{"jobs": "melt-"}', b"[]"):
        assert post(control, "/faults", body)[0] == 400
