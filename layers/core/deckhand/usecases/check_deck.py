"""Check a drop before it costs: take it, wait for its files, or say why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from deckhand.domain import keys
from deckhand.domain.deck import SUPERSEDED, Drop, Frozen, Problem, Severity, choose_deck
from deckhand.domain.errors import DropRejectedError, LedgerError, StorageError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.parts import MIB
from deckhand.domain.run import CheckReport, Contract, DryRun, Run, RunState
from deckhand.usecases.freeze_deck import freeze_deck
from deckhand.usecases.gather_files import Gathered, gather_files
from deckhand.usecases.list_drop import list_drop
from deckhand.usecases.ports import Bucket, DryRunner, Ledger, Preflight
from deckhand.usecases.unpack_archive import Limits

MAX_DECK: Final = 16 * MIB
MAX_PROBLEMS_SHOWN: Final = 20

CONTROL: Final = re.compile(rb"[^\t\n\f\r -~\x80-\xff]")
"""What no text has, whether its letters beyond ASCII are UTF-8 or, in old comments, Latin-1."""


class Decision(StrEnum):
    ACCEPTED = "accepted"
    INCOMPLETE = "incomplete"
    REJECTED = "rejected"


class Checked(Frozen):
    decision: Decision
    reason: str


@dataclass(frozen=True)
class CheckDeck:
    inbox: Bucket
    runs: Bucket
    ledger: Ledger
    preflight: Preflight
    dry_run: DryRunner
    wait: timedelta
    limits: Limits = field(default_factory=Limits)

    def __call__(self, run_id: str, now: datetime) -> Checked:
        """Safe to repeat: run.json, written last, is what accepts a run."""
        record = self.ledger.run(run_id)
        if record is None:
            raise LedgerError(f"The ledger does not know the run {run_id}.")
        if record.state.is_final:
            return Checked(decision=Decision.REJECTED, reason=record.reason)
        frozen = self.runs.read(keys.run_record(run_id))
        if frozen is not None:
            return self._accept(Run.model_validate_json(frozen))
        try:
            drop = self._drop_now(run_id)
            with TemporaryDirectory(prefix="deckhand-") as folder:
                root = Path(folder) / "deck"
                root.mkdir()
                return self._check(record, drop, root, now)
        except DropRejectedError as error:
            return Checked(decision=Decision.REJECTED, reason=str(error))

    def _drop_now(self, run_id: str) -> Drop:
        """The drop with what has arrived since it was admitted.

        What triggers has to be the same: a newer deck, archive or run.yaml names a run of its own,
        and two runs of one drop would cost twice.
        """
        content = self.runs.read(keys.drop_record(run_id))
        if content is None:
            raise StorageError(f"{keys.drop_record(run_id)} is not in {self.runs.name}.")
        admitted = Drop.model_validate_json(content)
        drop = list_drop(self.inbox, admitted.prefix)
        versions = {(item.key, item.version_id) for item in admitted.objects}
        newer = [item.key for item in drop.triggers if (item.key, item.version_id) not in versions]
        if newer:
            raise DropRejectedError(f"{SUPERSEDED} of {newer[0]}, which is a run of its own.")
        if not drop.triggers:
            raise DropRejectedError("withdrawn: the deck was deleted before it was checked.")
        return drop

    def _check(self, record: RunRecord, drop: Drop, root: Path, now: datetime) -> Checked:
        gathered = gather_files(self.inbox, drop, root, self.limits)
        deck = choose_deck([found.path for found in gathered.files], gathered.options.deck)
        check_deck_text(root / deck, deck)
        report = self.preflight(root, deck)
        if report.missing and now < record.admitted_at + self.wait:
            self.ledger.advance(record.run_id, RunState.WAITING)
            reason = _listed("Waiting for", report.missing)
            return Checked(decision=Decision.INCOMPLETE, reason=reason)
        reason = refusal(deck, report)
        if reason:
            return Checked(decision=Decision.REJECTED, reason=reason)
        dry = self._carried(root, deck, gathered)
        if dry.problem is not None:
            reason = _listed(f"{deck} cannot be run:", [dry.problem])
            return Checked(decision=Decision.REJECTED, reason=reason)
        inputs = freeze_deck(self.inbox, self.runs, record.run_id, deck, gathered.files)
        run = Run(
            run_id=record.run_id,
            drop=drop.prefix,
            deck=deck,
            inputs=inputs,
            options=gathered.options,
            contract=report.contract,
            stages=dry.stages if dry.is_whole else report.stages,
            total_steps=dry.total_steps if dry.is_whole else report.total_steps,
            atoms=dry.atoms,
            checkpoint_bytes=dry.checkpoint_bytes,
            dry_run=dry.shortfall,
            admitted_at=record.admitted_at,
        )
        self.runs.write(keys.run_record(run.run_id), run.model_dump_json(indent=1).encode())
        return self._accept(run)

    def _carried(self, root: Path, deck: str, gathered: Gathered) -> DryRun:
        """The dry run, unless the folder is not what a machine would have."""
        total = sum(found.size for found in gathered.files)
        if total > self.limits.local_total or not all(found.is_here for found in gathered.files):
            each, all_files = self.limits.local_file // MIB, self.limits.local_total // MIB
            return DryRun(
                trouble=f"it reads no drop of more than {all_files} MiB, or {each} MiB in one file."
            )
        return self.dry_run(root, deck)

    def _accept(self, run: Run) -> Checked:
        self.ledger.advance(run.run_id, RunState.RUNNING, run.deck, run.total_steps)
        steps = "" if run.total_steps is None else f", {run.total_steps:,} steps"
        atoms = "" if run.atoms is None else f", {run.atoms:,} atoms"
        reason = f"{run.deck} can be run{steps}{atoms}; a resume is {run.contract.value}."
        return Checked(decision=Decision.ACCEPTED, reason=f"{reason} {run.dry_run}".strip())


def check_deck_text(file: Path, deck: str) -> None:
    """Refuse what LAMMPS could not read as a script."""
    size = file.stat().st_size
    if size > MAX_DECK:
        raise DropRejectedError(
            f"{deck} has {size:,} bytes; {MAX_DECK:,} is the most an input script may have. "
            "Move coordinates into a data file and use read_data."
        )
    content = file.read_bytes()
    if not content.strip():
        raise DropRejectedError(f"{deck} is empty. Upload it again.")
    control = CONTROL.search(content)
    if control is not None:
        line = content.count(b"\n", 0, control.start()) + 1
        raise DropRejectedError(
            f"{deck} is a binary file or UTF-16 text, not a LAMMPS input script: line {line} has "
            f"the byte {control[0][0]:#04x}. Save it as UTF-8 text, or name the script in "
            "run.yaml: `deck: <file>`."
        )


def refusal(deck: str, report: CheckReport) -> str:
    """Why a checked deck is not run; empty where it is."""
    errors = [item for item in report.problems if item.severity is Severity.ERROR]
    texts = []
    if report.missing:
        texts.append(_listed("The drop lacks", report.missing))
    if errors:
        texts.append(_listed(f"{deck} cannot be run:", errors))
    if report.contract is Contract.REFUSED and not texts:
        title = f"{deck} could not be resumed after an interruption:"
        texts.append(_listed(title, report.problems))
    return "\n".join(texts)


def _listed(title: str, problems: Sequence[Problem]) -> str:
    lines = [title, *(f"- {item}" for item in problems[:MAX_PROBLEMS_SHOWN])]
    if len(problems) > MAX_PROBLEMS_SHOWN:
        lines.append(f"- and {len(problems) - MAX_PROBLEMS_SHOWN} more")
    return "\n".join(lines)
