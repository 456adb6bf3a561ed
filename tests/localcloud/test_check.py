"""Dry runs that are too much for the function: a job makes them before a GPU is paid for."""

from __future__ import annotations

from typing import Any, Final

import pytest

from deckhand.domain import keys
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import Run, RunState
from tests.localcloud.conftest import PARAMETERS, Deployed, wait_for
from tests.localcloud.drops import LINE_OF, SOUND, STEPS, changed

SECONDS: Final = int(PARAMETERS["DryRunSeconds"]) + 4
"""Longer than the function may take, and shorter than the job may."""

WAIT: Final = f"""variable began timer
label again
variable now timer
variable t equal v_now-v_began
if "${{t}} < {SECONDS}" then "jump SELF again"
""".encode()
WRONG: Final = changed("pair_coeff", "pair_coeff 1 3 1.0 1.0")
LARGE: Final = b"\0" * (65 * 2**20)
"""More than the function fetches of one file."""

DROPS: Final = {
    "slow": {"slow/in.melt": WAIT + SOUND},
    "slow and wrong": {"slow and wrong/in.melt": WAIT + WRONG},
    "large": {"large/in.melt": SOUND, "large/table.bin": LARGE},
    "large and wrong": {"large and wrong/in.melt": WRONG, "large and wrong/table.bin": LARGE},
}


@pytest.fixture(scope="module")
def runs(deployed: Deployed) -> dict[str, RunRecord]:
    """One run of each drop, closed."""
    deployed.put_all({key: files[key] for key in reversed(files)} for files in DROPS.values())
    return {name: deployed.closed(f"{name}/in.melt") for name in DROPS}


def jobs(stack: Deployed, record: RunRecord) -> list[dict[str, Any]]:
    return [job for job in stack.cloud.jobs() if job["name"] == f"{record.run_id}-check"]


@pytest.mark.parametrize("name", DROPS)
def test_one_job_has_made_the_dry_run(
    deployed: Deployed, runs: dict[str, RunRecord], name: str
) -> None:
    [job] = jobs(deployed, runs[name])
    assert job["status"] == "SUCCEEDED", job
    assert job["tags"]["run"] == runs[name].run_id
    assert "CheckQueue" in job["queue"]


@pytest.mark.parametrize("name", ["slow", "large"])
def test_what_the_job_has_proven_is_known_of_the_run(
    deployed: Deployed, runs: dict[str, RunRecord], name: str
) -> None:
    assert runs[name].state is RunState.COMPLETED, runs[name].reason
    run = Run.model_validate_json(deployed.runs.read(keys.run_record(runs[name].run_id)) or b"")
    assert (run.total_steps, run.atoms, run.dry_run) == (STEPS, 108, "")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("slow and wrong", LINE_OF["pair_coeff"] + len(WAIT.splitlines())),
        ("large and wrong", LINE_OF["pair_coeff"]),
    ],
)
def test_what_the_job_finds_wrong_is_told_before_an_attempt(
    deployed: Deployed, runs: dict[str, RunRecord], name: str, line: int
) -> None:
    record = runs[name]
    assert (record.state, record.attempts) == (RunState.REJECTED, ())
    [mail] = deployed.mails(record.run_id)
    body = " ".join(str(mail.get_content()).split())
    assert f"in.melt, line {line}: LAMMPS says: Numeric index 3 is out of bounds" in body


def test_a_run_that_is_stopped_meanwhile_ends_with_its_job(deployed: Deployed) -> None:
    deployed.put_all([{"stopped-in-check/in.melt": WAIT + SOUND}])
    record = deployed.run_of("stopped-in-check/in.melt")
    wait_for("its job", lambda: jobs(deployed, record))
    shown = deployed.deckhand("show", record.run_id)
    assert "is carried through LAMMPS on a machine of its own" in shown
    deployed.deckhand("stop", record.run_id)
    assert deployed.closed("stopped-in-check/in.melt").state is RunState.CANCELLED
    wait_for("its job's end", lambda: [j["status"] for j in jobs(deployed, record)] == ["FAILED"])
    assert deployed.runs.read(keys.run_record(record.run_id)) is None
