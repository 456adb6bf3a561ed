"""What checkov finds in the sources and in what AWS makes of them, less what is accepted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

POLICIES: Final = ("cloudformation", "dockerfile", "github_actions")
SECRETS: Final = ("secrets",)


class ScanFailedError(Exception):
    """The scanner did not do its work; what it said."""


@dataclass(frozen=True)
class Finding:
    """One thing that checkov says of a resource, or of a file where there is none."""

    check: str
    place: str
    line: int
    resource: str
    said: str

    def __str__(self) -> str:
        return f"{self.place}:{self.line}: {self.check} {self.resource}: {self.said}"


@dataclass(frozen=True)
class Accepted:
    """A check that does not count where *where* matches, a pattern of a resource or of a file."""

    check: str
    where: str
    because: str

    def covers(self, finding: Finding) -> bool:
        if self.check != finding.check:
            return False
        return any(fnmatchcase(name, self.where) for name in (finding.resource, finding.place))


def scan(
    checkov: str, root: Path, files: Sequence[str], frameworks: Sequence[str]
) -> list[Finding]:
    """All that checkov finds in *files*; paths are relative to *root* or absolute."""
    done = subprocess.run(
        [
            *(checkov, "--skip-download", "--quiet", "--compact", "--output", "json"),
            *("--framework", *frameworks, "--file", *files),
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        said = json.loads(done.stdout)
        reports = said if isinstance(said, list) else [said]
        seen = [report for report in reports if "check_type" in report]
        unread = sum(report["summary"]["parsing_errors"] for report in seen)
        found = [finding for report in seen for finding in _findings(report)]
    except (ValueError, KeyError) as error:
        raise ScanFailedError(f"checkov: {done.stdout[-500:]}{done.stderr[-2000:]}") from error
    # It ends with 0 where it could not read a file, or found nothing that it reads. Of files
    # without a secret it says nothing at all.
    if unread or (not seen and frameworks != SECRETS):
        raise ScanFailedError(f"checkov could not read all files.\n{done.stderr.strip()}")
    return found


def remaining(findings: Sequence[Finding], accepted: Sequence[Accepted]) -> Iterator[str]:
    """What is found and not accepted, and what is accepted and no longer found."""
    for finding in findings:
        if not any(entry.covers(finding) for entry in accepted):
            yield str(finding)
    for entry in accepted:
        if not any(entry.covers(finding) for finding in findings):
            yield (
                f"tools/accepted.py: {entry.check} is not found at {entry.where} any more; "
                "remove it there, or it will hide the next one"
            )


def _findings(report: dict[str, Any]) -> Iterator[Finding]:
    for found in report["results"]["failed_checks"]:
        yield Finding(
            check=found["check_id"],
            place=found["repo_file_path"].lstrip("/"),
            line=found["file_line_range"][0],
            resource=found["resource"],
            said=found["check_name"],
        )
