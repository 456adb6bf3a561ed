"""Settings: read strictly, with the name of the variable where something is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deckhand.adapters.settings import Settings
from deckhand.domain.attempt import Market
from deckhand.domain.errors import SettingsError
from deckhand.domain.policy import Policy
from deckhand.domain.price import JobSize

PROFILES = (
    '{"standard": {"spot_queues": ["spot"], "on_demand_queues": ["on-demand"], '
    '"gpus": 1, "vcpus": 4, "memory_mib": 14336}}'
)


def test_the_environment_is_read() -> None:
    env = {
        "RUNS_BUCKET": "runs",
        "SETTLE_SECONDS": "5",
        "SURVEY_AFTER_SECONDS": "120",
        "MISSING_FILES_WAIT_SECONDS": "60",
        "LOSSES_BEFORE_ON_DEMAND": "2",
        "SPOT_SECONDS": "3600",
        "ON_DEMAND_SECONDS": "1800",
        "SPOT_PRICE_PER_HOUR": "0.75",
        "ON_DEMAND_PRICE_PER_HOUR": "2.74",
        "PROFILES": PROFILES,
        "MACHINE_PRICES": '{"p4d.24xlarge": {"spot": 6.1, "on-demand": 22, "gpus": 8}}',
        "SPOT_INSTANCE_TYPES": "p4d.24xlarge,g5.xlarge",
        "JOB_GPUS": "1",
        "JOB_VCPUS": "12",
        "PATH": "/bin",
    }
    settings = Settings.from_env(env, "RUNS_BUCKET")
    assert settings.runs_bucket == "runs"
    assert (settings.settle, settings.missing_files_wait) == (
        timedelta(seconds=5),
        timedelta(seconds=60),
    )
    assert settings.survey_after == timedelta(minutes=2)
    assert settings.policy == Policy(
        losses_before_on_demand=2, spot_seconds=3600, on_demand_seconds=1800
    )
    assert settings.prices.per_hour(Market.SPOT) == 0.75
    assert settings.prices.per_hour(Market.ON_DEMAND) == 2.74
    assert settings.queues == ("spot", "on-demand")
    assert settings.machine_prices["p4d.24xlarge"].per_hour(Market.ON_DEMAND) == 22
    assert settings.instance_types == {
        Market.SPOT: ("p4d.24xlarge", "g5.xlarge"),
        Market.ON_DEMAND: (),
    }
    assert settings.job_size == JobSize(gpus=1, vcpus=12)


def test_what_is_not_set_has_the_products_default() -> None:
    settings = Settings.from_env({"SETTLE_SECONDS": ""})
    assert (settings.settle_seconds, settings.keep_checkpoints, settings.queues) == (30, 3, ())
    assert settings.policy == Policy()
    assert (settings.machine_prices, settings.job_size) == ({}, JobSize(gpus=1))


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({}, "RUNS_BUCKET"),
        ({"RUNS_BUCKET": ""}, "RUNS_BUCKET"),
        ({"RUNS_BUCKET": "r", "SETTLE_SECONDS": "soon"}, "SETTLE_SECONDS"),
        ({"RUNS_BUCKET": "r", "MACHINE_PRICES": "6.1"}, "MACHINE_PRICES"),
        ({"RUNS_BUCKET": "r", "MACHINE_PRICES": '{"g5": {"spto": 1}}'}, "MACHINE_PRICES"),
        ({"RUNS_BUCKET": "r", "KEEP_CHECKPOINTS": "2"}, "KEEP_CHECKPOINTS"),
    ],
)
def test_a_wrong_variable_is_named(env: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env(env, "RUNS_BUCKET")


@pytest.mark.parametrize("text", ["{", "[]", '{"standard": {}}'])
def test_profiles_that_cannot_be_read_are_named(text: str) -> None:
    with pytest.raises(SettingsError, match="PROFILES"):
        _ = Settings(profiles=text).machines


@pytest.mark.parametrize("zone", ["Berlin", "../etc/passwd", "Europe/Nowhere"])
def test_a_time_zone_that_is_none_is_named(zone: str) -> None:
    with pytest.raises(SettingsError, match="TIME_ZONE"):
        _ = Settings(time_zone=zone).policy
    assert Settings(time_zone="Europe/Berlin").policy.hours.zone == "Europe/Berlin"
