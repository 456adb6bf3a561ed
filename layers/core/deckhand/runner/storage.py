"""The runs bucket, as far as an attempt may touch it."""

from __future__ import annotations

from deckhand.adapters import folder
from deckhand.adapters.folder import FolderBucket
from deckhand.adapters.lent import session_of
from deckhand.adapters.s3 import Bucket as S3Bucket
from deckhand.adapters.session import aws_client
from deckhand.adapters.upload import fast_uploader
from deckhand.runner.settings import Settings
from deckhand.usecases.ports import Bucket


def runs_bucket(told: Settings) -> Bucket:
    """By the credentials that are lent to the attempt; a rehearsal names a folder instead."""
    name = told.runs_bucket
    if name.startswith(folder.SCHEME):
        return FolderBucket.from_url(name)
    session = session_of(told.lender, told.proof)
    client = aws_client("s3", session=session)
    return S3Bucket(client, name, fast_uploader(client, session))
