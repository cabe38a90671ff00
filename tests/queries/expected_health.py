"""Answers of the group health, in plain Python."""

from __future__ import annotations

from asked import (
    Asked,
    Record,
    Rows,
    bucket,
    distinct,
    grouped,
    highest,
    lowest,
    ordered,
    rounded,
    utc,
)

CASES = {
    "skipped-records": [["all=true", "limit=30"], ["bucket=1d"], ["bucket=90m", "all=true"]],
    "idle-interfaces": [["limit=1"], ["max_others=141"], ["max_others=9000", "limit=2"]],
    "log-coverage": [["limit=3"]],
}
FINDS = {
    "skipped-records": lambda rows, planted: all(
        row["skipdata"] > 0 and 0 < row["skipped_percent"] < 10 for row in rows
    ),
    "idle-interfaces": lambda rows, planted: (
        len(rows) == 8 and all(row["vpc_id"] and not row["instance_id"] for row in rows)
    ),
    "record-duration": lambda rows, planted: any(
        row["length"] == "3 up to 60 s" and row["longest_seconds"] == 60 for row in rows
    ),
}


def log_status_summary(asked: Asked) -> Rows:
    groups = grouped(asked.records, lambda r: r["log_status"])
    return ordered(((status, len(group)) for status, group in groups.items()), "-1 0")


def _with_status(group: list[Record], status: str) -> int:
    return sum(r["log_status"] == status for r in group)


def _interfaces(records: list[Record]) -> int:
    return distinct(r["interface_id"] for r in records if r["interface_id"] != "-")


def skipped_records(asked: Asked) -> Rows:
    rows = []
    for moment, group in grouped(asked.records, lambda r: bucket(r["end"], asked.p.bucket)).items():
        skipped = [r for r in group if r["log_status"] == "SKIPDATA"]
        if skipped or asked.p.all:
            rows.append(
                (
                    moment,
                    len(group),
                    _with_status(group, "OK"),
                    _with_status(group, "NODATA"),
                    len(skipped),
                    _interfaces(skipped),
                    rounded(100 * len(skipped) / len(group), 2),
                )
            )
    return ordered(rows, "0", asked.p.limit)


def idle_interfaces(asked: Asked) -> Rows:
    def known(group: list[Record], column: str) -> str | None:
        if column not in asked.columns:
            return None
        return highest(r[column] for r in group if r[column] != "-")

    groups = grouped(
        (r for r in asked.records if r["interface_id"] != "-"),
        lambda r: (r["account_id"], r["interface_id"]),
    )
    rows = [
        (
            *key,
            known(group, "vpc_id"),
            known(group, "instance_id"),
            len(group),
            len(group) - _with_status(group, "NODATA"),
            utc(lowest(r["start"] for r in group)),
            utc(highest(r["end"] for r in group)),
        )
        for key, group in groups.items()
        if sum(r["log_status"] != "NODATA" for r in group) <= asked.p.max_others
    ]
    return ordered(rows, "6 0 1", asked.p.limit)


def record_duration(asked: Asked) -> Rows:
    def length(r: Record) -> str:
        if r["start"] is None or r["end"] is None:
            return "6 unknown"
        seconds = r["end"] - r["start"]
        if seconds < 0:
            return "1 start after end"
        if seconds == 0:
            return "2 no time"
        return next(
            (name for most, name in ((60, "3 up to 60 s"), (600, "4 up to 600 s")) if
             seconds <= most), "5 over 600 s"
        )  # fmt: skip

    rows = []
    for name, group in grouped(asked.records, length).items():
        seconds = [r["end"] - r["start"] for r in group if name != "6 unknown"]
        mean = rounded(sum(seconds) / len(seconds), 1) if seconds else None
        rows.append((name, len(group), lowest(seconds), highest(seconds), mean))
    return ordered(rows, "0")


def log_coverage(asked: Asked) -> Rows:
    def key(r: Record) -> tuple:
        region = r["region"] if "region" in asked.columns else None
        return bucket(r["end"], 86_400), r["account_id"], region

    rows = [
        (
            *found,
            len(group),
            _with_status(group, "NODATA"),
            _with_status(group, "SKIPDATA"),
            _interfaces(group),
            distinct(bucket(r["end"], 3_600) for r in group),
            utc(lowest(r["end"] for r in group)),
            utc(highest(r["end"] for r in group)),
        )
        for found, group in grouped(asked.records, key).items()
    ]
    return ordered(rows, "0 1 2", asked.p.limit)
