"""Close a run: put its results together, write its report, tell people once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from deckhand.domain import keys
from deckhand.domain.accelerator import Accelerator
from deckhand.domain.advice import Facts
from deckhand.domain.attempt import Verdict
from deckhand.domain.certificate import Certificate, certified_body
from deckhand.domain.closing import closing_key, closing_message, report_text
from deckhand.domain.cost import Prices
from deckhand.domain.deck import Frozen
from deckhand.domain.errors import LedgerError, ManifestError
from deckhand.domain.ledger import RunRecord
from deckhand.domain.manifest import Manifest, read_manifest
from deckhand.domain.message import shorten
from deckhand.domain.report import Report, Result, compose_report
from deckhand.domain.run import Run, RunState
from deckhand.usecases.certify import certify
from deckhand.usecases.finalise import Finalised, finalise
from deckhand.usecases.in_sweep import is_told_by_sweep
from deckhand.usecases.judge_attempt import read_status
from deckhand.usecases.ports import Bucket, Ledger
from deckhand.usecases.report_sweep import report_sweep
from deckhand.usecases.tell import Tell
from deckhand.usecases.trusted_checkpoints import newest_checkpoint

MAX_REASON = 8_000


class Closed(Frozen):
    state: RunState
    reason: str


@dataclass(frozen=True)
class CloseRun:
    runs: Bucket
    ledger: Ledger
    tell: Tell
    prices: Prices

    def __call__(self, run_id: str, state: RunState, reason: str, now: datetime) -> Closed:
        """The first to close a run decides how; whoever repeats it finishes the work.

        Results and report may be written again, the message goes out once.
        """
        record = self.ledger.close(run_id, state, shorten(readable(reason), MAX_REASON), now)
        is_silent = is_told_by_sweep(self.ledger, record)
        if is_silent or not self.is_told(record):
            report = self._finish(record)
            self.ledger.record_cost(run_id, report.cost)
            if not is_silent:
                self.tell(closing_message(record, report, self.runs.name))
        return Closed(state=record.state, reason=record.reason)

    def is_told(self, record: RunRecord) -> bool:
        """Whether nothing is left to do for a closed run: people are told last."""
        return self.tell.is_told(closing_key(record))

    def _finish(self, record: RunRecord) -> Report:
        """Results, certificate and report, in S3."""
        if record.points:
            report = report_sweep(self.runs, self.ledger, record, _closed_at(record), self.prices)
            self._write(report, None)
            return report
        manifest = self._manifest(record)
        finalised = finalise(self.runs, manifest) if manifest else Finalised((), ())
        certified = certify(self.runs, record, manifest, finalised.results)
        problems = (*finalised.problems, *certified.problems)
        report = self._report(record, manifest, finalised.results, problems)
        self._write(report, certified.certificate)
        return report

    def _report(
        self,
        record: RunRecord,
        manifest: Manifest | None,
        results: Sequence[Result],
        problems: Sequence[str],
    ) -> Report:
        last = record.attempts[-1].number if record.attempts else 0
        status = read_status(self.runs, record.run_id, last)
        return compose_report(
            record,
            _closed_at(record),
            self.prices,
            manifest,
            results,
            problems,
            status.log_tail if status else (),
            self._facts(record),
        )

    def _facts(self, record: RunRecord) -> Facts | None:
        """What may explain an idle GPU; a run.json that cannot be read explains nothing."""
        if not record.attempts:
            return None
        content = self.runs.read(keys.run_record(record.run_id))
        try:
            run = Run.model_validate_json(content or b"")
        except ValidationError:
            return None
        return Facts(
            atoms=run.atoms,
            gpus=run.options.gpus or 1,
            checkpoint_minutes=run.options.checkpoint_minutes,
            on_host=run.acceleration.on_host,
            plain=run.acceleration.why if run.acceleration.accelerator is Accelerator.PLAIN else "",
        )

    def _manifest(self, record: RunRecord) -> Manifest | None:
        """The end of a completed run; else its furthest checkpoint, for what there is."""
        if not record.attempts:
            return None
        newest = record.attempts[-1]
        if newest.verdict is Verdict.COMPLETED:
            content = self.runs.read(keys.completion(record.run_id, newest.number))
            with suppress(ManifestError):
                return read_manifest(content or b"", record.run_id)
        return newest_checkpoint(self.runs, record.run_id)

    def _write(self, report: Report, certificate: Certificate | None) -> None:
        text = report_text(report, self.runs.name).encode()
        document = report.model_dump_json(indent=1).encode()
        if certificate is not None:
            whole = certificate.with_files(
                certified_body("report.txt", text), certified_body("report.json", document)
            )
            body = whole.model_dump_json(indent=1).encode()
            self.runs.write(keys.certificate(report.run_id), body)
        self.runs.write(keys.result(report.run_id, "report.txt"), text)
        self.runs.write(keys.report(report.run_id), document)


def _closed_at(record: RunRecord) -> datetime:
    if record.closed_at is None:
        raise LedgerError(f"The ledger did not close the run {record.run_id}.")
    return record.closed_at


def readable(reason: str) -> str:
    """A reason for people; a failed Lambda function gives its own as JSON."""
    try:
        document = json.loads(reason)
    except (ValueError, RecursionError):
        return reason
    if not isinstance(document, dict) or "errorMessage" not in document:
        return reason
    kind = document.get("errorType", "error")
    return f"Deckhand itself failed ({kind}): {document['errorMessage']}"
