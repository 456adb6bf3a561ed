"""The check: taken, waited for, or refused with a reason; never paid for before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from deckhand.domain import keys
from deckhand.domain.accelerator import Acceleration, Accelerator
from deckhand.domain.attempt import Market
from deckhand.domain.check import CheckAnswer, CheckOrder, read_order
from deckhand.domain.deck import Problem, Severity
from deckhand.domain.errors import LedgerError, StorageError
from deckhand.domain.ledger import Wish
from deckhand.domain.options import Purchase
from deckhand.domain.parts import MIB
from deckhand.domain.projection import NO_STEPS, NOT_MEASURED, Projection
from deckhand.domain.run import Bound, CheckReport, Contract, DryRun, Run, RunState, Stage
from deckhand.domain.sweep import read_sweep, run_of
from deckhand.usecases.admit_drop import AdmitDrop, Notification
from deckhand.usecases.check_deck import CheckDeck, Checked, Decision
from deckhand.usecases.forecast_run import Projector
from deckhand.usecases.order_check import JobEnded
from deckhand.usecases.unpack_archive import Limits
from tests.conftest import NOW
from tests.fakes import (
    FakeBucket,
    FakeDryRunner,
    FakeExecutions,
    FakeLedger,
    FakePace,
    FakePreflight,
    FakeQueue,
)
from tests.makers import PROFILES
from tests.unit.usecases.test_unpack_archive import Pack, packed_tar, packed_zip

WAIT = timedelta(seconds=900)
GOOD = CheckReport(
    contract=Contract.EXACT, stages=(Stage(kind="run", steps=1000, file="in.melt", line=9),)
)

LOOPED = DryRun(
    stages=tuple(Stage(kind="run", steps=500, file="in.melt", line=9) for _ in range(3)),
    total_steps=1500,
    atoms=4000,
    checkpoint_bytes=480_000,
)


def problem(message: str, line: int = 3, severity: Severity = Severity.ERROR) -> Problem:
    return Problem(severity=severity, file="in.melt", line=line, message=message)


@dataclass
class World:
    inbox: FakeBucket = field(default_factory=lambda: FakeBucket("inbox"))
    runs: FakeBucket = field(default_factory=lambda: FakeBucket("runs"))
    ledger: FakeLedger = field(default_factory=FakeLedger)
    preflight: FakePreflight = field(default_factory=lambda: FakePreflight(GOOD))
    dry_run: FakeDryRunner = field(default_factory=lambda: FakeDryRunner(LOOPED))
    limits: Limits = field(default_factory=Limits)
    cap: float | None = None
    project: Projector | None = None

    def upload(self, files: dict[str, bytes], age: int = 60) -> None:
        self.inbox.clock = lambda: NOW - timedelta(seconds=age)
        for key, body in files.items():
            self.inbox.write(key, body)

    def admit(self, drop: str) -> str:
        """Admit *drop* at NOW, as admit_drop does."""
        executions = FakeExecutions()
        settle = timedelta(seconds=30)
        admit = AdmitDrop(
            self.inbox, self.runs, self.ledger, executions, FakeQueue(), settle, FakePace()
        )
        [admission] = admit([Notification("m", drop=drop)], NOW)
        assert admission.run_id, admission
        return admission.run_id

    def check(
        self,
        run_id: str,
        at: datetime = NOW,
        left: timedelta = timedelta(hours=1),
        ended: JobEnded | None = None,
    ) -> Checked:
        checks = self.preflight, self.dry_run
        rooms = self.inbox, self.runs, self.ledger
        terms = WAIT, PROFILES, self.cap, self.limits, self.project
        check = CheckDeck(*rooms, *checks, *terms)
        return check(run_id, at, lambda: left, ended)

    def order(self, run_id: str, checked: Checked) -> CheckOrder:
        assert checked.job is not None, checked
        key = keys.check_order(run_id, checked.job.check_id)
        return read_order(self.runs.read(key), key)

    def answer(self, run_id: str, checked: Checked, found: DryRun) -> None:
        """What the job writes that *checked* has asked for."""
        check_id = self.order(run_id, checked).check_id
        answer = CheckAnswer(run_id=run_id, check_id=check_id, dry_run=found)
        key = keys.check_answer(run_id, check_id)
        assert self.runs.create(key, answer.model_dump_json().encode())

    def frozen(self, run_id: str) -> Run:
        return Run.model_validate_json(self.runs.read(keys.run_record(run_id)) or b"")


@pytest.fixture
def world() -> World:
    return World()


def dropped(world: World, files: dict[str, bytes], drop: str = "inbox/melt/") -> str:
    world.upload({f"{drop}{path}": body for path, body in files.items()})
    return world.admit(drop)


def test_a_good_drop_is_frozen_with_the_sha256_of_each_file(world: World) -> None:
    files = {"in.melt": b"run 1000\n", "sub/Prüfung 50%+.dat": b"1 2 3\n" * 999}
    run_id = dropped(world, files)
    checked = world.check(run_id)
    assert checked.decision is Decision.ACCEPTED
    run = world.frozen(run_id)
    assert {item.path: item.sha256 for item in run.inputs} == {
        path: hashlib.sha256(body).hexdigest() for path, body in files.items()
    }
    assert {path: world.runs.read(keys.deck(run_id, path)) for path in files} == files
    assert (run.deck, run.total_steps, run.contract) == ("in.melt", 1500, Contract.EXACT)
    record = world.ledger.runs[run_id]
    assert (record.state, record.deck, record.total_steps) == (RunState.RUNNING, "in.melt", 1500)


def test_a_deck_is_read_and_carried_with_the_variables_of_run_yaml(world: World) -> None:
    run_yaml = b"variables: {T: [1.0, 1.1], name: a b}\n"
    world.check(dropped(world, {"in.melt": b"run 1000\n", "run.yaml": run_yaml}))
    expected = {"T": (1.0, 1.1), "name": "a b"}
    assert world.preflight.variables == world.dry_run.variables == expected


def test_run_json_is_written_after_every_input(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n", "data.txt": b"x"})
    world.check(run_id)
    assert world.runs.journal[-1] == ("write", keys.run_record(run_id))


def test_a_single_file_is_a_deck(world: World) -> None:
    world.upload({"inbox/in.melt": b"run 1\n"})
    run_id = world.admit("inbox/in.melt")
    assert world.check(run_id).decision is Decision.ACCEPTED
    assert world.frozen(run_id).deck == "in.melt"


def test_a_second_check_of_an_accepted_run_only_says_so(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    first = world.check(run_id)
    written = list(world.runs.journal)
    world.inbox.delete(["inbox/melt/in.melt"])
    assert world.check(run_id) == first
    assert world.runs.journal == written


def test_a_check_that_died_half_way_is_done_again(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.runs.write(keys.deck(run_id, "in.melt"), b"torn")
    assert world.check(run_id).decision is Decision.ACCEPTED
    assert world.runs.read(keys.deck(run_id, "in.melt")) == b"run 1\n"


def test_missing_files_are_waited_for_and_then_named(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"read_data data.txt\n"})
    world.preflight.report = CheckReport(
        contract=Contract.EXACT, missing=(problem("reads data.txt, which is not in the drop", 7),)
    )
    waiting = world.check(run_id, NOW + timedelta(seconds=899))
    assert waiting.decision is Decision.INCOMPLETE
    assert world.ledger.runs[run_id].state is RunState.WAITING
    late = world.check(run_id, NOW + WAIT)
    assert late.decision is Decision.REJECTED
    assert "in.melt, line 7: reads data.txt" in late.reason
    assert world.runs.read(keys.run_record(run_id)) is None


def test_a_file_that_arrives_while_waiting_is_taken_along(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"read_data data.txt\n"})
    world.upload({"inbox/melt/data.txt": b"atoms"})
    assert world.check(run_id).decision is Decision.ACCEPTED
    assert world.preflight.seen == {"in.melt": 19, "data.txt": 5}
    assert [item.path for item in world.frozen(run_id).inputs] == ["data.txt", "in.melt"]


def test_a_data_file_that_was_replaced_is_taken_in_its_new_version(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n", "data.txt": b"old"})
    world.upload({"inbox/melt/data.txt": b"new"})
    world.check(run_id)
    assert world.runs.read(keys.deck(run_id, "data.txt")) == b"new"


@pytest.mark.parametrize("name", ["in.melt", "run.yaml", "in.second"])
def test_a_later_deck_supersedes_the_run(world: World, name: str) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.upload({f"inbox/melt/{name}": b"deck: in.melt\n"})
    checked = world.check(run_id)
    assert checked.decision is Decision.REJECTED
    assert checked.reason.startswith("superseded by a later upload")
    assert world.admit("inbox/melt/") != run_id


def test_a_deck_that_was_deleted_is_withdrawn(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n", "data.txt": b"x"})
    world.inbox.delete(["inbox/melt/in.melt"])
    checked = world.check(run_id)
    assert (checked.decision, "withdrawn" in checked.reason) == (Decision.REJECTED, True)


def test_problems_are_listed_with_file_and_line(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.preflight.report = CheckReport(
        contract=Contract.EXACT,
        problems=(
            problem("unknown pair style lj/cutt. Did you mean lj/cut?", 4),
            problem("only a remark", 5, Severity.WARNING),
        ),
    )
    checked = world.check(run_id)
    assert checked.decision is Decision.REJECTED
    assert "- in.melt, line 4: unknown pair style lj/cutt" in checked.reason
    assert "remark" not in checked.reason


def test_the_dry_run_counts_what_reading_cannot(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 500\n"})
    checked = world.check(run_id)
    run = world.frozen(run_id)
    assert (run.stages, run.atoms, run.checkpoint_bytes) == (LOOPED.stages, 4000, 480_000)
    assert run.dry_run == ""
    assert checked.reason == ("in.melt can be run, 1,500 steps, 4,000 atoms; a resume is exact.")


def test_what_the_dry_run_finds_wrong_rejects(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.dry_run.found = DryRun(problem=problem("LAMMPS says: Incorrect args.", 4))
    checked = world.check(run_id)
    assert checked.decision is Decision.REJECTED
    assert checked.reason == (
        "in.melt cannot be run:\n- in.melt, line 4: LAMMPS says: Incorrect args."
    )
    assert world.runs.read(keys.run_record(run_id)) is None


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (DryRun(ended=False, total_steps=7), "given up when its time was over"),
        (DryRun(trouble="there is no lmp."), "did not come to its end: there is no lmp."),
    ],
)
def test_a_dry_run_that_tells_little_leaves_it_to_what_was_read(
    world: World, found: DryRun, says: str
) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.dry_run.found = found
    checked = world.check(run_id)
    assert checked.decision is Decision.ACCEPTED
    assert says in checked.reason
    assert says in world.frozen(run_id).dry_run
    assert world.frozen(run_id).total_steps == GOOD.total_steps
    assert world.check(run_id) == checked


OVER = DryRun(ended=False, bound=Bound.TIME)
VARIED = {"in.melt": b"run 1\n", "run.yaml": b"owner: ada\nvariables: {T: 1.5}\n"}


@pytest.mark.parametrize("bound", Bound)
def test_what_a_function_cannot_carry_is_ordered_of_a_job(world: World, bound: Bound) -> None:
    world.dry_run.found = DryRun(trouble="too small.", bound=bound)
    run_id = dropped(world, VARIED)
    checked = world.check(run_id)
    assert (checked.decision, checked.state) == (Decision.DRY_RUN, RunState.CHECKING)
    assert checked.job is not None
    assert checked.job.share == "ada"
    order = world.order(run_id, checked)
    assert (order.deck, order.variables) == ("in.melt", {"T": 1.5})
    assert order.inputs[0].sha256 == hashlib.sha256(b"run 1\n").hexdigest()
    assert world.runs.read(keys.deck(run_id, "in.melt")) == b"run 1\n"
    assert world.runs.read(keys.run_record(run_id)) is None
    record = world.ledger.runs[run_id]
    assert (record.state, record.reason) == (RunState.CHECKING, checked.reason)


def test_an_execution_that_died_meanwhile_is_followed_by_the_same_order(world: World) -> None:
    world.dry_run.found = OVER
    run_id = dropped(world, VARIED)
    checked = world.check(run_id)
    assert world.check(run_id) == checked
    assert world.dry_run.asked == 1


def test_what_the_job_finds_wrong_rejects(world: World) -> None:
    world.dry_run.found = OVER
    run_id = dropped(world, VARIED)
    found = DryRun(problem=problem("LAMMPS says: Incorrect args.", 4))
    world.answer(run_id, world.check(run_id), found)
    checked = world.check(run_id, ended=JobEnded())
    assert checked.decision is Decision.REJECTED
    assert checked.reason.endswith("- in.melt, line 4: LAMMPS says: Incorrect args.")
    assert world.runs.read(keys.run_record(run_id)) is None


def test_what_the_job_has_carried_to_its_end_is_as_good_as_any(world: World) -> None:
    world.dry_run.found = OVER
    run_id = dropped(world, VARIED)
    world.answer(run_id, world.check(run_id), LOOPED)
    checked = world.check(run_id, ended=JobEnded())
    assert checked.decision is Decision.ACCEPTED
    run = world.frozen(run_id)
    assert (run.total_steps, run.atoms, run.dry_run) == (1500, 4000, "")
    assert {item.path for item in run.inputs} == {"in.melt", "run.yaml"}
    assert world.ledger.runs[run_id].reason == ""


def test_a_job_whose_end_was_lost_has_its_answer_read(world: World) -> None:
    world.dry_run.found = OVER
    run_id = dropped(world, VARIED)
    world.answer(run_id, world.check(run_id), LOOPED)
    lost = JobEnded(error="States.Timeout")
    assert world.check(run_id, ended=lost).decision is Decision.ACCEPTED
    assert world.frozen(run_id).dry_run == ""


def test_what_no_machine_can_prove_is_accepted_and_said(world: World) -> None:
    world.dry_run.found = OVER
    run_id = dropped(world, VARIED)
    world.answer(run_id, world.check(run_id), OVER)
    checked = world.check(run_id, ended=JobEnded())
    said = (
        "Also on a machine of its own: The dry run was given up when its time was over. "
        "The deck is accepted without this evidence."
    )
    assert checked.decision is Decision.ACCEPTED
    assert said in checked.reason
    assert world.frozen(run_id).dry_run == said


KILLED = json.dumps(
    {
        "JobId": "j",
        "Status": "FAILED",
        "Container": {"ExitCode": 137, "Reason": "OutOfMemoryError: Container killed"},
    }
)


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (JobEnded(), "ended and left no answer"),
        (JobEnded("States.TaskFailed", KILLED), "needs more memory than the machine gives it"),
        (JobEnded("Batch.ClientException", "no such queue"), "refused the job: no such queue"),
        (JobEnded("States.Timeout"), "States.Timeout"),
    ],
)
def test_a_job_without_an_answer_does_not_hold_a_deck_up(
    world: World, ended: JobEnded, says: str
) -> None:
    world.dry_run.found = OVER
    run_id = dropped(world, VARIED)
    world.check(run_id)
    checked = world.check(run_id, ended=ended)
    assert checked.decision is Decision.ACCEPTED
    assert says in checked.reason
    assert "The deck is accepted without this evidence." in checked.reason


def test_a_file_that_changed_meanwhile_makes_another_order(world: World) -> None:
    world.dry_run.found = OVER
    run_id = dropped(world, {**VARIED, "a.dat": b"1\n"})
    first = world.check(run_id)
    world.answer(run_id, first, LOOPED)
    world.upload({"inbox/melt/a.dat": b"2\n"})
    second = world.check(run_id, ended=JobEnded())
    assert second.decision is Decision.DRY_RUN
    assert second.job != first.job
    assert world.runs.read(keys.deck(run_id, "a.dat")) == b"2\n"


def test_a_run_that_is_stopped_while_a_job_checks_it_is_over(world: World) -> None:
    world.dry_run.found = OVER
    run_id = dropped(world, VARIED)
    world.answer(run_id, world.check(run_id), LOOPED)
    world.ledger.express(run_id, Wish.STOP, NOW)
    assert world.check(run_id).state is RunState.CANCELLED


def test_a_sweep_is_carried_by_a_job_with_the_variables_of_its_first_point(world: World) -> None:
    world.dry_run.found = OVER
    sweep = b"sweep: {T: [0.5, 1.0]}\n"
    run_id = dropped(world, {"in.melt": b"run 500\n", "run.yaml": sweep})
    checked = world.check(run_id)
    assert world.order(run_id, checked).variables == {"T": 0.5}
    world.answer(run_id, checked, LOOPED)
    assert world.check(run_id, ended=JobEnded()).decision is Decision.SWEEP
    points = read_sweep(world.runs.read(keys.sweep(run_id)), run_id).points
    assert [point.total_steps for point in points] == [1500, 1500]


def test_nothing_is_dry_run_that_is_refused_or_not_complete(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.preflight.report = CheckReport(contract=Contract.EXACT, problems=(problem("wrong"),))
    assert world.check(run_id).decision is Decision.REJECTED
    world.preflight.report = CheckReport(contract=Contract.EXACT, missing=(problem("lacks"),))
    assert world.check(run_id).decision is Decision.INCOMPLETE
    assert world.dry_run.asked == 0


@pytest.mark.parametrize("limits", [Limits(local_file=100), Limits(local_total=200)])
def test_a_drop_that_is_not_here_as_a_whole_is_a_job_s(world: World, limits: Limits) -> None:
    world.limits = limits
    run_id = dropped(world, {"in.melt": b"run 1\n", "a.dat": b"y" * 150, "b.dat": b"z" * 150})
    checked = world.check(run_id)
    assert (checked.decision, world.dry_run.asked) == (Decision.DRY_RUN, 0)
    assert "it reads no drop of more than" in checked.reason
    assert len(world.order(run_id, checked).inputs) == 3


def test_a_hundred_problems_are_cut_short(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    problems = tuple(problem("wrong", line) for line in range(1, 101))
    world.preflight.report = CheckReport(contract=Contract.EXACT, problems=problems)
    assert world.check(run_id).reason.endswith("- and 80 more")


def test_a_deck_that_cannot_be_resumed_is_refused_aloud(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    remark = problem("fix x keeps state that no restart file holds", 4, Severity.WARNING)
    world.preflight.report = CheckReport(contract=Contract.REFUSED, problems=(remark,))
    checked = world.check(run_id)
    assert checked.decision is Decision.REJECTED
    assert "no restart file holds" in checked.reason


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\x7fELF\0\0", "binary"),
        (b"\x1f\x8b\x08packed", "line 1 has the byte 0x1f"),
        ("run 1\n".encode("utf-16"), "UTF-16"),
        (b"units lj\n# \x1b[1m\n", "line 2 has the byte 0x1b"),
        (b" \n\t\n", "empty"),
        (b"#" * (16 * MIB + 1), "is the most an input script may have"),
    ],
)
def test_what_lammps_could_not_read_is_refused(world: World, body: bytes, says: str) -> None:
    checked = world.check(dropped(world, {"in.melt": body}))
    assert checked.decision is Decision.REJECTED
    assert says in checked.reason


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252"])
def test_comments_may_have_any_letters(world: World, encoding: str) -> None:
    text = "# Länge in Å,\ttime in µs\f\r\nrun 1\r\n"
    checked = world.check(dropped(world, {"in.melt": text.encode(encoding)}))
    assert checked.decision is Decision.ACCEPTED
    assert world.preflight.text == text


def test_an_accepted_run_knows_its_accelerator(world: World) -> None:
    kokkos = Acceleration(accelerator=Accelerator.KOKKOS, why="Because.", on_host=("fix x",))
    world.preflight = FakePreflight(GOOD.model_copy(update={"acceleration": kokkos}))
    run_id = dropped(world, {"in.melt": b"run 1\n", "run.yaml": b"accelerator: gpu\n"})
    world.check(run_id)
    assert world.frozen(run_id).acceleration == kokkos
    assert world.preflight.accelerator is Accelerator.GPU
    wrong = dropped(world, {"in.a": b"run 1\n", "run.yaml": b"accelerator: cuda\n"}, "inbox/w/")
    assert "accelerator" in world.check(wrong).reason


def test_run_yaml_is_read_and_a_wrong_key_is_named(world: World) -> None:
    files = {"in.a": b"run 1\n", "in.b": b"run 2\n", "run.yaml": b"deck: in.b\n"}
    run_id = dropped(world, files)
    world.check(run_id)
    assert (world.frozen(run_id).deck, world.frozen(run_id).options.deck) == ("in.b", "in.b")
    wrong = dropped(world, {"in.a": b"run 1\n", "run.yaml": b"dek: in.a\n"}, "inbox/wrong/")
    assert "Did you mean `deck`?" in world.check(wrong).reason


def test_two_decks_are_refused_by_name(world: World) -> None:
    run_id = dropped(world, {"in.a": b"run 1\n", "in.b": b"run 1\n"})
    assert "in.a, in.b" in world.check(run_id).reason


@pytest.mark.parametrize("pack", [packed_zip, packed_tar])
@pytest.mark.parametrize("folder", ["", "melt/"])
def test_an_archive_is_unpacked_and_its_members_frozen(
    world: World, pack: Pack, folder: str
) -> None:
    files = {"in.melt": b"run 1\n", "sub/data.txt": b"atoms", "run.yaml": b"deck: in.melt\n"}
    packed, name = pack({f"{folder}{path}": body for path, body in files.items()})
    world.upload({f"inbox/{name}": packed})
    run_id = world.admit(f"inbox/{name}")
    assert world.check(run_id).decision is Decision.ACCEPTED
    run = world.frozen(run_id)
    assert {item.path for item in run.inputs} == set(files)
    assert run.options.deck == "in.melt"
    assert {path: world.runs.read(keys.deck(run_id, path)) for path in files} == files
    assert run.inputs[0].sha256 == hashlib.sha256(b"run 1\n").hexdigest()


def test_an_archive_in_a_folder_is_unpacked_beside_the_other_files(world: World) -> None:
    packed, name = packed_zip({"in.melt": b"run 1\n"})
    run_id = dropped(world, {name: packed, "big.dat": b"x"})
    world.check(run_id)
    assert [item.path for item in world.frozen(run_id).inputs] == ["big.dat", "in.melt"]


def test_an_archive_beside_a_deck_is_a_file_like_others(world: World) -> None:
    packed, name = packed_zip({"in.other": b"run 1\n"})
    run_id = dropped(world, {name: packed, "in.melt": b"run 1\n"})
    world.check(run_id)
    assert [item.path for item in world.frozen(run_id).inputs] == ["deck.zip", "in.melt"]


def test_two_archives_are_refused_by_name(world: World) -> None:
    packed, _ = packed_zip({"in.melt": b"run 1\n"})
    run_id = dropped(world, {"a.zip": packed, "b.zip": packed})
    assert "a.zip, b.zip" in world.check(run_id).reason


def test_an_archive_that_is_too_large_is_refused_unread(world: World) -> None:
    packed, name = packed_zip({"in.melt": b"run 1\n"})
    world.limits = Limits(archive=10)
    run_id = dropped(world, {name: packed})
    assert "10 is the most" in world.check(run_id).reason


def test_a_hostile_archive_is_refused(world: World) -> None:
    packed, name = packed_tar({"../in.melt": b"run 1\n"})
    world.upload({f"inbox/{name}": packed})
    checked = world.check(world.admit(f"inbox/{name}"))
    assert checked.decision is Decision.REJECTED
    assert ".." in checked.reason


@pytest.mark.parametrize("path", ["../x", "a//b", "a/./b", "C:/x", "ü" * 130])
def test_a_path_that_is_not_plain_is_refused(world: World, path: str) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n", path: b"x"})
    assert world.check(run_id).decision is Decision.REJECTED


def test_a_file_that_is_also_a_folder_is_refused(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n", "a": b"1", "a/b": b"2"})
    assert "as a file and as a folder" in world.check(run_id).reason


def test_keys_of_900_characters_work(world: World) -> None:
    path = "/".join(["d " * 100] * 4) + "/" + "+" * 82
    assert len(f"inbox/melt/{path}") > 890
    run_id = dropped(world, {"in.melt": b"run 1\n", path: b"x"})
    assert world.check(run_id).decision is Decision.ACCEPTED
    assert world.runs.read(keys.deck(run_id, path)) == b"x"


def test_a_deck_whose_outputs_would_find_no_room_is_refused(world: World) -> None:
    for length, decision in ((6, Decision.ACCEPTED), (8, Decision.REJECTED)):
        folder = "/".join(["d" * 100] * length)
        run_id = dropped(world, {f"{folder}/in.melt": b"run 1\n"}, f"inbox/melt{length}/")
        checked = world.check(run_id)
        assert checked.decision is decision
        assert ("Use shorter folder names." in checked.reason) == (decision is Decision.REJECTED)


def test_a_large_file_exists_for_the_check_but_is_only_streamed(world: World) -> None:
    world.limits = Limits(local_file=100)
    run_id = dropped(world, {"in.melt": b"run 1\n", "big.dat": b"y" * 5000})
    world.answer(run_id, world.check(run_id), LOOPED)
    assert world.check(run_id).decision is Decision.ACCEPTED
    assert world.preflight.seen["big.dat"] == 5000
    [big, _] = world.frozen(run_id).inputs
    assert big.sha256 == hashlib.sha256(b"y" * 5000).hexdigest()


def test_folder_markers_of_the_console_are_no_inputs(world: World) -> None:
    run_id = dropped(world, {"": b"", "sub/": b"", "in.melt": b"run 1\n"})
    world.check(run_id)
    assert [item.path for item in world.frozen(run_id).inputs] == ["in.melt"]


def test_a_run_that_was_closed_meanwhile_is_not_checked(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.ledger.close(run_id, RunState.CANCELLED, "stopped by hand", NOW)
    assert world.check(run_id) == Checked(
        decision=Decision.REJECTED, state=RunState.CANCELLED, reason="stopped by hand"
    )
    assert world.runs.read(keys.run_record(run_id)) is None


def test_a_run_that_nobody_admitted_is_an_error(world: World) -> None:
    with pytest.raises(LedgerError):
        world.check("nobody-1")
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.runs.delete([keys.drop_record(run_id)])
    with pytest.raises(StorageError):
        world.check(run_id)


def test_whose_the_run_is_and_what_it_may_cost_is_in_the_ledger(world: World) -> None:
    world.cap = 200.0
    options = (
        b"owner: ada\ngroup: polymers\ndollars: 40\nhours: 9\nnotify: [ada@example.org]\n"
        b"purchase: spot-only\n"
    )
    run_id = dropped(world, {"in.melt": b"run 1\n", "run.yaml": options})
    assert world.check(run_id).decision is Decision.ACCEPTED
    record = world.ledger.runs[run_id]
    assert (record.owner, record.group, record.notify) == ("ada", "polymers", ("ada@example.org",))
    assert (record.dollars, record.hours) == (40.0, 9.0)
    assert record.purchase is Purchase.SPOT_ONLY


def test_without_a_cap_of_its_own_a_run_has_that_of_the_stack(world: World) -> None:
    world.cap = 200.0
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.check(run_id)
    record = world.ledger.runs[run_id]
    assert (record.dollars, record.hours, record.owner) == (200.0, None, "default")
    world.ledger.runs[run_id] = record.model_copy(update={"dollars": 500.0})
    world.check(run_id)
    assert world.ledger.runs[run_id].dollars == 500.0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (b"instance: huge\n", "profile `huge`, which this stack does not have. It has: standard"),
        (b"gpus: 3\n", ""),
    ],
)
def test_a_machine_that_the_stack_has_not_is_refused(
    world: World, options: bytes, says: str
) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n", "run.yaml": options})
    checked = world.check(run_id)
    assert says in checked.reason
    assert (checked.decision is Decision.REJECTED) == bool(says)


@pytest.mark.parametrize(
    ("wish", "decision", "state"),
    [
        (Wish.STOP, Decision.REJECTED, RunState.CANCELLED),
        (Wish.HOLD, Decision.HELD, RunState.HELD),
    ],
)
def test_a_wish_comes_before_the_check(
    world: World, wish: Wish, decision: Decision, state: RunState
) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.ledger.express(run_id, wish, NOW)
    checked = world.check(run_id)
    assert (checked.decision, checked.state) == (decision, state)


def test_a_file_that_steers_is_no_part_of_the_deck(world: World) -> None:
    run_id = dropped(world, {"in.melt": b"run 1\n"})
    world.upload({"inbox/melt/RESUME": b""})
    world.check(run_id)
    assert [item.path for item in world.frozen(run_id).inputs] == ["in.melt"]


def test_an_accepted_run_says_what_it_takes(world: World) -> None:
    asked: list[Run] = []

    def project(run: Run, at: datetime) -> Projection:
        asked.append(run)
        basis = "12 runs on g4dn.xlarge"
        return Projection(seconds=50_400, dollars=10.5, market=Market.SPOT, basis=basis)

    world.project = project
    reads = GOOD.model_copy(update={"reads": ("forces", "huge.data", "gone")})
    world.preflight = FakePreflight(reads)
    files = {
        "in.melt": b"include forces\nrun 1000\n",
        "forces": b"pair_style lj/cut 2.5\n",
        "huge.data": b"bond_style fene\n" + b" " * MIB,
    }
    run_id = dropped(world, files)
    said = "It takes about 14 h, $10.50 on spot (projected from 12 runs on g4dn.xlarge)."
    for _ in range(2):
        assert world.check(run_id).reason.endswith(said)
    assert world.ledger.runs[run_id].projected_cost == 10.5
    assert asked[0] == world.frozen(run_id)
    assert (asked[0].deck_class, asked[0].atoms, asked[0].total_steps) == ("lj/cut", 4000, 1500)


@pytest.mark.parametrize(("steps", "said"), [(1500, NOT_MEASURED), (0, NO_STEPS)])
def test_what_a_run_takes_may_not_be_known(world: World, steps: int, said: str) -> None:
    world.project = lambda run, at: None
    world.dry_run.found = LOOPED.model_copy(update={"total_steps": steps})
    run_id = dropped(world, {"in.melt": b"run 1000\n"})
    assert world.check(run_id).reason.endswith(said)
    assert world.ledger.runs[run_id].projected_cost is None


# ---- sweeps ----------------------------------------------------------------------------------

SWEEP = b"variables: {N: 5}\nsweep: {T: [0.5, 1.0], seed: [1, 2, 3]}\n"


def swept(world: World, options: bytes = SWEEP) -> str:
    return dropped(world, {"in.melt": b"run ${T}\n", "run.yaml": options})


def test_a_sweep_is_accepted_once_for_all_of_its_points(world: World) -> None:
    run_id = swept(world)
    checked = world.check(run_id)
    assert (checked.decision, checked.state) == (Decision.SWEEP, RunState.RUNNING)
    assert "a sweep of 6 runs" in checked.reason
    sweep = read_sweep(world.runs.read(keys.sweep(run_id)), run_id)
    assert [point.variables for point in sweep.points[:2]] == [
        {"T": 0.5, "seed": 1},
        {"T": 0.5, "seed": 2},
    ]
    assert [point.index for point in sweep.points] == list(range(6))
    # The dry run is that of the first; where the deck reads alike, its steps are those of all.
    assert {point.total_steps for point in sweep.points} == {1500}
    assert [point.atoms for point in sweep.points] == [4000, *[None] * 5]
    assert world.dry_run.asked == 1
    assert world.dry_run.variables == {"N": 5, "T": 0.5, "seed": 1}
    record = world.ledger.runs[run_id]
    assert (record.points, record.total_steps) == (6, None)
    assert world.check(run_id).decision is Decision.SWEEP


def test_what_all_runs_of_a_sweep_cost_is_projected_together(world: World) -> None:
    one = Projection(seconds=3600, dollars=2.0, market=Market.SPOT, basis="a guess")
    world.project = lambda run, now: one
    checked = world.check(swept(world))
    assert "all of them cost $12.00" in checked.reason
    [record] = world.ledger.runs.values()
    assert record.projected_cost == 12.0


def test_one_point_that_cannot_be_run_refuses_the_sweep_and_is_named(world: World) -> None:
    bad = CheckReport(contract=Contract.EXACT, problems=(problem("no such style"),))
    world.preflight.reports = {"T=1.0, seed=2": bad}
    checked = world.check(swept(world))
    assert (checked.decision, checked.state) == (Decision.REJECTED, RunState.REJECTED)
    assert checked.reason.startswith("Run 5 of the sweep (T=1.0, seed=2): ")
    assert "no such style" in checked.reason


def test_a_file_that_only_one_point_reads_is_waited_for(world: World) -> None:
    lacks = CheckReport(contract=Contract.EXACT, missing=(problem("data.2 is not there"),))
    world.preflight.reports = {"T=1.0, seed=3": lacks}
    run_id = swept(world)
    assert world.check(run_id).decision is Decision.INCOMPLETE
    assert world.check(run_id, NOW + WAIT).decision is Decision.REJECTED


def test_the_points_of_a_sweep_share_an_accelerator(world: World) -> None:
    kokkos = Acceleration(accelerator=Accelerator.KOKKOS)
    half = kokkos.model_copy(update={"settings": ("neigh", "half")})
    world.preflight.report = GOOD.model_copy(update={"acceleration": kokkos})
    other = GOOD.model_copy(update={"acceleration": half})
    world.preflight.reports = {"T=0.5, seed=2": other}
    run_id = swept(world)
    world.check(run_id)
    parent = world.frozen(run_id)
    points = read_sweep(world.runs.read(keys.sweep(run_id)), run_id).points
    assert run_of(parent, points[0]).acceleration == parent.acceleration == half


def test_the_contract_of_a_sweep_is_that_of_its_worst_point(world: World) -> None:
    loose = GOOD.model_copy(update={"contract": Contract.STATISTICAL})
    world.preflight.reports = {"T=0.5, seed=2": loose}
    run_id = swept(world)
    world.check(run_id)
    assert world.frozen(run_id).contract is Contract.STATISTICAL
    sweep = read_sweep(world.runs.read(keys.sweep(run_id)), run_id)
    assert sweep.points[0].contract is Contract.EXACT
    assert sweep.points[1].contract is Contract.STATISTICAL


def test_points_for_which_there_is_no_time_are_accepted_unread(world: World) -> None:
    run_id = swept(world)
    checked = world.check(run_id, left=timedelta(seconds=60))
    assert checked.decision is Decision.SWEEP
    assert "no time to read the deck for the last 5 runs" in checked.reason
    sweep = read_sweep(world.runs.read(keys.sweep(run_id)), run_id)
    assert [point.total_steps for point in sweep.points] == [1500, *[None] * 5]
