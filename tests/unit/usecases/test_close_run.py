"""Closing: the results whole, the report true, people told once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain import keys
from deckhand.domain.attempt import Market, Verdict
from deckhand.domain.certificate import Certificate, deck_digest, read_certificate
from deckhand.domain.cost import Prices
from deckhand.domain.errors import LedgerError, MessageNotSentError
from deckhand.domain.manifest import Output, OutputKind, Piece, Segment
from deckhand.domain.message import Event
from deckhand.domain.report import Report
from deckhand.domain.run import Contract, RunState
from deckhand.usecases import certify
from deckhand.usecases.close_run import Closed, CloseRun, readable
from deckhand.usecases.verify_results import results_in_cloud, verify_results
from tests.conftest import NOW
from tests.fakes import FakeBucket, FakeLedger, FakeOutbox, FakeTopic, telling
from tests.makers import (
    RUN,
    ended_attempt,
    manifest,
    piece_key,
    put_checkpoint,
    put_completion,
    put_output,
    put_run,
    put_status,
    run_record,
)

ATTEMPTS = (
    ended_attempt(1, Verdict.INTERRUPTED, 2, from_step=0, reached_step=1500,
                  checkpoint="000000001000-a1", advanced=True),
    ended_attempt(2, Verdict.COMPLETED, 1, market=Market.ON_DEMAND, from_step=1000,
                  reached_step=5000, resumed_from="000000001000-a1"),
)  # fmt: skip


@dataclass
class World:
    runs: FakeBucket = field(default_factory=lambda: FakeBucket("the-runs"))
    topic: FakeTopic = field(default_factory=FakeTopic)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    ledger: FakeLedger = field(
        default_factory=lambda: FakeLedger({RUN: run_record(attempts=ATTEMPTS)})
    )

    def close(self, state: RunState = RunState.COMPLETED, reason: str = "The end.") -> Closed:
        tell = telling(self.topic, self.outbox)
        return CloseRun(self.runs, self.ledger, tell, Prices(1.0, 4.0))(RUN, state, reason, NOW)

    def result(self, path: str) -> bytes | None:
        return self.runs.read(keys.result(RUN, path))

    @property
    def report(self) -> Report:
        return Report.model_validate_json(self.result("report.json") or b"")

    @property
    def certificate(self) -> Certificate:
        return read_certificate(self.result("certificate.json") or b"", RUN)

    def verifies(self) -> bool:
        return verify_results(results_in_cloud(self.runs, RUN)).ok


WRITTEN = st.one_of(
    st.tuples(
        st.sampled_from([OutputKind.APPEND, OutputKind.ANEW]),
        st.lists(st.binary(min_size=1, max_size=9), max_size=3),
        st.binary(max_size=3),
    ),
    st.tuples(
        st.just(OutputKind.WHOLE), st.lists(st.binary(), min_size=1, max_size=1), st.just(b"")
    ),
    st.tuples(st.just(OutputKind.GONE), st.just([]), st.just(b"")),
)
"""How an attempt leaves a file: its kind, its pieces, its head."""


def put_written(
    bucket: FakeBucket, attempt: int, path: str, kind: OutputKind, bodies: list[bytes], head: bytes
) -> Output:
    made = put_output(bucket, attempt, path, *bodies, kind=kind)
    if not head:
        return made
    piece = Piece(begin=7, size=len(head), sha256=hashlib.sha256(head).hexdigest())
    bucket.write(keys.output_head(RUN, attempt, path, 7, piece.sha256), head)
    return made.model_copy(update={"head": piece})


@pytest.fixture
def world() -> World:
    """Two attempts; the second carried the deck to its end."""
    world = World()
    first = Segment(
        attempt=1,
        from_step=0,
        to_step=1000,
        outputs=(
            put_output(world.runs, 1, "log.lammps", b"head\n", b"step 1000\n"),
            put_output(world.runs, 1, "final.data", b"half", kind=OutputKind.WHOLE),
            put_output(world.runs, 1, "empty.txt"),
        ),
    )
    second = Segment(
        attempt=2,
        from_step=1000,
        to_step=5000,
        outputs=(
            put_output(world.runs, 2, "log.lammps", b"step 5000\n"),
            put_output(world.runs, 2, "final.data", b"whole", kind=OutputKind.WHOLE),
            put_output(world.runs, 2, "dump/späte bilder+.xyz", b"frame\n"),
        ),
        seeds=(4711,),
    )
    put_run(world.runs)
    # What the first attempt wrote after its last checkpoint belongs to no segment.
    world.runs.write(piece_key(1, "log.lammps", 15, b"step 1500\n"), b"step 1500\n")
    put_checkpoint(world.runs, manifest(1000, 1, first))
    put_completion(world.runs, manifest(5000, 2, first, second, parent="000000001000-a1"))
    put_status(world.runs, 2, log_tail=("Total wall time",))
    return world


def test_the_results_are_the_segments_joined(world: World) -> None:
    world.close()
    assert world.result("log.lammps") == b"head\nstep 1000\nstep 5000\n"
    assert world.result("final.data") == b"whole"
    assert world.result("dump/späte bilder+.xyz") == b"frame\n"
    assert world.result("empty.txt") == b""


def test_the_report_says_what_happened_and_what_it_cost(world: World) -> None:
    world.close()
    report = world.report
    assert (report.state, report.cost, report.cost_on_demand) == (RunState.COMPLETED, 6.0, 12.0)
    assert [item.steps_lost for item in report.attempts] == [500, 0]
    assert [(item.attempt, item.to_step) for item in report.lineage] == [(1, 1000), (2, 5000)]
    assert report.last_step == 5000
    assert {item.path: item.size for item in report.results}["log.lammps"] == 25
    assert report.problems == ()
    assert b"What it cost: $6.00" in (world.result("report.txt") or b"")
    assert world.ledger.runs[RUN].cost == 6.0


def test_a_run_whose_gpu_was_idle_is_told_why(world: World) -> None:
    busy = (item.model_copy(update={"gpu_utilisation": 31.0}) for item in ATTEMPTS)
    world.ledger.runs[RUN] = run_record(attempts=tuple(busy))
    put_run(world.runs, atoms=4_000)
    world.close()
    assert world.report.gpu_utilisation == 31.0
    assert world.report.attempts[0].gpu_utilisation == 31.0
    [message] = world.topic.messages
    assert "  The GPU was at work in 31 % of the time that LAMMPS ran." in message.body
    assert "  4,000 atoms are few for 1 GPU" in message.body
    assert "steps 0 to 1,500, GPU 31 %: interrupted." in message.body


def test_the_results_are_certified_piece_by_piece(world: World) -> None:
    world.close()
    made = world.certificate
    files = {file.path: file for file in made.files}
    listed = set(world.runs.sizes(keys.results(RUN)))
    assert {keys.result(RUN, path) for path in files} == listed - {keys.certificate(RUN)}
    log = files["log.lammps"]
    assert [piece.size for piece in log.pieces] == [5, 10, 10]
    whole = hashlib.sha256(b"head\nstep 1000\nstep 5000\n").hexdigest()
    assert (log.size, log.sha256) == (25, whole)
    assert files["final.data"].sha256 == hashlib.sha256(b"whole").hexdigest()
    assert world.verifies()


def test_the_certificate_says_what_made_the_results(world: World) -> None:
    run = put_run(world.runs, contract=Contract.STATISTICAL)
    world.close()
    made = world.certificate
    assert (made.deck, made.deck_sha256) == ("in.melt", deck_digest(run.inputs))
    assert (made.state, made.contract) == (RunState.COMPLETED, Contract.STATISTICAL)
    assert made.lammps_version == "22 Jul 2025"
    assert [segment.seeds for segment in made.lineage] == [(), (4711,)]
    assert [segment.resumed_from for segment in made.lineage] == [None, "000000001000-a1"]
    assert (made.image_digest, made.image_unknown != "") == (None, True)


def test_a_large_joined_result_is_certified_without_being_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certify, "READ_AT_MOST", 24)
    world.close()
    log = next(file for file in world.certificate.files if file.path == "log.lammps")
    assert (log.size, log.sha256) == (25, None)
    assert world.verifies()


def test_a_piece_that_has_changed_since_it_was_written_is_a_problem(world: World) -> None:
    world.runs.write(piece_key(1, "log.lammps", 5, b"step 1000\n"), b"stop 1000\n")
    world.close()
    [problem] = world.report.problems
    assert problem == "log.lammps: bytes 5 to 14 are not what the attempts wrote."
    assert not world.verifies()


def test_without_its_run_json_a_run_is_closed_and_the_message_says_so(world: World) -> None:
    world.runs.delete([keys.run_record(RUN)])
    world.close()
    assert world.result("certificate.json") is None
    assert world.result("log.lammps") is not None
    assert "run.json cannot be read" in world.report.problems[0]


@given(st.lists(st.dictionaries(st.sampled_from("ab"), WRITTEN), min_size=1, max_size=4))
def test_whatever_the_attempts_wrote_the_certificate_verifies(
    attempts: list[dict[str, tuple[OutputKind, list[bytes], bytes]]],
) -> None:
    world = World()
    put_run(world.runs)
    segments = [
        Segment(
            attempt=number,
            from_step=number,
            to_step=number + 1,
            outputs=tuple(put_written(world.runs, number, path, *how) for path, how in it.items()),
        )
        for number, it in enumerate(attempts, start=1)
    ]
    put_completion(world.runs, manifest(9, 2, *segments))
    world.close()
    assert world.report.problems == ()
    if world.report.results:
        sizes = {keys.result(RUN, file.path): file.size for file in world.certificate.files}
        there = world.runs.sizes(keys.results(RUN))
        assert sizes == {key: size for key, size in there.items() if key != keys.certificate(RUN)}
        assert world.verifies()


def test_people_are_told_once_even_if_it_is_repeated(world: World) -> None:
    first = world.close()
    written = list(world.runs.journal)
    assert world.close(RunState.FAILED, "late") == first
    assert world.runs.journal == written
    [message] = world.topic.messages
    assert message.event is Event.RUN_COMPLETED
    assert f"s3://the-runs/runs/{RUN}/results/" in message.body


def test_a_message_that_was_not_sent_is_sent_by_the_retry(world: World) -> None:
    world.topic.error = MessageNotSentError("throttled")
    with pytest.raises(MessageNotSentError):
        world.close()
    assert world.topic.messages == []
    world.close()
    assert len(world.topic.messages) == 1


def test_a_message_whose_answer_was_lost_is_not_sent_twice(world: World) -> None:
    world.topic.error = ConnectionError("answer lost")
    with pytest.raises(ConnectionError):
        world.close()
    assert world.close().state is RunState.COMPLETED
    assert len(world.topic.messages) == 1


def test_a_crash_between_results_and_message_is_finished_by_the_retry(world: World) -> None:
    world.ledger.close(RUN, RunState.COMPLETED, "The end.", NOW)
    world.runs.write(keys.result(RUN, "log.lammps"), b"torn")
    world.close()
    assert world.result("log.lammps") == b"head\nstep 1000\nstep 5000\n"
    assert len(world.topic.messages) == 1


def test_a_result_that_is_there_in_full_is_not_joined_again(world: World) -> None:
    world.topic.error = MessageNotSentError("throttled")
    with pytest.raises(MessageNotSentError):
        world.close()
    joined = world.runs.journal.count(("write", keys.result(RUN, "log.lammps")))
    world.close()
    assert world.runs.journal.count(("write", keys.result(RUN, "log.lammps"))) == joined == 1


def test_a_failed_run_gives_what_its_last_checkpoint_has(world: World) -> None:
    ended = (ATTEMPTS[0], ended_attempt(2, Verdict.DECK_ERROR))
    world.ledger.runs[RUN] = run_record(attempts=ended)
    put_status(world.runs, 2, log_tail=("ERROR: Lost atoms",))
    world.close(RunState.FAILED, "Lost atoms")
    assert world.result("log.lammps") == b"head\nstep 1000\n"
    assert world.report.last_step == 1000
    [message] = world.topic.messages
    assert "ERROR: Lost atoms" in message.body
    assert "up to the last checkpoint" in message.body


def test_an_extended_run_that_was_stopped_gives_what_it_has_reached_since(world: World) -> None:
    ended = (*ATTEMPTS, ended_attempt(len(ATTEMPTS) + 1, Verdict.CANCELLED))
    world.ledger.runs[RUN] = run_record(attempts=ended, round=2)
    further = manifest(90_000, len(ATTEMPTS) + 1)
    put_checkpoint(world.runs, further)
    world.close(RunState.CANCELLED, "stopped")
    assert world.report.last_step == 90_000


def test_a_rejected_drop_costs_nothing_and_has_only_a_report(world: World) -> None:
    world.ledger.runs[RUN] = run_record(state=RunState.CHECKING)
    world.close(RunState.REJECTED, "The drop has 2 decks.")
    results = {key.removeprefix(keys.results(RUN)) for key in world.runs.sizes(keys.results(RUN))}
    assert results == {"report.json", "report.txt"}
    assert (world.report.cost, world.report.attempts) == (0.0, ())
    assert world.topic.messages[0].event is Event.RUN_REJECTED


def test_a_torn_piece_makes_no_result(world: World) -> None:
    world.runs.write(piece_key(2, "log.lammps", 0, b"step 5000\n"), b"step 5")
    world.close()
    assert world.result("log.lammps") is None
    assert "should have 10 bytes, but has 6" in world.report.problems[0]


def test_a_lost_piece_is_reported_and_the_other_results_are_made(world: World) -> None:
    world.runs.delete([piece_key(2, "log.lammps", 0, b"step 5000\n")])
    world.close()
    assert world.result("final.data") == b"whole"
    assert world.result("log.lammps") is None
    [found] = world.report.problems
    assert found.startswith("log.lammps: ")
    assert "some results are missing" in world.topic.messages[0].subject


def test_an_unreadable_completion_manifest_falls_back_to_the_last_checkpoint(world: World) -> None:
    world.runs.write(keys.completion(RUN, 2), b"torn")
    world.close()
    assert world.result("log.lammps") == b"head\nstep 1000\n"


def test_an_output_named_like_our_report_moves_aside(world: World) -> None:
    theirs = put_output(world.runs, 1, "report.json", b"theirs")
    only = Segment(attempt=1, from_step=0, to_step=10, outputs=(theirs,))
    put_completion(world.runs, manifest(10, 2, only))
    world.close()
    assert world.result("outputs/report.json") == b"theirs"
    assert world.verifies()
    assert world.report.run_id == RUN


def test_an_unknown_run_is_an_error(world: World) -> None:
    world.ledger.runs.clear()
    with pytest.raises(LedgerError):
        world.close()


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("plain", "plain"),
        ("[1]", "[1]"),
        (
            json.dumps({"errorType": "LedgerError", "errorMessage": "unknown", "stackTrace": []}),
            "Deckhand itself failed (LedgerError): unknown",
        ),
    ],
)
def test_the_error_of_a_function_is_made_readable(reason: str, text: str) -> None:
    assert readable(reason) == text


def test_a_very_long_reason_is_cut(world: World) -> None:
    closed = world.close(RunState.FAILED, "x" * 30_000)
    assert len(closed.reason) == 8_000
