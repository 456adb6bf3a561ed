"""What the demo judges by: its comparisons must see each fault that a resume could make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deckhand.adapters.local_cloud import LocalCloud
from deckhand.domain.attempt import Verdict
from deckhand.domain.errors import LocalCloudError
from deckhand.domain.status import Phase, Status
from deckhand.usecases.show_run import RunView
from localcloud import calls
from localcloud.calls import Call, Calls
from localcloud.demo import audit, compare
from localcloud.demo.deck import EXAMPLE, NAME, SHORT, copy_deck, shortened
from localcloud.demo.interruptions import DEFAULT, LATEST, Interruptions, Kind, Moment, choose
from localcloud.demo.losses import Losses
from tests.makers import ADMITTED, RUN, attempt_record, ended_attempt, run_record

LOG = "   Step          Temp     \n" + "".join(f"{n:>10} 1.0\n" for n in (0, 100, 200, 300))
FRAME = "ITEM: TIMESTEP\n{0}\nITEM: NUMBER OF ATOMS\n2\nITEM: ATOMS id x\n1 0.5\n2 0.6\n"
DUMP = "".join(FRAME.format(n) for n in (0, 100, 200, 300))
AVERAGES = "# time\n100 1.0\n200 2.0\n300 3.0\n"
FINAL = "2 atoms\n\nMasses\n\n1 1.0\n\nAtoms # bond\n\n1 0.5\n2 0.6\n"
OUTPUTS = {
    compare.LOG: LOG,
    compare.DUMP: DUMP,
    compare.AVERAGES: AVERAGES,
    compare.FINAL: FINAL,
}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("results", "reference"):
        (tmp_path / name).mkdir()
        for file, text in OUTPUTS.items():
            (tmp_path / name / file).write_text(text)
    return tmp_path / "results", tmp_path / "reference"


def wrong(folders: tuple[Path, Path]) -> set[str]:
    return {finding.question for finding in compare.compare(*folders) if not finding.ok}


def test_equal_outputs_are_found_equal(folders: tuple[Path, Path]) -> None:
    assert wrong(folders) == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "question"),
    [
        (compare.LOG, "       200 1.0\n", "", "every thermo row once"),
        (compare.LOG, "       200 1.0\n", "       200 1.0\n" * 2, "every thermo row once"),
        (compare.LOG, "       300 1.0\n", "", "the last step reached"),
        (compare.DUMP, FRAME.format(200), "", "every dump frame once and whole"),
        (compare.DUMP, FRAME.format(200), FRAME.format(200) * 2, "every dump frame once and whole"),
        (compare.DUMP, "1 0.5\n2 0.6\n", "1 0.5\n", "every dump frame once and whole"),
        (compare.DUMP, "1 0.5\n2 0.6\n", "1 0.5\n1 0.6\n", "every dump frame once and whole"),
        (compare.DUMP, "1 0.5\n2 0.6\n", "1 0.5\n2\n", "every dump frame once and whole"),
        (compare.AVERAGES, "200 2.0\n", "", "every average once"),
        (compare.FINAL, "2 0.6\n", "", "the final structure whole"),
    ],
)
def test_a_fault_is_found(
    folders: tuple[Path, Path], file: str, old: str, new: str, question: str
) -> None:
    assert old in OUTPUTS[file]
    (folders[0] / file).write_text(OUTPUTS[file].replace(old, new, 1))
    assert question in wrong(folders)


def test_other_numbers_in_the_rows_are_no_fault(folders: tuple[Path, Path]) -> None:
    (folders[0] / compare.LOG).write_text(LOG.replace("1.0", "1.1"))
    assert wrong(folders) == set()


@pytest.mark.parametrize("file", OUTPUTS)
def test_a_missing_file_is_a_fault(folders: tuple[Path, Path], file: str) -> None:
    (folders[0] / file).unlink()
    assert wrong(folders)


def test_fast_changes_step_counts_and_nothing_else(tmp_path: Path) -> None:
    ours = (copy_deck(tmp_path / "deck", short=True) / NAME).read_text().splitlines()
    theirs = (EXAMPLE / NAME).read_text().splitlines()
    changed = [line.split() for line, old in zip(ours, theirs, strict=True) if line != old]
    assert [(words[1], int(words[3])) for words in changed] == list(SHORT.items())


def test_a_deck_without_the_variables_cannot_be_shortened() -> None:
    with pytest.raises(ValueError, match="npush"):
        shortened("run 10\n")


def test_the_same_seed_is_the_same_demo() -> None:
    assert choose(None) == DEFAULT
    assert choose(7) == choose(7)
    assert len({choose(seed) for seed in range(50)}) == 50


def test_random_moments_come_before_and_after_checkpoints_but_never_too_late() -> None:
    moments = [moment for seed in range(200) for moment in choose(seed)]
    assert {moment.kind for moment in moments} == set(Kind)
    assert any(moment.seconds for moment in moments)
    assert all(0 <= moment.fraction <= LATEST for moment in moments)


class FakeCloud(LocalCloud):
    """A cloud with one host; `done` is what was done to it."""

    def host_of(self, run_id: str) -> str:
        if run_id != RUN:
            raise LocalCloudError("no host")
        return "i-1"

    def give_spot_notice(self, host: str) -> None:
        self.done.append(f"notice {host}")

    def lose(self, host: str) -> None:
        self.done.append(f"loss {host}")

    @property
    def done(self) -> list[str]:
        return _done


_done: list[str] = []


@pytest.fixture
def cloud(tmp_path: Path) -> FakeCloud:
    _done.clear()
    return FakeCloud(tmp_path, "e", "c", 1, "1", "r")


def look(step: int = 0, written: int = 0, number: int = 1, from_step: int = 0) -> RunView:
    past = tuple(ended_attempt(n, Verdict.INTERRUPTED, reached_step=400) for n in range(1, number))
    status = Status(
        run_id=RUN,
        attempt=number,
        phase=Phase.RUNNING,
        started_at=ADMITTED,
        updated_at=ADMITTED,
        step=step,
        from_step=from_step,
        checkpoints_written=written,
    )
    attempts = (*past, attempt_record(number))
    record = run_record(attempts=attempts, total_steps=1000)
    return RunView(record=record, status=status, checkpoints=(), results={})


def clock_of(*times: float) -> Callable[[], float]:
    remaining = iter(times)
    return lambda: next(remaining)


def test_a_moment_waits_for_its_steps_and_its_checkpoint(cloud: FakeCloud) -> None:
    moments = (Moment(1, Kind.NOTICE, fraction=0.5, checkpoints=1),)
    interruptions = Interruptions(cloud, moments)
    for view in (look(400, 1), look(600, 0)):
        assert list(interruptions.after_look(view)) == []
    assert len(list(interruptions.after_look(look(600, 1)))) == 1
    assert list(interruptions.after_look(look(700, 1))) == []
    assert cloud.done == ["notice i-1"]


def test_a_fraction_is_of_the_steps_an_attempt_has_before_it(cloud: FakeCloud) -> None:
    interruptions = Interruptions(cloud, (Moment(2, Kind.LOSS, fraction=0.5),))
    assert list(interruptions.after_look(look(690, number=2, from_step=400))) == []
    assert len(list(interruptions.after_look(look(700, number=2, from_step=400)))) == 1
    assert cloud.done == ["loss i-1"]


def test_seconds_count_from_the_start_of_the_machine(cloud: FakeCloud) -> None:
    moments = (Moment(1, Kind.LOSS, seconds=3.0),)
    interruptions = Interruptions(cloud, moments, clock_of(10.0, 12.9, 13.0))
    assert list(interruptions.after_look(look())) == []
    assert list(interruptions.after_look(look())) == []
    assert len(list(interruptions.after_look(look()))) == 1


def test_a_loss_lasts_until_the_run_is_past_the_step_again() -> None:
    losses = Losses(clock_of(1.0, 5.0, 6.0, 7.0))
    for view in (look(390), look(300, number=2), look(400, number=2), look(450, number=2)):
        losses.after_look(view)
    record = look(450, number=2, from_step=250).record
    record = record.model_copy(
        update={"attempts": (record.attempts[0], attempt_record(2, from_step=250))}
    )
    (loss,) = losses.of(record, {1: 2.0})
    assert (loss.step, loss.resumed, loss.steps, loss.seconds) == (400, 250, 400, 5.0)


def test_an_attempt_that_never_reported_lost_nothing_it_had_not_been_given() -> None:
    losses = Losses(clock_of(1.0, 2.0))
    for view in (look(350, number=3, from_step=350), look(380, number=3, from_step=350)):
        losses.after_look(view)
    begun = attempt_record(2, resumed_from="000000000350-a1")
    silent = begun.model_copy(update={"verdict": Verdict.INTERRUPTED})
    third = attempt_record(3, resumed_from="000000000350-a1")
    record = run_record(attempts=(silent, third))
    (loss,) = losses.of(record, {2: 0.5})
    assert (loss.step, loss.resumed, loss.steps, loss.seconds) == (350, 350, 0, 1.5)


def test_a_call_that_a_policy_refused_is_seen(tmp_path: Path) -> None:
    made = Calls(tmp_path / calls.FILE)
    assert not audit.unrefused(tmp_path).ok, "a demo without a call proves nothing"
    made.note(Call("JobRole/one", "s3:GetObject", "arn:aws:s3:::runs/a"))
    assert audit.unrefused(tmp_path).ok
    made.note(Call("JobRole/one", "s3:DeleteObject", "arn:aws:s3:::runs/a", allowed=False))
    finding = audit.unrefused(tmp_path)
    assert not finding.ok
    assert finding.detail == "JobRole/one: s3:DeleteObject"
