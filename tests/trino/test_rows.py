"""Every value that Trino reads is the one in the source line.

The tables and partitions are those that `init-table` and `add-partitions` register in Glue.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import pytest
from athena_server import AthenaServer
from conftest import Ran, put_tree
from real_trino import Cluster
from source_lines import Rows, as_parquet, expected, odd_lines

from athena_flow import ddl
from athena_flow.aws import Account
from athena_flow.demo import ACCOUNTS, REGIONS, file_key, write_demo, write_file
from athena_flow.engines.athena import AthenaEngine
from athena_flow.engines.trino import TrinoEngine
from athena_flow.fields import TGW_DEFAULT, VPC
from athena_flow.glue import GlueCatalog
from athena_flow.layout import LAYOUTS, Layout, Partition
from athena_flow.logformat import DEFAULT, LogFormat
from athena_flow.table import FILE_TYPES, MODES, FileType, Projection, TableSpec

pytest_plugins = "trino_fixtures"

Cli = Callable[..., Ran]
On = Callable[[str], TrinoEngine]

NOW = datetime(2025, 1, 3, 10, 5, tzinfo=UTC)
"""Past on any machine: a projected table ends at the machine's own today."""
DAYS = [date(2025, 1, 2), date(2025, 1, 3)]
FORMAT = LogFormat(tuple(random.Random(54).sample(VPC, len(VPC))))
"""Every field, in an order that AWS never wrote."""
KINDS = {field.column: field.parquet_type for field in VPC}


@dataclass(frozen=True)
class Tree:
    """Two days of logs below ``root``, and the partitions that they lie in."""

    root: Path
    layout: Layout
    rows: Rows

    @property
    def partitions(self) -> set[Partition]:
        found = (self.layout.parse(key) for key in self.rows)
        return {partition for partition in found if partition}


def keys_of(root: Path, layout: Layout, projected: bool) -> dict[str, tuple[str, ...]]:
    """The values of the partition that each folder is."""
    files = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    found = {key.rpartition("/")[0] + "/": layout.parse(key) for key in files}
    return {folder: layout.values(place, projected) for folder, place in found.items() if place}


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Tree]:
    """Trees of each layout, made once; the text ones with odd files in two places."""
    made: dict[tuple[str, str], Path] = {}

    def tree(layout: Layout, file_type: FileType, projected: bool) -> Tree:
        columns = TableSpec("d", "t", "s3://b/", FORMAT, layout, file_type).columns
        plain = made.get((layout.name, "text")) or tmp_path_factory.mktemp(layout.name)
        if (layout.name, "text") not in made:
            made[layout.name, "text"] = plain
            write_demo(plain, NOW, fmt=FORMAT, layout=layout, days=2)
        root = plain
        wanted = expected(plain, columns, keys_of(plain, layout, projected))
        if file_type == "parquet":
            root = made.get((layout.name, "parquet")) or tmp_path_factory.mktemp(layout.name)
            if (layout.name, "parquet") not in made:
                made[layout.name, "parquet"] = root
                shutil.copytree(plain, root, dirs_exist_ok=True)
                as_parquet(root, columns, KINDS)
            wanted = {k.replace(".log.gz", ".log.parquet"): rows for k, rows in wanted.items()}
        return Tree(root, layout, wanted)

    return tree


def register(cli: Cli, bucket: str, layout: Layout, file_type: str, mode: str, fmt: str) -> None:
    """As a user does it."""
    where = ("--table", "logs", "--engine", "trino")
    shape = ("--layout", layout.name, "--file-type", file_type, "--log-format", fmt)
    words = [*where, "--location", f"s3://{bucket}/", *shape, "--partitions", mode]
    if mode == "projection":
        words += ["--since", "2025-01-01"]
        words += [word for name in ACCOUNTS for word in ("--account", name)]
        words += [word for name in REGIONS for word in ("--region", name)]
    made = cli("init-table", *words)
    assert made.code == 0, made.err
    if mode == "explicit":
        added = cli("add-partitions", *where, "--since", "2025-01-01", "--until", "2025-01-04")
        assert added.code == 0, added.err


def read(engine: TrinoEngine, spec: TableSpec, condition: str = "true") -> Rows:
    """What Trino reads, by file."""
    rows: Rows = {}
    found = engine.run(f'SELECT *, "$path" FROM {spec.sql} WHERE {condition}', ())
    names = [name for name, _ in found.columns[:-1]]
    assert names == [name for name, _ in (*spec.columns, *spec.keys)]
    for *values, path in found.rows:
        key = str(path).partition(spec.location)[2]
        rows.setdefault(key, Counter())[tuple(values)] += 1
    return rows


def same(found: Rows, wanted: Rows) -> None:
    assert found.keys() == wanted.keys()
    for key, rows in wanted.items():
        assert found[key] == rows, key


def days_of(spec: TableSpec, tree: Tree) -> str:
    """A condition on the days of the tree, which a projected table has to be told."""
    place = [key for key, _ in spec.keys].index("date")
    values = sorted({spec.values(partition)[place] for partition in tree.partitions})
    return '"date" IN ({})'.format(", ".join(f"'{value}'" for value in values))


