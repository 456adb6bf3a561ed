"""What people upload, right or wrong, and what they are told: the real stack from end to end."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from botocore.exceptions import ClientError

from deckhand.adapters.outbox import Outbox
from deckhand.adapters.subscriptions import Subscriptions
from deckhand.domain import keys
from deckhand.domain.attempt import Verdict
from deckhand.domain.ledger import RunRecord
from deckhand.domain.run import Run, RunState
from tests.localcloud.conftest import Deployed, wait_for
from tests.localcloud.drops import (
    ATOMS,
    DATA_IN_DISORDER,
    DUMP_EVERY,
    ENDLESS_IF_SKIPPED,
    FORCES,
    INCLUDES,
    LINE_OF,
    LONG_FOLDERS,
    LONG_NAME,
    LONGER_FOLDERS,
    MORE_FOLDERS,
    PNG,
    READS,
    SOUND,
    STEPS,
    Files,
    changed,
    tarred,
    uploaded_event,
    zipped,
)
from tests.makers import ADMITTED, message


class Case(NamedTuple):
    """A drop, and what both its message and `deckhand show` must say."""

    files: Files
    told: tuple[str, ...]

    @property
    def path(self) -> str:
        return next(iter(self.files))


UNPACKED = "Upload the files as a folder instead."
BOMB = b"\0" * (80 * 2**20)

LATE = Case({"late/in.melt": READS}, ("completed",))
WITHDRAWN = Case({"withdrawn/in.melt": READS}, ("withdrawn: the deck was deleted",))
MISSING = Case(
    {"missing/in.melt": READS},
    (
        "in.melt, line 3: the file atoms.data is not in the drop.",
        "Upload it together with the deck.",
    ),
)
WAITING = (MISSING, LATE, WITHDRAWN)

REJECTED = {
    "no deck": Case(
        {"no deck/notes.txt": b"cool it slowly", "no deck/run.yaml": b"deck: in.melt\n"},
        ("run.yaml says `deck: in.melt`, but the drop has no such file.", "It has: notes.txt"),
    ),
    "options only": Case(
        {"options only/run.yaml": b"# later\n"},
        ("no LAMMPS input script, only run.yaml", "Name the script in.<name>"),
    ),
    "two decks": Case(
        {"two decks/in.one": SOUND, "two decks/in.two": SOUND},
        ("The drop has 2 decks: in.one, in.two.", "say which one in run.yaml: `deck: <file>`"),
    ),
    "unknown option": Case(
        {"unknown option/run.yaml": b"dekc: in.melt\n", "unknown option/in.melt": SOUND},
        ("run.yaml has the unknown key `dekc`. Did you mean `deck`?",),
    ),
    "mistyped": Case(
        {"in.mistyped": changed("pair_style", "pair_stile lj/cut 2.5")},
        (
            f"in.mistyped, line {LINE_OF['pair_style']}: there is no LAMMPS command `pair_stile`.",
            "Did you mean `pair_style`?",
        ),
    ),
    "wrong argument": Case(
        {"in.wrong": changed("pair_coeff", "pair_coeff 1 3 1.0 1.0 2.5")},
        (
            f"in.wrong, line {LINE_OF['pair_coeff']}: LAMMPS says: Numeric index 3 is out of",
            "https://docs.lammps.org/pair_coeff.html",
        ),
    ),
    "data that do not fit": Case(
        {"no fit/in.melt": READS, "no fit/atoms.data": DATA_IN_DISORDER},
        ("in.melt, line 3: LAMMPS says: ", "https://docs.lammps.org/read_data.html"),
    ),
    "binary": Case(
        {"in.x": PNG},
        ("in.x is a binary file", "line 2 has the byte 0x1a", "Save it as UTF-8 text"),
    ),
    "empty deck": Case({"in.nothing": b" \n"}, ("in.nothing is empty. Upload it again.",)),
    "long name": Case(
        {LONG_NAME: SOUND},
        (
            "The file name 'in.nnn",
            "has 903 bytes; 255 is the most a file system takes.",
            "Give it a shorter name.",
        ),
    ),
    "long key": Case(
        {f"long key/{LONGER_FOLDERS}/in.melt": SOUND},
        ("The path 'aaaa", "Use shorter folder names."),
    ),
    "zip: ..": Case(
        {"up.zip": zipped({"in.melt": SOUND, "../../etc/cron.d/x": b"x"})},
        ("up.zip: '../../etc/cron.d/x' leaves the drop with '..'.", "Use paths inside the drop."),
    ),
    "zip: absolute": Case(
        {"absolute.zip": zipped({"in.melt": SOUND, "/etc/cron.d/x": b"x"})},
        ("absolute.zip: '/etc/cron.d/x' is an absolute path.", "Use paths inside the drop."),
    ),
    "zip: link": Case(
        {"link.zip": zipped({"in.melt": SOUND}, links=["chains.data"])},
        ("link.zip holds 'chains.data', which is a link or a device.", UNPACKED),
    ),
    "zip: bomb": Case(
        {"bomb.zip": zipped({"in.melt": SOUND, "chains.data": BOMB})},
        ("bomb.zip unpacks to more than 200 times its size.", UNPACKED),
    ),
    "zip: torn": Case(
        {"torn.zip": zipped({"in.melt": SOUND})[:-30]},
        ("torn.zip is damaged", "Pack and upload it again."),
    ),
    "tar: symbolic link": Case(
        {"symlink.tar.gz": tarred({"in.melt": SOUND}, "chains.data", tarfile.SYMTYPE)},
        ("symlink.tar.gz holds 'chains.data', which is a link, a device or sparse.", UNPACKED),
    ),
    "tar: hard link": Case(
        {"hardlink.tgz": tarred({"in.melt": SOUND}, "chains.data", tarfile.LNKTYPE)},
        ("hardlink.tgz holds 'chains.data', which is a link, a device or sparse.", UNPACKED),
    ),
    "tar: device": Case(
        {"device.tar.gz": tarred({"in.melt": SOUND}, "chains.data", tarfile.CHRTYPE)},
        ("device.tar.gz holds 'chains.data', which is a link, a device or sparse.", UNPACKED),
    ),
}

UNTRIGGERED = {
    "empty": Case(
        {"empty/": b""}, ("The drop is empty. Upload a LAMMPS input script, e.g. in.melt.",)
    ),
    "data only": Case(
        {"data only/atoms.data": ATOMS, "data only/notes.txt": b"cool it slowly"},
        (
            "The drop has no LAMMPS input script, only atoms.data, notes.txt.",
            "Name the script in.<name>",
        ),
    ),
}

COMPLETED = {
    "too long for a dry run": Case({"in.endless": ENDLESS_IF_SKIPPED}, ("completed",)),
    "one file": Case({"in.tiny": SOUND}, ("completed",)),
    "archive": Case(
        {"packed.zip": zipped({"melt/in.melt": INCLUDES, "melt/forces.inc": FORCES})},
        ("completed", "deck in.melt"),
    ),
    "picked": Case(
        {
            "picked/in.one": b"bogus\n",
            "picked/in.two": SOUND,
            "picked/run.yaml": b"deck: in.two\n",
        },
        ("completed", "deck in.two"),
    ),
    "odd name": Case({"50% of a+b, 1:2 Größe.in": SOUND}, ("completed",)),
    "odd names": Case(
        {
            "Versuch #3 (β=½)/a%20b+c/größe & maß.dat": ATOMS,
            "Versuch #3 (β=½)/a%20b+c/in.mein Lauf %2B": changed("thermo", "thermo 20"),
        },
        ("completed",),
    ),
    "long paths": Case(
        {
            f"long paths/{LONGER_FOLDERS}/forces.inc": FORCES,
            f"long paths/{LONG_FOLDERS}/in.melt": changed(
                "pair_coeff", f"include {MORE_FOLDERS}/forces.inc"
            ),
        },
        ("completed",),
    ),
}
TWICE = COMPLETED["one file"]

FAILED = {
    "lost atoms": Case(
        {"in.lost": changed("mass", "mass 1 1e-9")},
        (
            f"in.lost, line {LINE_OF['run']}: The simulation blew up: Lost atoms: original 108",
            "The time step may be too large",
        ),
    ),
}

GONE = "gone/in.gone"
NEVER = "never/in.never"

# Those that take long first.
CROWD = (*COMPLETED.values(), *FAILED.values(), *UNTRIGGERED.values(), *REJECTED.values())


@pytest.fixture(scope="module")
def earlier(deployed: Deployed) -> set[str]:
    """The runs of other tests."""
    return {record.run_id for record in deployed.every_run()}


@pytest.fixture(scope="module")
def waiting(deployed: Deployed, earlier: set[str]) -> str:
    """What `deckhand show` says of a drop that lacks a file, one of three.

    All before the crowd comes, because the wait has an end.
    """
    deployed.put_all([case.files for case in WAITING])
    runs = {case.path: deployed.in_state(case.path, RunState.WAITING).run_id for case in WAITING}
    deployed.put("late/atoms.data", ATOMS)
    deployed.inbox.delete([f"{keys.INBOX}{WITHDRAWN.path}"])
    return deployed.deckhand("show", runs[MISSING.path])


@pytest.fixture(scope="module")
def stack(deployed: Deployed, waiting: str) -> Deployed:
    """The stack with all drops on their way at once, and the odd messages about some."""
    deployed.put_all([case.files for case in CROWD])
    deployed.put(GONE, SOUND)
    deployed.inbox.delete([f"{keys.INBOX}{GONE}"])
    for path in (NEVER, TWICE.path, TWICE.path):
        deployed.tell(uploaded_event(deployed.inbox.name, f"{keys.INBOX}{path}"))
    return deployed


def told(stack: Deployed, case: Case, state: RunState) -> RunRecord:
    """The closed run of a drop, after a look at all that its user hears of it."""
    record = stack.closed(case.path)
    assert record.state is state, record.reason
    [mail] = stack.mails(record.run_id)
    body = " ".join(str(mail.get_content()).split())
    shown = stack.deckhand("show", record.run_id)
    for text in case.told:
        assert text in body
        assert text in shown
    assert f"{record.run_id} {state.value}" in shown
    assert f"Next: deckhand results {record.run_id}" in shown
    assert record.run_id in body
    assert "What to do: " in body
    assert mail["X-event"] == f"run_{state.value}"
    assert str(mail["Subject"]).startswith("Deckhand: ")
    return record


def run_json(stack: Deployed, case: Case) -> Run:
    body = stack.runs.read(keys.run_record(stack.closed(case.path).run_id))
    return Run.model_validate_json(body or b"")


def test_a_run_waits_for_a_file_that_comes_later(stack: Deployed) -> None:
    assert told(stack, LATE, RunState.COMPLETED).total_steps == 10


def test_a_file_that_never_comes_ends_the_wait(stack: Deployed, waiting: str) -> None:
    assert "waiting for missing files" in waiting
    assert told(stack, MISSING, RunState.REJECTED).attempts == ()


def test_a_deck_that_is_taken_back_is_not_run(stack: Deployed) -> None:
    assert told(stack, WITHDRAWN, RunState.REJECTED).attempts == ()


@pytest.mark.parametrize("name", COMPLETED)
def test_a_sound_drop_is_run(stack: Deployed, name: str) -> None:
    record = told(stack, COMPLETED[name], RunState.COMPLETED)
    [attempt] = record.attempts
    assert attempt.verdict is Verdict.COMPLETED


@pytest.mark.parametrize("name", REJECTED)
def test_a_drop_that_cannot_be_run_says_why(stack: Deployed, name: str) -> None:
    record = told(stack, REJECTED[name], RunState.REJECTED)
    assert record.attempts == ()


@pytest.mark.parametrize("name", FAILED)
def test_what_only_a_real_run_shows_fails_once(stack: Deployed, name: str) -> None:
    record = told(stack, FAILED[name], RunState.FAILED)
    [attempt] = record.attempts
    assert attempt.verdict is Verdict.DECK_ERROR


def test_a_dry_run_tells_what_the_run_is_going_to_be(stack: Deployed) -> None:
    run = run_json(stack, COMPLETED["archive"])
    assert (run.total_steps, run.atoms, run.dry_run) == (STEPS, 108, "")
    assert run.checkpoint_bytes is not None
    assert run.checkpoint_bytes > run.atoms * 50


def test_a_deck_that_a_dry_run_cannot_finish_is_run_all_the_same(stack: Deployed) -> None:
    run = run_json(stack, COMPLETED["too long for a dry run"])
    assert run.dry_run == "The dry run was given up when its time was over."
    assert (run.total_steps, run.atoms) == (None, None)


@pytest.mark.parametrize("name", UNTRIGGERED)
def test_the_survey_finds_what_no_event_tells_of(stack: Deployed, name: str) -> None:
    case = UNTRIGGERED[name]

    def surveyed() -> bool:
        stack.survey()
        return bool(stack.runs_of(case.path))

    wait_for("a survey that finds it", surveyed)
    assert told(stack, case, RunState.REJECTED).attempts == ()


@pytest.mark.parametrize("name", ["one file", "archive", "long paths"])
def test_the_results_of_a_drop_are_whole(stack: Deployed, tmp_path: Path, name: str) -> None:
    run_id = stack.closed(COMPLETED[name].path).run_id
    stack.deckhand("results", run_id, str(tmp_path))
    assert json.loads(stack.deckhand("verify", "--json", run_id))["ok"]
    assert json.loads(stack.deckhand("verify", "--json", str(tmp_path)))["ok"]
    files = {path.name: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert "Total wall time" in files["log.lammps"]
    assert files["traj.lammpstrj"].count("ITEM: TIMESTEP") == STEPS // DUMP_EVERY + 1
    assert run_id in files["report.txt"]
    assert {"log.lammps", "traj.lammpstrj"} <= set(files)


def test_the_installed_command_lists_the_runs(stack: Deployed) -> None:
    record = stack.closed(REJECTED["mistyped"].path)
    listed = stack.deckhand_process("list", "--limit", "100")
    assert listed.returncode == 0, listed.stderr
    assert {item.run_id for item in stack.every_run()} <= set(listed.stdout.split())
    shown = stack.deckhand_process("show", record.run_id)
    assert "Did you mean `pair_style`?" in shown.stdout
    assert shown.stderr == ""


def test_events_of_what_is_gone_or_known_lead_to_nothing(stack: Deployed) -> None:
    before = stack.closed(TWICE.path)
    stack.tell(uploaded_event(stack.inbox.name, f"{keys.INBOX}{TWICE.path}"))
    wait_for("an empty intake queue", stack.is_quiet)
    assert stack.closed(TWICE.path) == before
    assert stack.runs_of(GONE) == stack.runs_of(NEVER) == []


def test_a_key_that_s3_does_not_take_is_refused_here_too(deployed: Deployed) -> None:
    with pytest.raises(ClientError, match="KeyTooLongError"):
        deployed.put(f"in.{'n' * 1016}", SOUND)


def test_messages_that_wait_come_as_one_to_whom_they_name(deployed: Deployed) -> None:
    database, table = deployed.client("dynamodb"), deployed.outputs["LedgerTable"]
    topic = deployed.outputs["MessagesTopic"]
    outbox = Outbox(database, table)
    for name in ("ada@example.org", "eve@example.org"):
        Subscriptions(deployed.client("sns"), topic).ensure(name)
    for number in (1, 2):
        told = message(f"waiting-{number}", notify=("ada@example.org", "bob@example.org"))
        outbox.claim(told, ADMITTED)
        outbox.wait(told.key)
    # The schedule may have had its look of these five minutes.
    look = {"run_id": {"S": "outbox"}, "item": {"S": "look"}}
    database.delete_item(TableName=table, Key=look)
    deployed.invoke("SendDigest")
    mails = [mail for mail in deployed.every_mail() if "2 messages: 2 failed" in mail["Subject"]]
    assert all("waiting-1" in mail.get_content() for mail in mails)
    heard = {mail["To"] for mail in mails}
    assert "ada@example.org" in heard
    assert "eve@example.org" not in heard
    assert len(heard) == len(mails)


def test_every_drop_has_one_run_and_one_mail(stack: Deployed, earlier: set[str]) -> None:
    cases = (*WAITING, *CROWD)
    runs = [stack.closed(case.path).run_id for case in cases]
    names = (record.run_id for record in stack.every_run())
    assert Counter(name for name in names if name not in earlier) == Counter(runs)
    told = (mail["X-run-id"] for mail in stack.every_mail())
    known = earlier | {None}
    assert Counter(name for name in told if name not in known) == Counter(runs)
