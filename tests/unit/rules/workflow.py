"""Faults of the state machine."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, replace, state

RETRY = "Retry/0"
FAULTS: Faults = {
    "next dangling": (state("JudgeAttempt", "Next", "AttemptJuged"), "no such state: AttemptJuged"),
    "state unreachable": (
        state("CheckDeck", "Next", "CloseRun"),
        "WaitForFiles: cannot be reached",
    ),
    "loop without end": (state("CloseRun", "Next", "CheckDeck"), "Completed: cannot be reached"),
    "task without timeout": (state("PlanAttempt", "TimeoutSeconds", None), "TimeoutSeconds"),
    "task without retry": (state("JudgeAttempt", "Retry", None), "no Retry"),
    "task without catch": (state("CloseRun", "Catch", None), "no Catch"),
    "retry of everything": (
        state("RunAttempt", f"{RETRY}/ErrorEquals", ["States.ALL"]),
        "must name",
    ),
    "retry in step": (state("RunAttempt", f"{RETRY}/JitterStrategy", None), "full jitter"),
    "retry without limit": (
        state("RunAttempt", f"{RETRY}/MaxDelaySeconds", None),
        "MaxDelaySeconds",
    ),
    "state gives up first": (
        state("CloseRun", "TimeoutSeconds", 300),
        "waits 300 s for a function of 840 s",
    ),
    "attempt outlives state": (
        state("RunAttempt", "TimeoutSeconds", 3600),
        "for a job of 604800 s",
    ),
    "check outlives state": (
        state("DryRun", "TimeoutSeconds", 900),
        "waits 900 s for a job of 14400 s",
    ),
    "job of unknown length": (
        state("DryRun", "Arguments/JobDefinition", "check"),
        "nobody knows how long a job of check may take",
    ),
    "service misspelt": (replace("sns:publish", "sns:publishh"), "no such integration"),
    "argument misspelt": (replace('"JobName"', '"JobNam"'), "unknown argument JobNam"),
    "nested argument misspelt": (
        replace('"Environment"', '"Environments"'),
        "unknown argument Environments",
    ),
    "argument missing": (
        state("RunAttempt", "Arguments/JobQueue", None),
        "missing argument JobQueue",
    ),
    "no share": (state("RunAttempt", "Arguments/ShareIdentifier", None), "ShareIdentifier"),
    "substitution unknown": (
        replace("${CloseRunArn}", "${CloserunArn}"),
        "CloserunArn is not given",
    ),
    "substitution unused": (replace("${CloseRunArn}", "arn"), "CloseRunArn is not used"),
    "variable unassigned": (
        replace("$states.context.Execution.Id", "$execution"),
        "$execution is never",
    ),
    "not jsonata": (
        state("DeckChecked", "Choices/0/Condition", "{% $states.input.x = %}"),
        "not JSONata",
    ),
    "jsonpath": (state("PlanAttempt", "ResultPath", "$.plan"), "is JSONPath"),
    "subject unbounded": (
        state("TellOperator", "Arguments/Subject", "{% $states.input.reason %}"),
        "not cut to 99",
    ),
    "subject too long": (state("TellOperator", "Arguments/Subject", "x" * 101), "101 characters"),
    "state without next": (state("JudgeAttempt", "Next", None), "leads nowhere and is no end"),
    "state in a circle": (
        state("WaitForFiles", "Next", "WaitForFiles"),
        "no path from here",
    ),
    "message without subject": (
        state("TellOperator", "Arguments/Subject", None),
        "without a subject",
    ),
    "path language": (replace('"JSONata"', '"JSONPath"'), "not in JSONata"),
    "half an expression": (
        state("TellOperator", "Arguments/Subject", "Run {% $states.input.run_id %}"),
        "must be the whole string",
    ),
}
