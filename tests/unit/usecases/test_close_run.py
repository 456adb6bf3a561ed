"""Closing: the results whole, the report true, people told once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from deckhand.domain import keys
from deckhand.domain.attempt import Market, Verdict
from deckhand.domain.cost import Prices
from deckhand.domain.errors import LedgerError, MessageNotSentError
from deckhand.domain.manifest import OutputKind, Segment
from deckhand.domain.message import Event
from deckhand.domain.report import Report
from deckhand.domain.run import RunState
from deckhand.usecases.close_run import Closed, CloseRun, readable
from tests.conftest import NOW
from tests.fakes import FakeBucket, FakeLedger, FakeTopic
from tests.makers import (
    RUN,
    ended_attempt,
    manifest,
    put_checkpoint,
    put_completion,
    put_output,
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
    ledger: FakeLedger = field(
        default_factory=lambda: FakeLedger({RUN: run_record(attempts=ATTEMPTS)})
    )

    def close(self, state: RunState = RunState.COMPLETED, reason: str = "The end.") -> Closed:
        return CloseRun(self.runs, self.ledger, self.topic, Prices(1.0, 4.0))(
            RUN, state, reason, NOW
        )

    def result(self, path: str) -> bytes | None:
        return self.runs.read(keys.result(RUN, path))

    @property
    def report(self) -> Report:
        return Report.model_validate_json(self.result("report.json") or b"")


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
    )
    # What the first attempt wrote after its last checkpoint belongs to no segment.
    world.runs.write(keys.output_piece(RUN, 1, "log.lammps", 15), b"step 1500\n")
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
    assert b"What it cost: $6.00" in (world.result("report.txt") or b"")
    assert world.ledger.runs[RUN].cost == 6.0


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


def test_a_rejected_drop_costs_nothing_and_has_only_a_report(world: World) -> None:
    world.ledger.runs[RUN] = run_record(state=RunState.CHECKING)
    world.close(RunState.REJECTED, "The drop has 2 decks.")
    results = {key.removeprefix(keys.results(RUN)) for key in world.runs.sizes(keys.results(RUN))}
    assert results == {"report.json", "report.txt"}
    assert (world.report.cost, world.report.attempts) == (0.0, ())
    assert world.topic.messages[0].event is Event.RUN_REJECTED


def test_a_torn_piece_makes_no_result(world: World) -> None:
    world.runs.write(keys.output_piece(RUN, 2, "log.lammps", 0), b"step 5")
    world.close()
    assert world.result("log.lammps") is None
    assert "should have 10 bytes, but has 6" in world.report.problems[0]


def test_a_lost_piece_is_reported_and_the_other_results_are_made(world: World) -> None:
    world.runs.delete([keys.output_piece(RUN, 2, "log.lammps", 0)])
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
