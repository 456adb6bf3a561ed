"""The demo from an empty local cloud to the table of what two lost machines cost."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from deckhand.adapters.local_cloud import STACK, LocalCloud, running
from deckhand.adapters.session import aws_client
from deckhand.adapters.stack import find_stack
from deckhand.adapters.trouble import AwsError, remedy
from deckhand.cli.console import make_console
from deckhand.cli.follow import Follower
from deckhand.cli.place import Place, enter
from deckhand.cli.runs import download
from deckhand.cli.view import span
from deckhand.domain import keys
from deckhand.domain.deck import run_id
from deckhand.domain.errors import DeckhandError
from deckhand.usecases.list_drop import list_drop
from deckhand.usecases.show_run import RunView
from localcloud import lifecycle
from localcloud.demo.audit import audit, settled, strays, unrefused
from localcloud.demo.compare import Finding, compare
from localcloud.demo.deck import EXAMPLE, copy_deck
from localcloud.demo.interruptions import Interruptions, choose
from localcloud.demo.losses import Loss, Losses
from localcloud.demo.reference import Reference, ReferenceFailedError
from localcloud.deployment import DeploymentError
from localcloud.environments import OWN, ROOT, Environments
from localcloud.progress import Progress

STATE: Final = OWN / "demo"
LOOK_SECONDS: Final = 0.5
SHOWN_SECONDS: Final = 0.5
JOB_SLOTS: Final = 2
NOTICE_SECONDS: Final = 120

Failure = (
    *(DeckhandError, DeploymentError, lifecycle.LifecycleError, ReferenceFailedError, OSError),
    *AwsError,
)


class SomethingIsOffError(Exception):
    """The demo ran to its end, and something is not as it must be."""


@dataclass
class Demo:
    """One demo, its state in the folder STATE; `close` stops everything it started."""

    fast: bool
    seed: int | None
    began: float
    cloud_options: tuple[str, ...] = ()
    console: Console = field(default_factory=make_console)
    progress: Progress = field(init=False)
    findings: list[Finding] = field(default_factory=list)
    reference: Reference | None = None
    cloud: LocalCloud | None = None

    def __post_init__(self) -> None:
        self.progress = Progress(self.console)
        if self.began:
            self.progress.seconds["installed"] = time.time() - self.began

    def play(self) -> None:
        """All of it; raises SomethingIsOffError unless every finding is good."""
        moments = choose(self.seed)
        self._title("1  A cloud on this machine")
        self._prepare()
        self.reference = Reference(
            copy_deck(STATE / "reference", short=self.fast), _beside(Environments().product, "lmp")
        )
        self.cloud = self._deploy()
        enter(self.cloud.environment())
        place = Place(find_stack(aws_client("cloudformation"), STACK))

        self._title("2  A deck is dropped, and two machines will be lost")
        for moment in moments:
            self.console.print(f"planned: {moment}")
        expected = self._upload(place)
        interruptions = Interruptions(self.cloud, moments)
        losses = Losses()
        last = self._follow(place, expected, interruptions, losses)

        self._title("3  The e-mail")
        self._show_mail(expected)

        self._title("4  The results")
        self._check(place, last)
        self._show_losses(list(losses.of(last.record, interruptions.done)), moments)

    def close(self) -> None:
        """Stop what runs; a second Ctrl-C must not leave half of it."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if self.reference is not None:
            self.reference.kill()
        cloud = self.cloud or running(STATE)
        if cloud is None:
            return
        with self.progress.step("everything stopped"):
            lifecycle.down(STATE)
        self.findings += [unrefused(STATE), strays(cloud.endpoint)]

    def conclude(self) -> None:
        """Say what was found; raises SomethingIsOffError."""
        self._title("6  Was anything lost?")
        for finding in self.findings:
            self.console.print(finding.line, soft_wrap=True)
        long = {name: s for name, s in self.progress.seconds.items() if s >= SHOWN_SECONDS}
        parts = ", ".join(f"{name} {span(s)}" for name, s in long.items())
        total = sum(self.progress.seconds.values())
        self.console.print(f"\n[bold]{span(total)} in all[/] [dim]({parts})[/]", soft_wrap=True)
        wrong = [finding.question for finding in self.findings if not finding.ok]
        if wrong:
            raise SomethingIsOffError("Not as it must be: " + "; ".join(wrong))
        self.console.print(
            f"[bold green]Nothing was lost.[/] The results are in {_short(STATE / 'results')}\n"
            "Yours now: [bold].venv/bin/deckhand local up[/], then submit, list, show, results",
            soft_wrap=True,
        )

    def _prepare(self) -> None:
        if running(STATE):
            raise lifecycle.LifecycleError(
                "A demo is running in this clone already. Wait for it, or stop it: "
                f"python -m localcloud.lifecycle down --state {_short(STATE)}"
            )
        if missing := Environments().missing():
            raise lifecycle.LifecycleError(
                f"{_short(missing[0])} is missing. `make demo` makes it."
            )
        shutil.rmtree(STATE, ignore_errors=True)
        STATE.mkdir(parents=True)

    def _deploy(self) -> LocalCloud:
        parameters = {
            "CheckpointSeconds": "2" if self.fast else "4",
            "SettleSeconds": "2",
            "StatusSeconds": "1",
            "NoticePollSeconds": "1",
        }
        return lifecycle.up(
            STATE,
            self.progress,
            parameters,
            *("--notice-seconds", str(NOTICE_SECONDS), "--job-slots", str(JOB_SLOTS)),
            *("--die-with", str(os.getpid())),
            *self.cloud_options,
        )

    def _upload(self, place: Place) -> str:
        """Put the deck's files into the inbox, as any S3 client would; the run's name."""
        client = aws_client("s3")
        folder = copy_deck(STATE / "deck", short=self.fast)
        drop = f"{keys.INBOX}{EXAMPLE.name}/"
        for path in sorted(folder.iterdir()):
            client.put_object(Bucket=place.inbox.name, Key=drop + path.name, Body=path.read_bytes())
            self.console.print(f"put s3://{place.inbox.name}/{drop}{path.name}", soft_wrap=True)
        return run_id(list_drop(place.inbox, drop))

    def _follow(
        self, place: Place, expected: str, interruptions: Interruptions, losses: Losses
    ) -> RunView:
        begin = time.monotonic()

        def after_look(view: RunView) -> Iterable[str]:
            losses.after_look(view)
            return interruptions.after_look(view)

        follower = Follower(
            place,
            self.console,
            clock=lambda: f"{time.monotonic() - begin:5.1f} s",
            after_look=after_look,
            seconds=LOOK_SECONDS,
        )
        follower.await_admission(expected)
        last = follower.follow(expected)
        self.console.print(follower.picture(last))
        self.progress.seconds["run"] = time.monotonic() - begin
        return last

    def _show_mail(self, expected: str) -> None:
        finding = settled("one e-mail, and that the run completed", lambda: _one_mail(expected))
        self.findings.append(finding)
        for path, mail in _mails(expected):
            self.console.print(f"[dim]{_short(path)}[/]\n", soft_wrap=True)
            headers = (f"{name}: {mail[name]}" for name in ("Subject", "From", "To"))
            for line in (*headers, "", *str(mail.get_content()).rstrip().splitlines()):
                self.console.print(f"  {escape(line)}".rstrip(), soft_wrap=True)

    def _check(self, place: Place, last: RunView) -> None:
        folder = STATE / "results"
        with self.progress.step("results downloaded") as note:
            there = place.runs.sizes(keys.results(last.record.run_id))
            for key in there:
                download(place, key, folder, key.removeprefix(keys.results(last.record.run_id)))
            note(f"{len(there)} files, {sum(there.values()):,} bytes, in {_short(folder)}")
        assert self.reference is not None
        with self.progress.step("uninterrupted reference ready") as note:
            reference = self.reference.wait()
            note(f"the same deck by plain LAMMPS beside all this: {self.reference.seconds} s")
        with self.progress.step("results compared, cloud audited"):
            self.findings += audit(place, last)
            self.findings += compare(folder, reference)

    def _show_losses(self, losses: list[Loss], moments: Iterable[object]) -> None:
        self._title("5  What each interruption cost")
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("interruption")
        for name in ("at step", "resumed from", "steps again", "seconds"):
            table.add_column(name, justify="right")
        for loss, moment in zip(losses, moments, strict=False):
            seconds = "" if loss.seconds is None else f"{loss.seconds:.1f}"
            numbers = (f"{loss.step:,}", f"{loss.resumed:,}", f"{loss.steps:,}", seconds)
            table.add_row(str(moment), *numbers)
        self.console.print(table)
        self.console.print(
            "[dim]steps: as last reported, at most a second before; "
            "seconds: until the run was past that step again[/]"
        )

    def _title(self, text: str) -> None:
        self.console.print()
        self.console.print(Rule(f"[bold]{text}[/]", align="left"))