@pytest.mark.parametrize(
    ("layout", "file_type", "mode"),
    list(product(LAYOUTS.values(), FILE_TYPES.values(), MODES.values())),
    ids=lambda part: getattr(part, "name", part),
)
def test_every_value_is_that_of_its_line(
    trino: Cluster,
    trino_engine: On,
    aws: AthenaServer,
    cli: Cli,
    trees: Callable[..., Tree],
    layout: Layout,
    file_type: FileType,
    mode: str,
) -> None:
    """All 54 fields, in every layout, as text and as Parquet, registered and projected."""
    tree = trees(layout, file_type, mode == "projection")
    put_tree(tree.root, "logs")
    register(cli, "logs", layout, file_type, mode, FORMAT.header)
    spec = GlueCatalog(Account()).table("flow_logs", "logs")
    assert sum(rows.total() for rows in tree.rows.values()) > 1000
    same(read(trino_engine("flow_logs"), spec, days_of(spec, tree)), tree.rows)


@pytest.mark.parametrize(
    "fmt", [DEFAULT, LogFormat(VPC), LogFormat(TGW_DEFAULT)], ids=["default", "all", "tgw"]
)
def test_odd_lines_mean_what_the_rules_say(
    trino: Cluster, trino_engine: On, aws: AthenaServer, cli: Cli, tmp_path: Path, fmt: LogFormat
) -> None:
    """Short and long lines, ``-``, ``\\N``, overflow, other scripts, and nothing at all."""
    layout = LAYOUTS["daily"]
    root = tmp_path / "tree"
    kind = fmt.fields[0].kind
    place = Partition(ACCOUNTS[0], REGIONS[0], NOW.replace(hour=0, minute=0))
    write_file(root / file_key(layout, place, kind), [fmt.header, *odd_lines(len(fmt.fields)), "-"])
    write_file(root / file_key(layout, place, kind).replace(".log", "-b.log"), [fmt.header])
    put_tree(root, "logs")
    register(cli, "logs", layout, "text", "explicit", fmt.header)
    spec = GlueCatalog(Account()).table("flow_logs", "logs")
    wanted = expected(root, spec.columns, keys_of(root, layout, False))
    assert sum(rows.total() for rows in wanted.values()) > 200
    same(read(trino_engine("flow_logs"), spec), wanted)


def test_parquet_is_read_by_column_name(
    trino: Cluster, trino_engine: On, aws: AthenaServer, cli: Cli, trees: Callable[..., Tree]
) -> None:
    """A table of fewer columns, in another order than its files have them."""
    tree = trees(LAYOUTS["daily"], "parquet", False)
    put_tree(tree.root, "logs")
    fewer = LogFormat(tuple(reversed(FORMAT.fields[10:30])))
    register(cli, "logs", tree.layout, "parquet", "explicit", fewer.header)
    spec = GlueCatalog(Account()).table("flow_logs", "logs")
    wanted = {
        key: Counter((*reversed(row[10:30]), *row[len(VPC) :]) for row in rows.elements())
        for key, rows in tree.rows.items()
    }
    same(read(trino_engine("flow_logs"), spec), wanted)


def test_a_subfolder_is_read(
    trino: Cluster, trino_engine: On, aws: AthenaServer, cli: Cli, tmp_path: Path
) -> None:
    """A daily table over hourly folders: Athena reads below its partitions, and so does Trino."""
    root = tmp_path / "tree"
    written = write_demo(root, NOW, fmt=DEFAULT, layout=LAYOUTS["hourly"], days=1)
    put_tree(root, "logs")
    register(cli, "logs", LAYOUTS["daily"], "text", "explicit", "default")
    rows = trino_engine("flow_logs").run("SELECT count(*) FROM logs", ()).rows
    assert list(rows) == [(written.records,)]


def test_accounts_that_are_not_listed_are_asked_for(
    trino: Cluster, trino_engine: On, aws: AthenaServer, cli: Cli, trees: Callable[..., Tree]
) -> None:
    """A projected table without --account: the query names them, and Trino computes the rest."""
    layout = LAYOUTS["hive-daily"]
    tree = trees(layout, "text", True)
    put_tree(tree.root, "logs")
    made = cli(
        *("init-table", "--table", "logs", "--location", "s3://logs/", "--layout", layout.name),
        *("--log-format", FORMAT.header, "--partitions", "projection", "--since", "2025-01-01"),
        *(word for name in REGIONS for word in ("--region", name)),
    )
    assert made.code == 0, made.err
    spec = GlueCatalog(Account()).table("flow_logs", "logs")
    condition = f"aws_account_id = '{ACCOUNTS[1]}' AND {days_of(spec, tree)}"
    wanted = {key: rows for key, rows in tree.rows.items() if ACCOUNTS[1] in key}
    assert 0 < len(wanted) < len(tree.rows)
    same(read(trino_engine("flow_logs"), spec, condition), wanted)


def test_a_table_made_by_the_ddl_is_the_same(
    trino: Cluster, trino_engine: On, aws: AthenaServer, trees: Callable[..., Tree]
) -> None:
    """The text that `--dry-run` prints, run by Athena, projects as the table in Glue does."""
    layout = LAYOUTS["hive-hourly"]
    tree = trees(layout, "text", True)
    put_tree(tree.root, "logs")
    projection = Projection(date(2025, 1, 1), REGIONS, ACCOUNTS)
    spec = TableSpec(
        "flows", "logs", "s3://logs/", FORMAT, layout, "text", "projection", projection
    )
    account = Account()
    account.client("s3").create_bucket(Bucket="results")
    athena = AthenaEngine(
        account.session,
        region=account.region,
        workgroup=None,
        output_location="s3://results/",
        endpoint=aws.endpoint,
    )
    for statement in (ddl.create_database(spec.database), ddl.create_table(spec)):
        athena.run(statement, ())
    same(read(trino_engine("flows"), spec, days_of(spec, tree)), tree.rows)
