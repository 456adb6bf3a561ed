"""S3: events name versions, checksums are of whole objects, what AWS does not take is refused."""

from __future__ import annotations

import base64
import contextvars
import json
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import eventbridge, s3

from localcloud.patches import private

SMALLEST_PART = 5 * 2**20
LONGEST_KEY = 1024
CRC32 = "x-amz-checksum-crc32"
_version_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("version_id", default=None)


def install() -> None:
    _name_versions()
    _refuse_small_parts()
    _refuse_long_keys()
    _sum_up_whole_objects()


def _name_versions() -> None:
    """Give EventBridge the version that MiniStack tells only to the older notifications."""
    fire = private(
        s3,
        "_fire_s3_event",
        *("bucket_name", "key", "event_name", "size", "etag", "deletion_type"),
        *("restore_event_data", "version_id", "sequencer", "object_extra", "record_extra"),
    )
    dispatch = private(eventbridge, "_dispatch_event", "event", "view")

    def fire_with_version(*args: Any, **kwargs: Any) -> None:
        _version_id.set(kwargs.get("version_id"))
        fire(*args, **kwargs)
        _version_id.set(None)

    def dispatch_with_version(event: dict[str, Any], view: Any = None) -> Any:
        version_id = _version_id.get()
        if version_id and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, view)

    s3._fire_s3_event = fire_with_version
    eventbridge._dispatch_event = dispatch_with_version


def _refuse_small_parts() -> None:
    """Answer EntityTooSmall, which decides how results may be joined from pieces."""
    complete = private(
        s3,
        "_complete_multipart_upload",
        *("bucket_name", "key", "body", "query_params", "headers"),
    )

    def complete_large(
        bucket_name: str, key: str, body: bytes, query_params: Any, headers: Any = None
    ) -> Any:
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId")) or {"parts": {}}
        numbers = [int(n.text or 0) for n in ET.fromstring(body).iter() if _is_part_number(n)]
        sizes = [upload["parts"][n]["size"] for n in sorted(numbers) if n in upload["parts"]]
        if any(size < SMALLEST_PART for size in sizes[:-1]):
            message = "Your proposed upload is smaller than the minimum allowed size"
            return s3._error("EntityTooSmall", message, 400, f"/{bucket_name}/{key}")
        return complete(bucket_name, key, body, query_params, headers)

    s3._complete_multipart_upload = complete_large


def _refuse_long_keys() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html."""
    for name, parameters in {
        "_put_object": ("bucket_name", "key", "body", "headers"),
        "_copy_object": ("bucket_name", "dest_key", "headers"),
        "_create_multipart_upload": ("bucket_name", "key", "headers"),
    }.items():
        setattr(s3, name, _for_short_keys(private(s3, name, *parameters)))


def _sum_up_whole_objects() -> None:
    """A checksum of type FULL_OBJECT is of all bytes; MiniStack takes it for one of the parts'."""
    complete = private(
        s3,
        "_complete_multipart_upload",
        *("bucket_name", "key", "body", "query_params", "headers"),
    )

    def complete_whole(
        bucket_name: str, key: str, body: bytes, query_params: Any, headers: Any = None
    ) -> Any:
        others = dict(headers or {})
        wanted = others.pop(CRC32, None)
        upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"))
        of_whole = others.get("x-amz-checksum-type", "").upper() == "FULL_OBJECT"
        if wanted is None or upload is None or not of_whole:
            return complete(bucket_name, key, body, query_params, headers)
        found = 0
        for _, part in sorted(upload["parts"].items()):
            found = zlib.crc32(part["body"], found)
        if base64.b64encode(found.to_bytes(4, "big")).decode() != wanted:
            message = "The CRC32 you specified did not match the calculated checksum."
            return s3._error("BadDigest", message, 400, f"/{bucket_name}/{key}")
        answer = complete(bucket_name, key, body, query_params, others)
        if answer[0] == HTTPStatus.OK:
            stored = s3._ensure_bucket(bucket_name)["objects"][key]
            stored.update(checksums={"CRC32": wanted}, checksum_type="FULL_OBJECT")
        return answer

    s3._complete_multipart_upload = complete_whole


def _for_short_keys(function: Callable[..., Any]) -> Callable[..., Any]:
    def refuse_or_do(bucket_name: str, key: str, *more: Any) -> Any:
        if len(key.encode()) > LONGEST_KEY:
            return s3._error("KeyTooLongError", "Your key is too long", 400, f"/{bucket_name}")
        return function(bucket_name, key, *more)

    return refuse_or_do


def _is_part_number(element: ET.Element) -> bool:
    return element.tag.rpartition("}")[2] == "PartNumber"
