"""One bucket of S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from deckhand.adapters import ranged
from deckhand.adapters.upload import Uploader, crc32_of, plain_uploader
from deckhand.domain.deck import DropObject
from deckhand.domain.errors import StorageError
from deckhand.domain.parts import Part, Range
from deckhand.usecases.ports import Bucket as BucketPort

CHUNK: Final = 1024 * 1024
DELETE_AT_ONCE: Final = 1000
PARALLEL_PARTS: Final = 8

MISSING: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})
DENIED: Final = frozenset({"AccessDenied", "403", "Forbidden"})
EXISTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
UNUSABLE_PIECE: Final = MISSING | {"InvalidRange", "InvalidPartOrder", "InvalidArgument", "416"}


class Bucket:
    """*uploader* is how files go up: with boto3 alone where none is given."""

    def __init__(self, client: BaseClient, name: str, uploader: Uploader | None = None) -> None:
        self._client = client
        self._name = name
        self._uploader = uploader or plain_uploader(client)

    @property
    def name(self) -> str:
        return self._name

    def current(self, prefix: str) -> list[DropObject]:
        return [item for item, is_there in self.latest(prefix) if is_there]

    def latest(self, prefix: str) -> Iterator[tuple[DropObject, bool]]:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._name, Prefix=prefix
        )
        for page in pages:
            # Two lists, each by key; a key has one latest version, so pages do not overlap.
            entries = [(item, True) for item in page.get("Versions", ())]
            entries += [(item, False) for item in page.get("DeleteMarkers", ())]
            for item, is_there in sorted(entries, key=lambda entry: str(entry[0]["Key"])):
                if item["IsLatest"]:
                    yield _listed(item), is_there

    def sizes(self, prefix: str) -> dict[str, int]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._name, Prefix=prefix
        )
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}

    def read(self, key: str, version_id: str = "") -> bytes | None:
        try:
            return b"".join(self.stream(key, version_id))
        except StorageError:
            return None

    def stream(self, key: str, version_id: str = "") -> Iterator[bytes]:
        try:
            answer = self._client.get_object(Bucket=self._name, Key=key, **_version(version_id))
        except ClientError as error:
            self._translate(error, key, MISSING)
            raise
        # Not the body's own `with`: that gives the stream without its check of the length.
        with closing(answer["Body"]) as body:
            yield from body.iter_chunks(CHUNK)

    def write(self, key: str, body: bytes) -> None:
        self._client.put_object(Bucket=self._name, Key=key, Body=body)

    def create(self, key: str, body: bytes) -> bool:
        try:
            self._client.put_object(Bucket=self._name, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if _code(error) in EXISTS:
                return False
            raise
        return True

    def upload(self, key: str, path: Path) -> None:
        size, checksum = path.stat().st_size, crc32_of(path)
        self._uploader.upload(path, self._name, key, checksum)
        stored = self._client.head_object(Bucket=self._name, Key=key, ChecksumMode="ENABLED")
        if (stored["ContentLength"], stored.get("ChecksumCRC32")) != (size, checksum):
            raise StorageError(f"s3://{self._name}/{key} is not the file that was uploaded.")

    def download(self, key: str, path: Path) -> None:
        try:
            ranged.download(self._client, self._name, key, path)
        except ClientError as error:
            self._translate(error, key, MISSING)
            raise

    def take(self, source: BucketPort, item: DropObject, key: str) -> None:
        origin = {"Bucket": source.name, "Key": item.key, **_version(item.version_id)}
        try:
            # Managed: one call takes 5 GB at most, and larger ones go over in parts.
            self._client.copy(origin, self._name, key)
        except ClientError as error:
            self._translate(error, item.key, MISSING)
            raise

    def join(self, key: str, parts: Sequence[Part]) -> None:
        if not parts or (len(parts) == 1 and not parts[0].copied):
            self.write(key, b"".join(self._carry(part) for part in parts))
            return
        upload = self._client.create_multipart_upload(Bucket=self._name, Key=key)
        target = {"Bucket": self._name, "Key": key, "UploadId": upload["UploadId"]}
        try:
            with ThreadPoolExecutor(PARALLEL_PARTS) as pool:
                numbered = enumerate(parts, start=1)
                made = list(pool.map(lambda item: self._make_part(target, *item), numbered))
            self._client.complete_multipart_upload(**target, MultipartUpload={"Parts": made})
        except BaseException:
            # Parts that are not completed are invisible, and paid for.
            self._client.abort_multipart_upload(**target)
            raise

    def delete(self, keys: Sequence[str]) -> None:
        for at in range(0, len(keys), DELETE_AT_ONCE):
            names = [{"Key": key} for key in keys[at : at + DELETE_AT_ONCE]]
            answer = self._client.delete_objects(
                Bucket=self._name, Delete={"Objects": names, "Quiet": True}
            )
            for error in answer.get("Errors", ()):
                raise StorageError(f"s3://{self._name}/{error['Key']}: {error.get('Message')}")

    def _make_part(self, target: dict[str, str], number: int, part: Part) -> dict[str, Any]:
        if part.copied:
            made = self._copy(target, number, part.ranges[0])
        else:
            made = self._client.upload_part(**target, PartNumber=number, Body=self._carry(part))
        # Where the upload has a checksum algorithm, completing it wants every part's.
        sums = {name: value for name, value in made.items() if name in CHECKSUMS}
        return {"PartNumber": number, "ETag": made["ETag"], **sums}

    def _copy(self, target: dict[str, str], number: int, piece: Range) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._client.upload_part_copy(
                **target,
                PartNumber=number,
                CopySource={"Bucket": self._name, "Key": piece.key},
                CopySourceRange=_span(piece),
            )
        except ClientError as error:
            self._translate(error, piece.key, UNUSABLE_PIECE)
            raise
        result: dict[str, Any] = answer["CopyPartResult"]
        return result

    def _carry(self, part: Part) -> bytes:
        return b"".join(self._read_range(piece) for piece in part.ranges)

    def _read_range(self, piece: Range) -> bytes:
        try:
            answer = self._client.get_object(Bucket=self._name, Key=piece.key, Range=_span(piece))
        except ClientError as error:
            self._translate(error, piece.key, UNUSABLE_PIECE)
            raise
        with closing(answer["Body"]) as body:
            content: bytes = body.read()
        if len(content) != piece.size:
            raise StorageError(
                f"s3://{self._name}/{piece.key} has {len(content)} of {piece.size} bytes."
            )
        return content

    def _translate(self, error: ClientError, key: str, known: frozenset[str]) -> None:
        if _code(error) in known or (_code(error) in DENIED and not self._is_there(key)):
            message = error.response["Error"]["Message"]
            raise StorageError(f"s3://{self._name}/{key}: {message}") from error

    def _is_there(self, key: str) -> bool:
        """Whether a key that may not be read is in the bucket at all.

        S3 denies what is missing to those who may list a part of the bucket only:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        try:
            found = self._client.list_objects_v2(Bucket=self._name, Prefix=key, MaxKeys=1)
        except ClientError:
            return True
        return any(item["Key"] == key for item in found.get("Contents", ()))


CHECKSUMS: Final = frozenset({"ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME"})


def _listed(item: Mapping[str, Any]) -> DropObject:
    return DropObject(
        key=item["Key"],
        version_id=item["VersionId"],
        size=item.get("Size", 0),
        last_modified=item["LastModified"],
    )


def _span(piece: Range) -> str:
    return f"bytes={piece.begin}-{piece.begin + piece.size - 1}"


def _version(version_id: str) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
