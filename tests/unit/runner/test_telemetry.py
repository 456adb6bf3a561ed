"""Looks at GPUs: when they are made, what is told, and that no trouble of theirs is a run's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Self

import pytest

from deckhand.domain.gpu import Gpu, GpuSample, GpuUse
from deckhand.domain.status import Phase, Status
from deckhand.runner import telemetry
from deckhand.runner.report import Reporter
from deckhand.runner.telemetry import Telemetry, metric_line
from tests.fakes import FakeBucket
from tests.makers import ADMITTED, RUN

PATIENCE_SECONDS = 20


class Driver:
    """NVML with one GPU that is as busy as a test wants."""

    gpus = (Gpu(uuid="GPU-0", name="A100", capability=(8, 0), memory_mib=40960),)
    looks = 0
    trouble: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def look(self) -> tuple[GpuSample, ...]:
        if self.trouble:
            raise self.trouble
        self.looks += 1
        return (GpuSample(utilisation=55.0, memory_mib=2000, watts=None),)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    monkeypatch.setattr(telemetry, "Nvml", lambda: made)
    monkeypatch.setattr(telemetry, "METRIC_SECONDS", 0.05)
    return made


@pytest.fixture
def reporter() -> Reporter:
    status = Status(
        run_id=RUN, attempt=2, phase=Phase.FETCHING, started_at=ADMITTED, updated_at=ADMITTED
    )
    return Reporter(FakeBucket(), status, seconds=60.0)


def wait_until(seen: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not seen():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_gpus_are_looked_at_only_while_lammps_runs(driver: Driver, reporter: Reporter) -> None:
    watching = Telemetry(reporter, 0.01)
    watching.start()
    time.sleep(0.1)
    assert (driver.looks, reporter.status.gpu) == (0, None)
    reporter.add(phase=Phase.RUNNING)
    wait_until(lambda: reporter.status.gpu is not None and reporter.status.gpu.samples >= 3)
    reporter.add(phase=Phase.STOPPING)
    time.sleep(0.1)
    looks = driver.looks
    time.sleep(0.1)
    watching.close()
    assert driver.looks == looks
    use = reporter.status.gpu
    assert use is not None
    assert (use.utilisation, use.watts) == (55.0, None)
    assert reporter.status.updated_at == ADMITTED, "a GPU is no sign of life of a simulation"


def test_a_minute_is_told_to_cloudwatch_in_the_namespace_of_the_stack(
    driver: Driver, reporter: Reporter, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter.add(phase=Phase.RUNNING)
    watching = Telemetry(reporter, 0.01, "Deckhand/lab")
    watching.start()
    told: list[str] = []
    wait_until(lambda: bool(told.append(capsys.readouterr().out) or "".join(told).count("\n") > 1))
    watching.close()
    line = json.loads("".join(told).splitlines()[0])
    [about] = line["_aws"]["CloudWatchMetrics"]
    assert (about["Namespace"], about["Dimensions"]) == ("Deckhand/lab", [["service"]])
    assert [metric["Name"] for metric in about["Metrics"]] == ["GpuUtilisation", "GpuMemoryMiB"]
    assert (line["service"], line["GpuUtilisation"], line["run_id"]) == ("runner", 55.0, RUN)


def test_a_driver_that_fails_is_told_once_and_stops_nothing(
    driver: Driver, reporter: Reporter, capsys: pytest.CaptureFixture[str]
) -> None:
    driver.trouble = RuntimeError("fell off the bus")
    reporter.add(phase=Phase.RUNNING)
    watching = Telemetry(reporter, 0.01, "Deckhand/lab")
    watching.start()
    said: list[str] = []
    wait_until(lambda: bool(said.append(capsys.readouterr().err) or "bus" in "".join(said)))
    watching.close()
    assert reporter.status.gpu is None


def test_a_line_is_what_the_embedded_metric_format_wants() -> None:
    use = GpuUse(name="A100", gpus=1, samples=6, utilisation=81.5, memory_mib=9000, watts=251.0)
    line: dict[str, Any] = json.loads(metric_line(use, "Deckhand/lab", 1_795_000_000_000, RUN, 3))
    [about] = line["_aws"]["CloudWatchMetrics"]
    for metric in about["Metrics"]:
        assert isinstance(line[metric["Name"]], int | float)
        assert metric["Unit"] in ("Percent", "None")
    for dimension in about["Dimensions"][0]:
        assert isinstance(line[dimension], str)
    assert line["_aws"]["Timestamp"] == 1_795_000_000_000
    assert "\n" not in metric_line(use, "Deckhand/lab", 1, RUN, 3)
