"""Where a local cloud keeps its things, and what MiniStack must be told before it is imported."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from localcloud import calls
from localcloud.container import CLOUD_MARKER

ACCOUNT = "123456789012"
"""Also the access key: MiniStack takes a twelve-digit access key for the account."""

REGION = "us-east-1"
ZONE = "us-east-1a"
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "USER", "TERM", "SSL_CERT_FILE")


@dataclass(frozen=True)
class Settings:
    """What the command line said."""

    state: Path
    job_python: Path
    job_pythonpath: str = ""
    job_image: str = ""
    job_engine: tuple[str, ...] = ("podman",)
    port: int = 0
    notice_seconds: float = 120.0
    job_slots: int = 2
    function_slots: int = 4
    grace_seconds: float = 30.0
    queue_haste: float = 1.0

    @property
    def card(self) -> Path:
        return self.state / "cloud.json"

    @property
    def mail(self) -> Path:
        return self.state / "mail"

    @property
    def calls(self) -> Path:
        """What was called, by whom, and what the policies said: docs/permissions.md."""
        return self.state / calls.FILE

    @property
    def job_logs(self) -> Path:
        return self.state / "jobs"

    @property
    def scratch(self) -> Path:
        return self.state / "scratch"

    @property
    def temporary(self) -> Path:
        """MiniStack unpacks the code of functions here."""
        return self.state / "tmp"

    def sweep(self) -> None:
        """Start without what a crashed cloud left; mail and job logs stay."""
        self.card.unlink(missing_ok=True)
        for folder in (self.scratch, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)


def client_environment(endpoint: str) -> dict[str, str]:
    """Return what makes an SDK in a child process talk to this cloud and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def root_credentials() -> dict[str, str]:
    """The account's own, which no policy limits; functions and jobs get those of their roles."""
    return {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local"}


def enter_environment(settings: Settings, port: int, cloud_id: str) -> None:
    """Make this process' environment the cloud's own; functions inherit it.

    The user's profile, credentials, proxies and PYTHONPATH must not reach the functions: they
    would hide what the layer lacks.
    """
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(client_environment(f"http://127.0.0.1:{port}"))
    os.environ.update(root_credentials())
    os.environ.update(_ministack_environment(settings, port))
    os.environ[CLOUD_MARKER] = cloud_id


def _ministack_environment(settings: Settings, port: int) -> dict[str, str]:
    return {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "STATE_DIR": str(settings.temporary / "state"),
        "S3_DATA_DIR": str(settings.temporary / "s3"),
        "TMPDIR": str(settings.temporary),
        # A socket that is not there: with Docker at hand MiniStack would remove containers of
        # other MiniStacks and run functions differently.
        "DOCKER_HOST": f"unix://{settings.temporary}/no-docker.sock",
        # Functions are capped by waiting instead of by throttling.
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
        # The policies of the template decide, as on AWS: patches/permissions.py.
        "AUTH": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
