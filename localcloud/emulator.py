"""One local cloud: MiniStack with our patches, Batch, hosts and mailbox, from start to stop."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import shutil
import signal
import socket
from pathlib import Path

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from ministack.app import app
from ministack.core import lambda_runtime

from localcloud.batch import Batch
from localcloud.calls import Calls
from localcloud.container import CLOUD_MARKER, Image
from localcloud.control import ControlServer
from localcloud.faults import Faults
from localcloud.heads import Heads
from localcloud.hosts import Hosts
from localcloud.mailbox import Mailbox
from localcloud.meter import Meter
from localcloud.patches import (
    PINNED,
    functions,
    notices,
    permissions,
    state_machines,
    storage,
    templates,
)
from localcloud.patches import batch as batch_api
from localcloud.places import Places
from localcloud.plain_path import plain_path
from localcloud.settings import ACCOUNT, REGION, ZONE, Settings, client_environment


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, then leave no process behind."""
    with plain_path(settings.scratch) as scratch:
        _serve_jobs_in(scratch, settings, listener)


def _serve_jobs_in(scratch: Path, settings: Settings, listener: socket.socket) -> None:
    version = importlib.metadata.version("ministack")
    assert version == PINNED, f"The patches fit MiniStack {PINNED}, not {version}."
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    hosts = Hosts(ZONE, settings.notice_seconds)
    faults, heads = Faults(), Heads(settings.queue_haste)
    control = ControlServer(hosts, faults=faults, heads=heads)
    batch = Batch(
        image=_image(settings, scratch, endpoint),
        hosts=hosts,
        imds_url=control.imds_url,
        arn_prefix=f"arn:aws:batch:{REGION}:{ACCOUNT}",
        slots=settings.job_slots,
        grace_seconds=settings.grace_seconds,
        faults=faults,
        heads=heads,
        lend=lambda role, session: permissions.lend(role, session, "ecs-tasks.amazonaws.com"),
    )
    meter = Meter()
    places = Places(settings.function_slots)
    batch_api.install(batch, heads)
    templates.install()
    storage.install()
    state_machines.install(batch, places)
    functions.install(places, meter)
    notices.install(Mailbox(settings.mail))
    permissions.install(Calls(settings.calls))
    control.start(batch.overview, state_machines.lose_execution, meter.read)
    try:
        asyncio.run(_serve(settings, listener, endpoint, control.url, meter))
    finally:
        settings.card.unlink(missing_ok=True)
        batch.close()
        lambda_runtime.reset()
        control.stop()
        os.chdir(settings.state)
        shutil.rmtree(settings.temporary, ignore_errors=True)


def _image(settings: Settings, scratch: Path, endpoint: str) -> Image:
    return Image(
        python=settings.job_python,
        pythonpath=settings.job_pythonpath,
        scratch=scratch,
        logs=settings.job_logs,
        environment={
            **client_environment(endpoint),
            CLOUD_MARKER: os.environ[CLOUD_MARKER],
        },
        reference=settings.job_image,
        engine=settings.job_engine,
    )


async def _serve(
    settings: Settings, listener: socket.socket, endpoint: str, control: str, meter: Meter
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.loglevel = "WARNING"
    server = asyncio.create_task(
        hypercorn_serve(meter.counting(app), config, shutdown_trigger=stop.wait)
    )
    await _until_ready(endpoint, server)
    _write_card(settings.card, endpoint, control)
    await server


async def _until_ready(endpoint: str, server: asyncio.Task[None]) -> None:
    """Wait for an HTTP answer: the listening socket alone accepts before anybody serves it."""
    port = int(endpoint.rsplit(":", 1)[1])
    while not server.done():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /_ministack/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.readline()
        writer.close()
        if b"200" in answer:
            return
        await asyncio.sleep(0.05)


def _write_card(path: Path, endpoint: str, control: str) -> None:
    card = {
        "endpoint": endpoint,
        "control": control,
        "pid": os.getpid(),
        "account": ACCOUNT,
        "region": REGION,
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(card, indent=2) + "\n")
    partial.replace(path)
