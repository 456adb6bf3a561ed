"""The instance metadata service: who this machine is, and the notice that it goes.

IMDSv2, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

DEFAULT_ENDPOINT: Final = "http://169.254.169.254"
TOKEN_SECONDS: Final = 21600
_TIMEOUT_SECONDS: Final = 2.0
_RENEW_BEFORE_SECONDS: Final = 60


class Metadata(ABC):
    """Answers None wherever nothing is known: off AWS there is no service, and a run needs none."""

    def spot_notice(self) -> str | None:
        """The body of `spot/instance-action`, which exists only once a notice was given."""
        return self._get("spot/instance-action")

    def rebalance_recommendation(self) -> str | None:
        """A body where AWS expects to interrupt this machine, often before it gives a notice.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html
        """
        return self._get("events/recommendations/rebalance")

    def life_cycle(self) -> str | None:
        """`spot` or `on-demand`."""
        return self._get("instance-life-cycle")

    def instance_id(self) -> str | None:
        return self._get("instance-id")

    def instance_type(self) -> str | None:
        return self._get("instance-type")

    def availability_zone(self) -> str | None:
        return self._get("placement/availability-zone")

    @abstractmethod
    def _get(self, path: str) -> str | None:
        """What the service has below `latest/meta-data/`."""


def metadata_at(place: str) -> Metadata:
    """The service at an address, or what a machine has written into a folder."""
    return Imds(place) if "://" in place else MetadataFolder(Path(place))


class MetadataFolder(Metadata):
    """What a machine that keeps jobs from the service has written down for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _get(self, path: str) -> str | None:
        try:
            return (self._folder / path).read_text(encoding="utf-8")
        except OSError:
            return None


class Imds(Metadata):
    """The service itself."""

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT) -> None:
        self._base = endpoint.rstrip("/")
        self._token: str | None = None
        self._token_until = 0.0

    def _get(self, path: str) -> str | None:
        token = self._fresh_token()
        if token is None:
            return None
        request = urllib.request.Request(
            f"{self._base}/latest/meta-data/{path}", headers={"X-aws-ec2-metadata-token": token}
        )
        return self._open(request)

    def _fresh_token(self) -> str | None:
        if self._token is None or time.monotonic() > self._token_until:
            request = urllib.request.Request(
                f"{self._base}/latest/api/token",
                method="PUT",
                headers={"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)},
            )
            self._token = self._open(request)
            self._token_until = time.monotonic() + TOKEN_SECONDS - _RENEW_BEFORE_SECONDS
        return self._token

    def _open(self, request: urllib.request.Request) -> str | None:
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            if error.code == 401:
                self._token = None
            return None
        except OSError:
            return None