def _mails(run: str) -> Iterator[tuple[Path, EmailMessage]]:
    for path in sorted((STATE / lifecycle.MAIL).glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=default_policy)
        if mail["X-run-id"] == run:
            yield path, mail


def _one_mail(run: str) -> tuple[bool, str]:
    subjects = [str(mail["Subject"]) for _, mail in _mails(run)]
    return len(subjects) == 1 and "completed" in subjects[0], "; ".join(subjects) or "none came"


def _beside(python: Path, name: str) -> Path:
    return python.with_name(name)


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def main() -> int:
    arguments, more = _parse()
    demo = Demo(arguments.fast, arguments.seed, arguments.began, tuple(more))
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        try:
            demo.play()
        finally:
            demo.close()
        demo.conclude()
    except KeyboardInterrupt:
        print("Interrupted. Everything that the demo started has been stopped.", file=sys.stderr)
        return 130
    except Failure as error:
        text = remedy(error) if isinstance(error, AwsError) else str(error)
        print(f"The demo failed. {text}\nLogs are in {_short(STATE)}", file=sys.stderr)
        return 1
    except SomethingIsOffError as error:
        print(f"{error}\nLogs are in {_short(STATE)}", file=sys.stderr)
        return 1
    return 0


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


def _parse() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.demo",
        description=__doc__,
        epilog="Other options go to `python -m localcloud`.",
    )
    parser.add_argument("--fast", action="store_true", help="fewer steps, the same path")
    parser.add_argument("--seed", type=int, help="interruptions at other moments")
    parser.add_argument(
        "--began", type=float, default=0.0, help="when `make demo` began, in epoch seconds"
    )
    return parser.parse_known_args()


if __name__ == "__main__":
    sys.exit(main())
