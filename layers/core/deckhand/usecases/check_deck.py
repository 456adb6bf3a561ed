"""Check a drop before it costs: take it, wait for its files, or say why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import Field

from deckhand.domain import keys
from deckhand.domain.check import CheckOrder
from deckhand.domain.deck import SUPERSEDED, Drop, Frozen, Problem, Severity, choose_deck
from deckhand.domain.errors import DropRejectedError, LedgerError, StorageError
from deckhand.domain.ledger import DEFAULT_OWNER, RunRecord, Wish, share_identifier
from deckhand.domain.message import count, money
from deckhand.domain.options import RunOptions
from deckhand.domain.parts import MIB
from deckhand.domain.profile import Profiles, why_not
from deckhand.domain.projection import NO_STEPS, NOT_MEASURED
from deckhand.domain.run import Bound, CheckReport, Contract, DryRun, InputFile, Run, RunState
from deckhand.domain.speed import deck_class
from deckhand.domain.sweep import variables_at
from deckhand.usecases.forecast_run import Projector
from deckhand.usecases.freeze_deck import freeze_deck
from deckhand.usecases.gather_files import Gathered, gather_files
from deckhand.usecases.list_drop import list_drop
from deckhand.usecases.order_check import JobEnded, OrderCheck, shortfall_of_job
from deckhand.usecases.ports import Bucket, DryRunner, Ledger, Preflight, TimeLeft
from deckhand.usecases.read_points import PointsRead, read_points, some
from deckhand.usecases.unpack_archive import Limits

MAX_DECK: Final = 16 * MIB
MAX_PROBLEMS_SHOWN: Final = 20
MAX_POINTS_SHOWN: Final = 3
MAX_INCLUDED: Final = MIB
"""What is longer and read by a deck is not script."""

CONTROL: Final = re.compile(rb"[^\t\n\f\r -~\x80-\xff]")
"""What no text has, whether its letters beyond ASCII are UTF-8 or, in old comments, Latin-1."""


ALL_THE_TIME: Final = timedelta(days=1)


class Decision(StrEnum):
    ACCEPTED = "accepted"
    SWEEP = "sweep"
    INCOMPLETE = "incomplete"
    DRY_RUN = "dry-run"
    REJECTED = "rejected"
    HELD = "hold"


class CheckJob(Frozen):
    """The job that makes a dry run: of which order, whose, and in which share of the queue."""

    check_id: str
    share: str
    owner: str
    group: str
    token: str = Field(repr=False)


class Checked(Frozen):
    """`state` is that of the run; a rejected deck closes it. A sweep is accepted as one.

    Where the dry run is too much for a function there is a `job` to be submitted, and the deck is
    checked again when that has ended.
    """

    decision: Decision
    state: RunState
    reason: str
    job: CheckJob | None = None


@dataclass(frozen=True)
class _Carried:
    """A dry run, what a person should know of it, and the inputs that were frozen for it."""

    dry: DryRun
    shortfall: str
    inputs: tuple[InputFile, ...] | None = None


@dataclass(frozen=True)
class CheckDeck:
    inbox: Bucket
    runs: Bucket
    ledger: Ledger
    preflight: Preflight
    dry_run: DryRunner
    wait: timedelta
    profiles: Profiles
    dollars: float | None
    limits: Limits = field(default_factory=Limits)
    project: Projector | None = None
    new_token: Callable[[], str] = token_urlsafe

    def __call__(
        self,
        run_id: str,
        now: datetime,
        time_left: TimeLeft = lambda: ALL_THE_TIME,
        ended: JobEnded | None = None,
    ) -> Checked:
        """Safe to repeat: run.json, written last, is what accepts a run.

        *ended* is how the job ended that an earlier check has asked for.
        """
        record = self.ledger.run(run_id)
        if record is None:
            raise LedgerError(f"The ledger does not know the run {run_id}.")
        if record.state.is_final:
            return _checked(Decision.REJECTED, record.reason, record.state)
        frozen = self.runs.read(keys.run_record(run_id))
        if frozen is not None:
            return self._accept(record, Run.model_validate_json(frozen), now)
        if record.wish is not None:
            return self._wished(record, record.wish)
        try:
            drop = self._drop_now(run_id)
            with TemporaryDirectory(prefix="deckhand-") as folder:
                root = Path(folder) / "deck"
                root.mkdir()
                return self._check(record, drop, root, now, time_left, ended)
        except DropRejectedError as error:
            return _checked(Decision.REJECTED, str(error), RunState.REJECTED)

    def _wished(self, record: RunRecord, wish: Wish) -> Checked:
        """Its user had a change of mind before the deck was accepted."""
        if wish is Wish.STOP:
            return _checked(Decision.REJECTED, "It was stopped by its user.", RunState.CANCELLED)
        reason = "It was held by its user."
        self.ledger.advance(record.run_id, RunState.HELD, reason=reason)
        return _checked(Decision.HELD, reason, RunState.HELD)

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

    def _check(
        self,
        record: RunRecord,
        drop: Drop,
        root: Path,
        now: datetime,
        time_left: TimeLeft,
        ended: JobEnded | None,
    ) -> Checked:
        gathered = gather_files(self.inbox, drop, root, self.limits)
        self._know(record, gathered.options)
        deck = choose_deck([found.path for found in gathered.files], gathered.options.deck)
        check_deck_text(root / deck, deck)
        reason = why_not(self.profiles, gathered.options.instance, gathered.options.gpus)
        if reason:
            return _checked(Decision.REJECTED, reason, RunState.REJECTED)
        read = read_points(self.preflight, root, deck, gathered.options, time_left)
        report = read.first
        if report.missing and now < record.admitted_at + self.wait:
            self.ledger.advance(record.run_id, RunState.WAITING)
            reason = _listed("Waiting for", report.missing)
            return _checked(Decision.INCOMPLETE, reason, RunState.WAITING)
        reason = _refused(deck, gathered.options, read)
        if reason:
            return _checked(Decision.REJECTED, reason, RunState.REJECTED)
        carried = self._carried(record.run_id, root, deck, gathered, read, ended)
        if isinstance(carried, CheckOrder):
            return self._handed_over(record, carried, gathered.options)
        dry = carried.dry
        if dry.problem is not None:
            reason = _listed(f"{deck} cannot be run:", [dry.problem])
            return _checked(Decision.REJECTED, reason, RunState.REJECTED)
        inputs = carried.inputs
        if inputs is None:
            inputs = freeze_deck(self.inbox, self.runs, record.run_id, deck, gathered.files)
        run = Run(
            run_id=record.run_id,
            drop=drop.prefix,
            deck=deck,
            inputs=inputs,
            options=gathered.options,
            contract=read.contract,
            stages=dry.stages if dry.is_whole else report.stages,
            total_steps=dry.total_steps if dry.is_whole else report.total_steps,
            atoms=dry.atoms,
            checkpoint_bytes=dry.checkpoint_bytes,
            dry_run=" ".join(text for text in (carried.shortfall, read.shortfall) if text),
            deck_class=deck_class(
                _scripts(root / deck, report.reads), gathered.options.accelerator
            ),
            acceleration=read.acceleration,
            admitted_at=record.admitted_at,
        )
        if run.options.sweep is not None:
            sweep = read.sweep(run.run_id, dry).model_dump_json().encode()
            self.runs.write(keys.sweep(run.run_id), sweep)
        self.runs.write(keys.run_record(run.run_id), run.model_dump_json(indent=1).encode())
        return self._accept(record, run, now)

    def _know(self, record: RunRecord, options: RunOptions) -> None:
        """Whose the run is, before anybody is told anything about it, and where it is bought."""
        owner = _owner(options)
        known = {
            "owner": owner,
            "group": _group(options),
            "notify": options.notify or None,
            "purchase": options.purchase,
        }
        self.ledger.advance(record.run_id, record.state, **known)

    def _carried(
        self,
        run_id: str,
        root: Path,
        deck: str,
        gathered: Gathered,
        read: PointsRead,
        ended: JobEnded | None,
    ) -> _Carried | CheckOrder:
        """The dry run of the first point, or the order for one; nothing is carried twice here."""
        variables = variables_at(gathered.options, read.values[0])
        jobs = OrderCheck(self.inbox, self.runs, run_id)
        order = jobs.standing(deck, variables, gathered)
        if order is not None:
            found = jobs.answer(order, ended)
            return (
                order if found is None else _Carried(found, shortfall_of_job(found), order.inputs)
            )
        dry = self._too_large(gathered) or self.dry_run(root, deck, variables)
        if dry.bound is not None:
            return jobs.order(deck, variables, gathered, dry)
        return _Carried(dry, dry.shortfall)

    def _too_large(self, gathered: Gathered) -> DryRun | None:
        """Why the folder is not what a machine would have: LAMMPS would read zeros."""
        total = sum(found.size for found in gathered.files)
        if total <= self.limits.local_total and all(found.is_here for found in gathered.files):
            return None
        each, all_files = self.limits.local_file // MIB, self.limits.local_total // MIB
        return DryRun(
            trouble=f"it reads no drop of more than {all_files} MiB, or {each} MiB in one file.",
            bound=Bound.DISK,
        )

    def _handed_over(self, record: RunRecord, order: CheckOrder, options: RunOptions) -> Checked:
        reason = f"{order.deck} is carried through LAMMPS on a machine of its own. {order.why}"
        token = record.check_token or self.new_token()
        known = {"reason": reason, "check_token": token}
        self.ledger.advance(record.run_id, RunState.CHECKING, **known)
        job = CheckJob(
            check_id=order.check_id,
            share=share_identifier(_owner(options)),
            owner=_owner(options),
            group=_group(options),
            token=token,
        )
        return Checked(decision=Decision.DRY_RUN, state=RunState.CHECKING, reason=reason, job=job)

    def _accept(self, record: RunRecord, run: Run, now: datetime) -> Checked:
        points = run.options.point_count
        self.ledger.advance(
            run.run_id,
            RunState.RUNNING,
            deck=run.deck,
            # That of a dry run on a machine of its own, which is over.
            reason="" if record.reason and record.state is RunState.CHECKING else None,
            points=points or None,
            # What was extended, and a cap that was raised since, stays so.
            total_steps=None if points else record.total_steps or run.total_steps,
            dollars=record.dollars or run.options.dollars or self.dollars,
            hours=record.hours or run.options.hours,
        )
        steps = "" if run.total_steps is None else f", {run.total_steps:,} steps"
        atoms = "" if run.atoms is None else f", {run.atoms:,} atoms"
        reason = f"{run.deck} can be run{steps}{atoms}; a resume is {run.contract.value}."
        runs = f"It is a sweep of {count(points, 'run')}." if points else ""
        said = (reason, runs, run.dry_run, self._projected(run, now))
        text = " ".join(text for text in said if text)
        decision = Decision.SWEEP if points else Decision.ACCEPTED
        return _checked(decision, text, RunState.RUNNING)

    def _projected(self, run: Run, now: datetime) -> str:
        """What the run is expected to take, for the ledger and in words."""
        if self.project is None:
            return ""
        found = self.project(run, now)
        if found is None:
            return NOT_MEASURED if run.total_steps else NO_STEPS
        points = run.options.point_count
        dollars = found.dollars * max(1, points)
        self.ledger.record_projected_cost(run.run_id, dollars)
        each = f"Each of its runs takes {found}; all of them cost {money(dollars)}."
        return each if points else f"It takes {found}."


def _owner(options: RunOptions) -> str:
    return options.owner or options.group or DEFAULT_OWNER


def _group(options: RunOptions) -> str:
    return options.group or _owner(options)


def _checked(decision: Decision, reason: str, state: RunState) -> Checked:
    return Checked(decision=decision, state=state, reason=reason)


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


def _scripts(deck: Path, reads: Sequence[str]) -> Iterator[str]:
    """The text of the deck, and of what it reads as far as that may be script."""
    for path in (deck, *(deck.parent / name for name in reads)):
        if path.is_file() and path.stat().st_size <= (MAX_DECK if path == deck else MAX_INCLUDED):
            yield path.read_bytes().decode("latin-1")


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


def _refused(deck: str, options: RunOptions, read: PointsRead) -> str:
    """Why a drop is not run; of a sweep, the first of its points that cannot be."""
    if options.sweep is None:
        return refusal(deck, read.first)
    reasons = list(read.refusals(lambda report: refusal(deck, report)))
    return some(reasons, MAX_POINTS_SHOWN)


def _listed(title: str, problems: Sequence[Problem]) -> str:
    lines = [title, *(f"- {item}" for item in problems[:MAX_PROBLEMS_SHOWN])]
    if len(problems) > MAX_PROBLEMS_SHOWN:
        lines.append(f"- and {len(problems) - MAX_PROBLEMS_SHOWN} more")
    return "\n".join(lines)
