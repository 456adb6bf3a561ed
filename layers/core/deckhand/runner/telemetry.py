"""Looks at the GPUs while LAMMPS runs, and tells status.json and CloudWatch of them."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from deckhand.adapters.gpu import Nvml
from deckhand.domain.errors import GpuError
from deckhand.domain.gpu import GpuUse, Tally
from deckhand.domain.status import Phase
from deckhand.runner.clock import utc_now
from deckhand.runner.report import Reporter

METRIC_SECONDS: Final = 60.0

SERVICE: Final = "runner"
"""The one dimension of its metrics; functions have their names there."""

LAST_LOOK_SECONDS: Final = 2.0
"""How long the end of an attempt waits for a look that hangs in the driver."""


@dataclass
class Telemetry:
    """A look every `seconds`; telemetry is not worth a simulation, so no trouble of it is one's.

    `namespace` is where CloudWatch keeps the metrics of the stack; without one none are told.
    """

    reporter: Reporter
    seconds: float
    namespace: str = ""
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        if self.seconds > 0:
            self._thread = threading.Thread(target=self._watch, name="telemetry", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(LAST_LOOK_SECONDS)

    def _watch(self) -> None:
        try:
            with Nvml() as nvml:
                if nvml.gpus:
                    self._look_on(nvml)
        except GpuError:
            return  # a machine without a GPU; whether it should have one is for the self-test
        except Exception as error:  # see the class
            print(f"deckhand: no GPU telemetry: {error}", file=sys.stderr, flush=True)

    def _look_on(self, nvml: Nvml) -> None:
        whole, minute = Tally(nvml.gpus), Tally(nvml.gpus)
        due = time.monotonic() + METRIC_SECONDS
        while not self._over.wait(self.seconds):
            if self.reporter.status.phase is Phase.RUNNING:
                looks = nvml.look()
                whole.add(looks)
                minute.add(looks)
                self.reporter.add(gpu=whole.use)
            if time.monotonic() >= due:
                self._tell(minute.use)
                minute = Tally(nvml.gpus)
                due = time.monotonic() + METRIC_SECONDS

    def _tell(self, use: GpuUse | None) -> None:
        if use is None or not self.namespace:
            return
        status = self.reporter.status
        milliseconds = int(utc_now().timestamp() * 1000)
        text = metric_line(use, self.namespace, milliseconds, status.run_id, status.attempt)
        print(text, flush=True)


def metrics_of(use: GpuUse) -> dict[str, tuple[float | None, str]]:
    """Metrics by their names, with their units; None for what is not told."""
    return {
        "GpuUtilisation": (use.utilisation, "Percent"),
        "GpuMemoryMiB": (use.memory_mib, "None"),
        "GpuPowerWatts": (use.watts, "None"),
    }


def metric_line(use: GpuUse, namespace: str, milliseconds: int, run_id: str, attempt: int) -> str:
    """A line of the log that CloudWatch makes metrics of; run and attempt are no dimension of them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    known = {name: told for name, told in metrics_of(use).items() if told[0] is not None}
    metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in known.items()]
    about = {"Namespace": namespace, "Dimensions": [["service"]], "Metrics": metrics}
    return json.dumps(
        {
            "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [about]},
            "service": SERVICE,
            "run_id": run_id,
            "attempt": attempt,
            **{name: value for name, (value, _) in known.items()},
        }
    )
