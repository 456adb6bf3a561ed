"""The checkpoints of a run on the terminal, and what a loss of its machine would cost now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.markup import escape
from rich.table import Table

from deckhand.cli.figures import span
from deckhand.domain.keys import CheckpointId
from deckhand.domain.loss import Loss
from deckhand.usecases.trusted_checkpoints import StoredCheckpoint


def kept_text(verified: Sequence[CheckpointId]) -> str:
    if not verified:
        return "no checkpoint yet"
    steps = ", ".join(f"{item.step:,}" for item in sorted(verified))
    word = "checkpoint at step" if len(verified) == 1 else "checkpoints at steps"
    return f"{len(verified)} {word} {steps}"


def loss_text(loss: Loss) -> str:
    since = f"since step {loss.kept.step:,}" if loss.kept else "all there is, nothing is kept yet"
    time = f", {span(loss.seconds)} of computing" if loss.seconds is not None else ""
    return f"a loss now would cost {loss.steps:,} steps{time}: {since}"


def checkpoints_table(checkpoints: Sequence[StoredCheckpoint], now: datetime) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("checkpoint at step", "attempt", "age", "bytes"):
        table.add_column(name, justify="right")
    table.add_column("can be resumed from", overflow="fold")
    for item in checkpoints:
        table.add_row(
            f"{item.checkpoint_id.step:,}",
            str(item.checkpoint_id.attempt),
            "" if item.manifest is None else _age(item.manifest.created_at, now),
            f"{item.size:,}",
            "[green]yes, verified[/]" if item.verified else f"[yellow]no:[/] {escape(item.flaw)}",
        )
    return table


def _age(at: datetime, now: datetime) -> str:
    return span((now - at).total_seconds())
