"""The permissions of every role against the calls it makes: `python -m tools.permissions`.

The calls are those recorded while the tests of the local cloud ran (`make permissions`). None may
be one that the templates do not allow, and a permission that no call used needs a reason below.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools import recording
from tools.account import Account
from tools.policies import Policy, Request, as_list, like, matches, statements
from tools.project import ROOT, Project, load
from tools.recording import Made

PAGE: Final = Path("docs/permissions.md")
REASONED: Final = "tools/permissions.py"
COMMAND: Final = "`python -m tools.permissions --write`"
BEGIN: Final = f"<!-- made from the templates by {COMMAND} -->\n"
END: Final = "<!-- end of what is made -->\n"


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource that a role may do."""

    role: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.role}: {self.action} on {self.resource}"


@dataclass(frozen=True)
class Reason:
    """Why grants stay that no recorded call used; the names may have wildcards."""

    role: str
    actions: str
    """One or more, with blanks between."""

    resource: str
    why: str

    def covers(self, grant: Grant) -> bool:
        return (
            like(grant.role, self.role)
            and any(like(grant.action, action) for action in self.actions.split())
            and like(grant.resource, self.resource)
        )


WHAT_FOR: Final[Mapping[str, str]] = {
    "RunDeckRole": "The state machine: call functions, submit attempts, tell if all else fails.",
    "JobRole": "An attempt or a check: ask for the credentials of its run, and nothing else.",
    "RunRole": "What is lent to a job, narrowed to its run: read it, write its part. No delete.",
    "ExecutionRole": "ECS, before an attempt starts: fetch the image, open the log.",
    "CheckExecutionRole": "ECS, before a check starts: fetch the image, open the log.",
    "FlowLogRole": "The flow log: write down who called whom.",
    "MachineRole": "The host: join the cluster, let an administrator in. No data.",
}

PRICES: Final = "pricing:GetProducts ec2:DescribeSpotPriceHistory ec2:DescribeInstanceTypes"
PUBLISHING: Final = "sns:Publish kms:Decrypt kms:GenerateDataKey"
EVENTS: Final = "events:PutTargets events:PutRule events:DescribeRule"
LOGS: Final = "logs:*LogDeliver* logs:PutResourcePolicy logs:Describe*"

_CLOSES: Final = "The reaper ends a run whose execution died for good, and tells its people."

REASONS: Final = (
    Reason("*", "s3:AbortMultipartUpload", "*", "After an upload in parts that failed."),
    Reason(
        *("CheckDeckRole", "s3:ListBucket", "*:InboxBucket"),
        "A file that is withdrawn while it is read: gone, not forbidden.",
    ),
    Reason(
        *("SteerRunRole", "s3:ListBucket", "*"),
        "A run.json that is not there: missing, not forbidden.",
    ),
    Reason(
        "SteerRunRole",
        "s3:GetObject s3:PutObject",
        "*/sweep.json",
        "A sweep that is run once more.",
    ),
    Reason("*", PRICES, "*", "The local cloud has no prices to ask for."),
    Reason(
        *("*", "batch:TerminateJob", "*"),
        "A job that went on while its run did not, or that was asked to stop in that moment.",
    ),
    Reason("*", "states:StopExecution", "*", "A wish that comes while the run still waits."),
    Reason("*", "sns:Subscribe", "*", "Where this is the first message to an address."),
    Reason("ReapRunsRole", "s3:PutObject", "*/results/*", _CLOSES),
    Reason("ReapRunsRole", "dynamodb:PutItem", "*:table/Ledger", _CLOSES),
    Reason("ReapRunsRole", PUBLISHING, "*", _CLOSES),
    Reason(
        *("PruneCheckpointsRole", "s3:DeleteObject", "*/outputs/*"),
        "Pieces of output that an attempt has left and nothing names.",
    ),
    Reason(
        *("*", "sqs:SendMessage", "*:EventDeadLetters"),
        "An event that the function failed on; tried with one of the functions.",
    ),
    Reason("SurveyInboxRole", "sqs:SendMessage", "*", "A drop that still grows when it is found."),
    Reason("RunDeckRole", f"{EVENTS} {LOGS}", "*", "Checked when the state machine is made."),
    Reason("RunDeckRole", PUBLISHING, "*", "When not even the run could be closed."),
    Reason("*ExecutionRole", "ecr:Get* ecr:Batch*", "*", "No image is fetched on a laptop."),
    Reason(
        "*ExecutionRole",
        "logs:CreateLogStream logs:PutLogEvents",
        "*",
        "On a laptop the log of a job is a file.",
    ),
    Reason("FlowLogRole", "logs:*", "*", "On a laptop nobody notes who calls whom."),
    Reason(
        "MachineRole",
        "ssm:UpdateInstanceInformation ssmmessages:*",
        "*",
        "There are no hosts on a laptop.",
    ),
)


