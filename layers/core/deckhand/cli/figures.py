"""Sums, durations and sizes as people write them."""

from __future__ import annotations

from datetime import timedelta


def dollars(amount: float) -> str:
    """Cents for people; more digits where cents would be nothing."""
    return f"${amount:,.2f}" if amount >= 0.1 or not amount else f"${amount:.4f}"


def span(seconds: float) -> str:
    """A duration in the two largest units."""
    whole = timedelta(seconds=max(0, round(seconds)))
    minutes, rest = divmod(whole.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if whole.days:
        return f"{whole.days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
