"""Answers of the group health, in plain Python."""

from __future__ import annotations

from asked import Asked, Rows, grouped, ordered


def log_status_summary(asked: Asked) -> Rows:
    groups = grouped(asked.records, lambda r: r["log_status"])
    return ordered(((status, len(group)) for status, group in groups.items()), "-1 0")
