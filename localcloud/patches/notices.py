"""SNS: deliver e-mail to the mailbox, and refuse the subjects that AWS refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ministack.services import sns

from localcloud.mailbox import Mailbox
from localcloud.patches import private

SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,99}")
"""No line breaks or control characters, less than 100 characters.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""


def install(mailbox: Mailbox) -> None:
    _refuse_odd_subjects()
    _deliver_mail(mailbox)


def _refuse_odd_subjects() -> None:
    publish = private(sns, "_publish", "params")

    def publish_plain(params: Mapping[str, Any]) -> Any:
        subject = sns._p(params, "Subject")
        if subject and not SUBJECT.fullmatch(subject):
            return sns._error("InvalidParameter", "Invalid parameter: Subject", 400)
        return publish(params)

    sns._publish = publish_plain


def _deliver_mail(mailbox: Mailbox) -> None:
    fan_out = private(
        sns,
        "_fanout",
        *("topic_arn", "msg_id", "message", "subject", "message_structure"),
        *("message_attributes", "message_group_id", "message_dedup_id"),
    )
    private(sns, "_matches_filter_policy", "sub", "message_attributes", "message")
    private(sns, "_resolve_message_for_protocol", "message", "message_structure", "protocol")

    def fan_out_with_mail(
        topic_arn: str,
        msg_id: str,
        message: str,
        subject: str,
        message_structure: str = "",
        message_attributes: dict[str, Any] | None = None,
        message_group_id: str = "",
        message_dedup_id: str = "",
    ) -> None:
        attributes = message_attributes or {}
        fan_out(
            *(topic_arn, msg_id, message, subject, message_structure, attributes),
            *(message_group_id, message_dedup_id),
        )
        topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": []}
        for subscription in topic["subscriptions"]:
            if subscription["protocol"] != "email":
                continue
            text = sns._resolve_message_for_protocol(message, message_structure, "email")
            if sns._matches_filter_policy(subscription, attributes, text):
                mailbox.deliver(
                    to=subscription["endpoint"],
                    subject=subject or "",
                    body=text,
                    message_id=msg_id,
                    sender_name=topic.get("attributes", {}).get("DisplayName", ""),
                    attributes=_plain(attributes),
                )

    sns._fanout = fan_out_with_mail


def _plain(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Read string attributes in the spelling of the query API or of a notification."""
    return {
        name: str(value.get("StringValue") or value.get("Value") or "")
        for name, value in attributes.items()
        if isinstance(value, dict)
    }
