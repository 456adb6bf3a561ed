"""Keys: what is written is what is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deckhand.domain import keys
from deckhand.domain.keys import CheckpointId

checkpoints = st.builds(CheckpointId, step=st.integers(0, 10**15), attempt=st.integers(1, 10_000))
run_ids = st.from_regex(r"[0-9a-z-]{1,57}", fullmatch=True)


@given(checkpoints)
def test_a_checkpoint_id_survives_being_written(checkpoint: CheckpointId) -> None:
    assert CheckpointId.parse(str(checkpoint)) == checkpoint


@given(run_ids, checkpoints)
def test_a_manifest_key_names_its_run_and_checkpoint(run_id: str, checkpoint: CheckpointId) -> None:
    assert keys.parse_manifest(keys.manifest(run_id, checkpoint)) == (run_id, checkpoint)


@given(st.lists(checkpoints, min_size=2, max_size=6))
def test_text_order_is_the_order_of_steps(found: list[CheckpointId]) -> None:
    one_attempt = {CheckpointId(item.step % 10**12, 1) for item in found}
    assert sorted(one_attempt) == sorted(one_attempt, key=str)


@pytest.mark.parametrize(
    "key",
    [
        "runs/melt/checkpoints/000000001000-a1/restart.zst",
        "runs/melt/checkpoints/1000-a1/manifest.json",
        "runs/melt/checkpoints/000000001000-a1/deep/manifest.json",
        "runs/melt/attempts/1/completion.json",
        "inbox/melt/manifest.json",
        "runs/a/b/checkpoints/000000001000-a1/manifest.json",
    ],
)
def test_other_keys_are_no_manifests(key: str) -> None:
    assert keys.parse_manifest(key) is None


def test_a_report_key_names_its_run() -> None:
    assert keys.parse_report(keys.report("melt-3f9c")) == "melt-3f9c"


@pytest.mark.parametrize("path", ["log.lammps", "results/report.json", "a/report.json"])
def test_no_result_of_a_deck_is_taken_for_a_report(path: str) -> None:
    assert keys.parse_report(keys.result("melt-3f9c", path)) is None


@pytest.mark.parametrize("text", ["", "1000-a1", "000000001000-a", "000000001000-a1 "])
def test_what_is_not_a_checkpoint_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a checkpoint id"):
        CheckpointId.parse(text)


def test_the_longest_names_still_fit_into_a_key() -> None:
    path = "/".join(["d" * 200] * 4) + "/" + "f" * 96
    longest = keys.output_piece("r" * 57, 9999, path, 10**14, "0" * 64)
    assert len(path) == 900
    assert len(longest.encode()) <= keys.MAX_KEY_BYTES