def refused(account: Account, calls: Sequence[Made]) -> list[Made]:
    """The recorded calls that the templates do not allow."""
    return [
        call
        for call in calls
        if not account.may(call.who, call.action, call.resource, call.conditions)
    ]


def unused(account: Account, calls: Sequence[Made]) -> list[Grant]:
    """The grants that no recorded call needed."""
    found = []
    for name, role in account.roles.items():
        made = [call for call in calls if call.who == name]
        for statement in statements(role.policies, "Allow"):
            found += [
                item for item in grants(name, statement) if not _is_used(item, statement, made)
            ]
    return sorted(set(found))


def grants(role: str, statement: Policy) -> Iterator[Grant]:
    for action in as_list(statement["Action"]):
        for resource in as_list(statement["Resource"]):
            yield Grant(role, action, resource)


def _is_used(grant: Grant, statement: Policy, made: Sequence[Made]) -> bool:
    alone = {**statement, "Action": grant.action, "Resource": grant.resource}
    return any(matches(alone, Request(c.action, c.resource, c.conditions)) for c in made)


def findings(account: Account, calls: Sequence[Made]) -> Iterator[str]:
    """Everything wrong, one sentence each."""
    for call in refused(account, calls):
        yield f"{call.who} may not {call.action} on {call.resource}, which it does"
    left = unused(account, calls)
    for grant in left:
        if not any(reason.covers(grant) for reason in REASONS):
            yield f"{grant}: used by no recorded call; remove it, or say why in {REASONED}"
    for name in account.roles:
        if not what_for(account, name):
            yield f"{name}: say what it is for, in WHAT_FOR of {REASONED}"
    for reason in REASONS:
        if not any(reason.covers(grant) for grant in left):
            yield f"nothing unused is covered by the reason `{reason.why}`: remove it"


def page(account: Account, calls: Sequence[Made], stands: str) -> str:
    """*stands*, the page in the docs, with what is made of the templates put in."""
    head, rest = stands.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}{_roles(account, calls)}\n{_reasons(account, calls)}{END}{tail}"


def _roles(account: Account, calls: Sequence[Made]) -> str:
    rows = ["| role | what for | may, on resources that the template names |", "|---|---|---|"]
    for name, role in account.roles.items():
        granted = (item for s in statements(role.policies, "Allow") for item in grants(name, s))
        actions = _grouped({item.action for item in granted})
        also = "".join(f"; {policy}" for policy in role.managed)
        rows.append(f"| `{name}` | {what_for(account, name)} | {actions}{also} |")
    return "\n".join([*rows, ""])


def _grouped(actions: Iterable[str]) -> str:
    """`s3: GetObject, PutObject; sns: Publish`."""
    services: dict[str, list[str]] = {}
    for action in sorted(actions):
        service, _, name = action.partition(":")
        services.setdefault(service, []).append(name)
    return "; ".join(f"**{service}** {', '.join(names)}" for service, names in services.items())


def what_for(account: Account, role: str) -> str:
    """A function says itself what it is for; the others are described here."""
    for function in account.project.resources("AWS::Lambda::Function"):
        if f"{function.name}Role" == role:
            return str(function.properties["Description"])
    return WHAT_FOR.get(role, "")


def _reasons(account: Account, calls: Sequence[Made]) -> str:
    rows = ["| granted, and used by no recorded call | why it stays |", "|---|---|"]
    left = unused(account, calls)
    for reason in REASONS:
        covered = [grant for grant in left if reason.covers(grant)]
        roles = ", ".join(f"`{name}`" for name in sorted({grant.role for grant in covered}))
        rows.append(
            f"| {_grouped({grant.action for grant in covered})} of {roles} | {reason.why} |"
        )
    return "\n".join([*rows, ""])


def stale(project: Project, root: Path = ROOT) -> list[str]:
    """What is wrong with permissions, recording or page; for the gate."""
    account, calls = Account(project), recording.read(root / recording.FILE)
    found = list(findings(account, calls))
    stands = (root / PAGE).read_text(encoding="utf-8")
    if stands != page(account, calls, stands):
        found.append(f"{PAGE} is not of these templates; {COMMAND} writes it again")
    return found


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    project = load(root)
    if "--write" in arguments:
        stands = (root / PAGE).read_text(encoding="utf-8")
        made = page(Account(project), recording.read(root / recording.FILE), stands)
        (root / PAGE).write_text(made, encoding="utf-8")
    found = stale(project, root)
    print("\n".join(found) or "Every recorded call is allowed, and every permission has its use.")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
