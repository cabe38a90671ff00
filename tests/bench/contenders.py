"""What the partitions bench measures that is no command: one library call, in its own process.

    python tests/bench/contenders.py glue-add '{"accounts": 100, "regions": 20, "days": 5}'

Whatever a caller has at hand (imports, the partitions in that library's terms) is made
before the clock starts; the client that the call needs is part of it. Prints the seconds,
and those of the processor.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from itertools import islice

from stub import BUCKET, Tree

DATABASE, TABLE = "flow_logs", "vpc_flow_logs"
LOCATION = f"s3://{BUCKET}/"
KEYS = ("aws_account_id", "aws_region", "date")
ALTERED = 500
"""Partitions that are added one by one; more of them tell nothing new."""

Call = Callable[[], object]


def glue_add(tree: Tree) -> Call:
    """athena-flow's GlueCatalog.add."""
    from athena_flow.aws import Account
    from athena_flow.glue import GlueCatalog
    from athena_flow.layout import Partition
    from athena_flow.ports import no_progress

    partitions = [
        Partition(account, region, datetime.fromisoformat(f"{day}T00:00:00+00:00"))
        for (account, region, day), _ in tree.folders()
    ]

    def call() -> None:
        catalog = GlueCatalog(Account())
        catalog.add(catalog.table(DATABASE, TABLE), partitions, no_progress)

    return call


def wrangler_add(tree: Tree) -> Call:
    """awswrangler's add_csv_partitions, with the columns that athena-flow writes as well."""
    from athena_flow.logformat import DEFAULT

    return _wrangler(tree, {field.column: field.athena_type for field in DEFAULT.fields})


def wrangler_add_bare(tree: Tree) -> Call:
    """The same without columns, which is its default."""
    return _wrangler(tree, None)


def _wrangler(tree: Tree, columns: dict[str, str] | None) -> Call:
    from awswrangler.catalog import add_csv_partitions

    partitions = {LOCATION + folder: list(values) for values, folder in tree.folders()}
    return lambda: add_csv_partitions(DATABASE, TABLE, partitions, sep=" ", columns_types=columns)


def alter_table(tree: Tree) -> Call:
    """ALTER TABLE by boto3, one partition at a time, until Athena says that it is done."""
    import boto3

    def text(values: tuple[str, ...], folder: str) -> str:
        named = ", ".join(f"`{k}` = '{v}'" for k, v in zip(KEYS, values, strict=True))
        return (
            f"ALTER TABLE `{DATABASE}`.`{TABLE}` ADD IF NOT EXISTS"
            f" PARTITION ({named}) LOCATION '{LOCATION}{folder}'"
        )

    statements = [text(*each) for each in islice(tree.folders(), ALTERED)]

    def call() -> None:
        athena = boto3.client("athena")
        for statement in statements:
            number = athena.start_query_execution(QueryString=statement)["QueryExecutionId"]
            state = "QUEUED"
            while state in ("QUEUED", "RUNNING"):
                found = athena.get_query_execution(QueryExecutionId=number)
                state = found["QueryExecution"]["Status"]["State"]

    return call


def registered(_: Tree) -> Call:
    """Every partition that the table has, one after the other."""
    from athena_flow.aws import Account
    from athena_flow.glue import GlueCatalog
    from athena_flow.window import Window

    def call() -> None:
        catalog = GlueCatalog(Account())
        for _ in catalog.registered(catalog.table(DATABASE, TABLE), Window()):
            pass

    return call


def objects(_: Tree) -> Call:
    """Every object of the bucket, one after the other."""
    from athena_flow.aws import Account, S3Store

    def call() -> None:
        for _ in S3Store(Account()).objects(LOCATION):
            pass

    return call


CALLS: dict[str, Callable[[Tree], Call]] = {
    "glue-add": glue_add,
    "wrangler-add": wrangler_add,
    "wrangler-add-bare": wrangler_add_bare,
    "alter-table": alter_table,
    "registered": registered,
    "objects": objects,
}


def main() -> None:
    name, tree = sys.argv[1:]
    call = CALLS[name](Tree(**json.loads(tree)))
    before, busy = time.perf_counter(), time.process_time()
    call()
    sys.stdout.write(f"{time.perf_counter() - before} {time.process_time() - busy}\n")


if __name__ == "__main__":
    main()
