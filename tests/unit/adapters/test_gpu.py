"""The real binding of NVML on a library that stands in for a driver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from deckhand.adapters import gpu
from deckhand.adapters.gpu import Nvml, narrowed
from deckhand.domain.errors import GpuError
from tests.conftest import ROOT
from tests.nvml import FakeDriver, make_driver

LOOK = """
import json
from deckhand.adapters.gpu import Nvml
with Nvml() as nvml:
    looks = [look.model_dump() for look in nvml.look()]
    told = {"driver": nvml.driver.model_dump(), "looks": looks}
    print(json.dumps({**told, "gpus": [gpu.uuid for gpu in nvml.gpus]}))
"""
UUIDS = ["GPU-aa11", "GPU-aa22", "GPU-bb33"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> FakeDriver:
    return make_driver(tmp_path_factory.mktemp("driver"))


def seen(driver: FakeDriver, **environment: str) -> Any:
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "layers/core"),
        **driver.environment(),
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-c", LOOK], env=given, capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)


def test_what_a_gpu_tells(driver: FakeDriver) -> None:
    driver.tell(count=1, reasons=0x40 | 0x80 | 0x04 | 0x01)
    told = seen(driver)
    assert told["driver"] == {"version": "570.86.15", "cuda": [12, 8]}
    assert told["looks"] == [
        {
            "utilisation": 30.0,
            "memory_mib": 2048,
            "watts": 150.0,
            "joules": 5000.0,
            "celsius": 61,
            "throttled": ["heat (hardware)", "power brake"],
            "uncorrected_errors": 0,
        }
    ]


@pytest.mark.parametrize(
    ("figure", "field", "nothing"),
    [
        ("utilisation", "utilisation", None),
        ("milliwatts", "watts", None),
        ("millijoules", "joules", None),
        ("celsius", "celsius", None),
        ("reasons", "throttled", []),
        ("uncorrected", "uncorrected_errors", None),
    ],
)
def test_a_figure_that_a_gpu_does_not_have(
    driver: FakeDriver, figure: str, field: str, nothing: object
) -> None:
    kept = driver.figures[figure]
    driver.tell(**{figure: None})
    told = seen(driver)
    driver.tell(**{figure: kept})
    assert told["looks"][0][field] == nothing
    assert len(told["gpus"]) == 1


def test_cuda_visible_devices_narrows_what_the_container_was_given(driver: FakeDriver) -> None:
    driver.tell(count=4)
    told = seen(driver, CUDA_VISIBLE_DEVICES="2,GPU-00000000")
    driver.tell(count=1)
    assert told["gpus"] == ["GPU-00000002-0000", "GPU-00000000-0000"]
    assert len(told["looks"]) == 2


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("1", [1]),
        ("2,0", [2, 0]),
        ("0,7,1", [0]),
        ("0,0", [0]),
        ("GPU-bb", [2]),
        ("GPU-aa", []),  # of two
        ("GPU-aa22, 0", [1, 0]),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(asked: str | None, kept: list[int]) -> None:
    assert narrowed(UUIDS, asked) == kept


def test_a_machine_without_the_binding_has_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(gpu, "import_module", missing)
    with pytest.raises(GpuError, match="nvidia-ml-py is not installed"), Nvml():
        pass
