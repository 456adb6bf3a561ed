"""Lambda: failures keep the name of their exception, workers outlive them, and few run at once.

Programs in a layer stay programs.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from localcloud.meter import Meter
from localcloud.patches import PINNED, private
from localcloud.places import Places

REPORTS_FAILURE = (
    '{"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")\n'
    "        _real_stdout.flush()"
)
REPORTS_EXCEPTION = (
    '{"status": "ok", "raised": type(e).__name__, "error": str(e), '
    '"trace": traceback.format_exc()}) + "\\n")\n'
    "        _real_stdout.flush()"
)
SEPARATOR = "\x1f"
"""Carries the exception's name beside its text through MiniStack, which knows only the text."""


def install(places: Places, meter: Meter) -> None:
    _keep_workers_after_exceptions()
    _keep_modes_of_files()
    _name_exceptions(places, meter)


def _keep_workers_after_exceptions() -> None:
    """Let a worker report an exception as an answer, because MiniStack ends it on an error."""
    script: str = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert script.count(REPORTS_FAILURE) == 1, f"The worker is not that of MiniStack {PINNED}."
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(REPORTS_FAILURE, REPORTS_EXCEPTION)
    invoke = private(
        lambda_runtime.Worker,
        "invoke",
        *("self", "event", "request_id", "trace_id", "depth", "durable", "invoked_function_arn"),
    )

    def invoke_and_tell(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        response: dict[str, Any] = invoke(self, *args, **kwargs)
        if name := response.pop("raised", None):
            response["status"] = "error"
            response["error"] = f"{name}{SEPARATOR}{response['error']}"
        return response

    lambda_runtime.Worker.invoke = invoke_and_tell


class _Archive(zipfile.ZipFile):
    """Unpacks files with their modes, as Lambda does."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        lambda_svc._extract_zip_preserving_mode(self, str(path))


def _keep_modes_of_files() -> None:
    """MiniStack keeps them for Docker only, not for its own workers."""
    private(lambda_svc, "_extract_zip_preserving_mode", "zf", "dest_dir")
    assert lambda_runtime.zipfile is zipfile, f"No zipfile in the worker of MiniStack {PINNED}?"
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": _Archive})


def _name_exceptions(places: Places, meter: Meter) -> None:
    execute = private(lambda_svc, "_execute_function_warm", "func", "event", "request_id")

    def execute_in_turn(func: Mapping[str, Any], event: object, request_id: str) -> dict[str, Any]:
        config = func.get("config") or func
        name, mebibytes = config["FunctionName"], int(config.get("MemorySize", 128))
        with places.place(), meter.invocation(name, mebibytes):
            result: dict[str, Any] = execute(func, event, request_id)
        if not result.get("error") or SEPARATOR not in result["body"]["errorMessage"]:
            return result
        name, _, message = result["body"]["errorMessage"].partition(SEPARATOR)
        result["body"] = {
            "errorMessage": message,
            "errorType": name,
            "requestId": request_id,
            "stackTrace": _traceback(result.get("log", "")),
        }
        return result

    lambda_svc._execute_function_warm = execute_in_turn


def _traceback(log: str) -> list[str]:
    """Take the traceback from behind what the function printed."""
    head = "Traceback (most recent call last):"
    return log.rpartition(head)[2].strip("\n").splitlines() if head in log else []
