"""How near the estimate comes to what Trino reads: estimate and physicalInputBytes, query by query.

    bash tests/trino/setup.sh && python tests/bench/trino_bytes.py

It prints a table: each saved query with its defaults, over text, over Parquet files that are read
whole, and over one of 5 MB and one of 34 MB in many row groups. Exit 1 when an estimate is lower
than what was read. `tests/trino` holds the same in its tests.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS), str(TESTS / "trino"), str(TESTS / "queries")]

from athena_server import AthenaServer, serve  # noqa: E402
from conftest import put_tree  # noqa: E402
from generated_logs import ALL, KINDS, WINDOW, write_log  # noqa: E402
from large_files import write_large  # noqa: E402
from real_trino import CATALOG, Cluster, missing, running  # noqa: E402
from test_saved_queries import Stand, parameters  # noqa: E402

from athena_flow.aws import Account, S3Store  # noqa: E402
from athena_flow.engines.trino import Address, TrinoEngine  # noqa: E402
from athena_flow.errors import EngineError  # noqa: E402
from athena_flow.glue import GlueCatalog  # noqa: E402
from athena_flow.layout import DAILY  # noqa: E402
from athena_flow.query import SavedQuery, library  # noqa: E402
from athena_flow.table import TableSpec  # noqa: E402
from athena_flow.window import Window  # noqa: E402

COLUMNS = ("text", "Parquet, small", "Parquet, large")
LARGE = Window(accounts=("111122223333",), regions=("eu-west-1", "ap-south-1"))


def stands(aws: AthenaServer, cluster: Cluster, root: Path) -> dict[tuple[str, str], Stand]:
    """By what is in it (a VPC's logs or a Transit Gateway's) and the column of the table."""
    account = Account(region="us-east-1", endpoint=aws.endpoint)
    address = Address(cluster.host, cluster.port, CATALOG, "bench")
    glue = partial(TrinoEngine, address, "flows"), GlueCatalog(account), S3Store(account)
    found = {}
    for name, file_type in KINDS:
        if name in ("all", "tgw"):
            log = write_log(root / f"{name}-{file_type}", name, file_type)
            column = COLUMNS[0] if file_type == "text" else COLUMNS[1]
            found[name, column] = log.root, log.format, file_type
    write_large(root / "all-large")
    found["all", COLUMNS[2]] = root / "all-large", ALL, "parquet"
    made = {}
    for key, (folder, fmt, file_type) in found.items():
        put_tree(folder, folder.name)
        table = folder.name.replace("-", "_")
        spec = TableSpec("flows", table, f"s3://{folder.name}/", fmt, DAILY, file_type)
        made[key] = Stand(*glue, spec)
        made[key].register()
    return made


def measured(
    query: SavedQuery, where: dict[tuple[str, str], Stand]
) -> Iterator[tuple[int, int | None]]:
    """The estimate and what was read, for each column; none where the log lacks a field.

    Of a query that is too large for this small Trino it is None what was read.
    """
    kind = "tgw" if query.missing(ALL) else "all"
    for column in COLUMNS:
        stand = where.get((kind, column))
        if stand:
            window = LARGE if column == COLUMNS[2] else WINDOW
            bound = stand.bound(query, parameters(query)[0], window)
            estimate, _ = stand.estimate(bound)
            try:
                read = stand.engine().run(bound.sql, ()).scanned_bytes or 0
            except EngineError as error:
                if "EXCEEDED_LOCAL_MEMORY_LIMIT" not in error.message:
                    raise
                yield estimate.size_bytes or 0, None
            else:
                yield estimate.size_bytes or 0, read


def main() -> None:
    flags = argparse.ArgumentParser(description="The estimate against what Trino reads.")
    flags.add_argument("queries", nargs="*", help="their names; all, without any")
    names = flags.parse_args().queries
    reason = missing()
    if reason:
        sys.exit(reason)
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    ratios: dict[str, list[float]] = {column: [] for column in COLUMNS}
    with tempfile.TemporaryDirectory() as root, serve() as aws, running(aws, 0) as cluster:
        where = stands(aws, cluster, Path(root))
        sys.stdout.write(f"| query | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}\n")
        for name, query in library().items():
            if names and name not in names:
                continue
            cells = []
            for column, (estimate, read) in zip(COLUMNS, measured(query, where), strict=False):
                if read:
                    ratios[column].append(estimate / read)
                ratio = f"{read:,} = {estimate / read:.3f}" if read else "0"
                cells.append(f"{estimate:,} / {'memory' if read is None else ratio}")
            cells += [""] * (len(COLUMNS) - len(cells))
            sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    for column, found in ratios.items():
        if found:
            span = f"{min(found):.3f} to {max(found):.3f}"
            sys.stdout.write(f"{column}: {len(found)} queries, estimate / read from {span}\n")
    if any(ratio < 1 for found in ratios.values() for ratio in found):
        sys.exit("an estimate is lower than what was read")


if __name__ == "__main__":
    main()
