"""Parquet logs so large that an engine does not read them whole: what the estimate has to know.

The records are those of tests/queries, many times over, with numbers that do not compress.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from athena_flow.demo import file_key
from athena_flow.layout import DAILY, Partition

sys.path.append(str(Path(__file__).parents[1] / "queries"))
from generated_logs import ALL, FIRST, write_log  # noqa: E402

__all__ = ["ALL", "FILES", "write_large"]

MB = 2**20
ACCOUNT = "111122223333"


@dataclass(frozen=True)
class Large:
    """How one file is written, and between which sizes it comes out."""

    region: str
    rows: int
    """In thousands."""
    group: int
    """Rows of a row group, in thousands."""
    sizes: tuple[float, float]
    """In MB of 2^20 bytes, at least and at most."""


FILES = (
    Large("us-east-1", 20, 20, (0.3, 3)),
    Large("eu-west-1", 120, 20, (3.2, 12)),
    Large("eu-west-2", 160, 160, (3.2, 16)),
    Large("ap-south-1", 1020, 120, (33, 64)),
)
"""Whole; many row groups; one; two splits."""


def write_large(root: Path) -> None:
    """One day of one account, a file in each region. Sorted by time, as AWS's files are."""
    small = root.with_name(f"{root.name}-small")
    write_log(small, "all", "parquet")
    with duckdb.connect() as db:
        db.execute("SELECT setseed(0.5)")
        db.execute(f"CREATE TABLE few AS FROM read_parquet('{small}/**/*.parquet')")
        for file in FILES:
            path = root / file_key(DAILY, Partition(ACCOUNT, file.region, FIRST))
            path = path.with_suffix("").with_suffix(".log.parquet")
            path.parent.mkdir(parents=True, exist_ok=True)
            db.execute(_rows(file, int(FIRST.timestamp())))
            db.execute(
                f"COPY many TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {file.group * 1024})"
            )
            low, high = file.sizes
            assert low * MB < path.stat().st_size < high * MB, (file, path.stat().st_size / MB)


def _rows(file: Large, day: int) -> str:
    """The records over and over, with other times, ports, addresses and volumes."""
    rows, octet = file.rows * 1000, "(random() * 250)::INTEGER"
    return f"""CREATE OR REPLACE TABLE many AS
        SELECT * REPLACE (
            '{ACCOUNT}' AS account_id, '{file.region}' AS region,
            {day} + (n * 86400) // {rows} AS "end",
            {day} + (n * 86400) // {rows} - (random() * 60)::BIGINT AS start,
            (random() * 65535)::INTEGER AS srcport,
            (random() * 100000)::BIGINT AS packets,
            (random() * 100000000)::BIGINT AS bytes,
            IF(random() < 0.3, srcaddr, '10.' || {octet} || '.' || {octet} || '.' || {octet})
                AS srcaddr,
            IF(random() < 0.3, dstaddr, '172.16.' || {octet} || '.' || {octet}) AS dstaddr)
        FROM (SELECT few.*, row_number() OVER () AS n
            FROM few, range({rows // 1000}) LIMIT {rows})"""
