"""Faults of what keeps decks, runs and ledger."""

from __future__ import annotations

from tests.unit.rules.damage import Faults, body, put, without

FAULTS: Faults = {
    "bucket plain": (put("storage", "RunsBucket", "BucketEncryption", None), "no encryption"),
    "bucket public": (
        put("storage", "InboxBucket", "PublicAccessBlockConfiguration/BlockPublicPolicy", False),
        "BlockPublicPolicy is off",
    ),
    "bucket without tls": (without("storage", "RunsBucketPolicy"), "without TLS"),
    "bucket deleted": (body("storage", "RunsBucket", "DeletionPolicy", "Delete"), "not Retain"),
    "bucket silent": (
        put("storage", "InboxBucket", "NotificationConfiguration", {}),
        "tells EventBridge nothing",
    ),
    "uploads abandoned": (
        put("storage", "RunsBucket", "LifecycleConfiguration", None),
        "paid for ever",
    ),
    "ledger not recoverable": (
        put("storage", "Ledger", "PointInTimeRecoverySpecification", None),
        "point-in-time",
    ),
    "ledger provisioned": (put("storage", "Ledger", "BillingMode", "PROVISIONED"), "while idle"),
}
