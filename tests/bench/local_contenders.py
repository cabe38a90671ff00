"""What athena-flow is measured against on one machine: a query on files, in a process of its own.

    python tests/bench/local_contenders.py duckdb reject-report DIR/AWSLogs 2026/11/17

Written as somebody would who knows the tool, and trusts the files: none of them looks for
damaged lines, other headers or bad checksums. Prints the rows as JSON. ``inflate`` reads and
inflates on all cores and does nothing else: no tool can be quicker than that.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from generated import FORMATS

Rows = Sequence[Sequence[object]]
LIMIT = 50
QUERIES = ("reject-report", "top-talkers", "hourly", "ssh-rdp-traffic")
ORDER: dict[str, Callable[[Sequence], tuple]] = {
    "reject-report": lambda r: (-r[1], r[0]),
    "top-talkers": lambda r: (-r[1], r[0]),
    "hourly": lambda r: (r[0],),
    "ssh-rdp-traffic": lambda r: (-r[4], *r[:4]),
}
"""How each query orders its rows."""


def fields_of(paths: Sequence[str]) -> int:
    import gzip

    with gzip.open(paths[0], "rt") as file:
        return len(file.readline().split())


def duckdb(query: str, paths: Sequence[str], pattern: str) -> Rows:
    import duckdb as library

    columns = ", ".join(
        f"'{f.column}': '{'VARCHAR' if f.athena_type == 'string' else 'BIGINT'}'"
        for f in FORMATS[fields_of(paths)]
    )
    source = (
        f"read_csv('{pattern}', columns = {{{columns}}}, header = true, auto_detect = false,"
        " delim = ' ', quote = '', escape = '', nullstr = '-')"
    )
    return library.sql(SQL[query].format(source=source)).fetchall()


SQL = {
    "reject-report": "SELECT srcaddr, count(*)::BIGINT n, sum(packets)::BIGINT,"
    " sum(bytes)::BIGINT, count(DISTINCT dstport)::BIGINT FROM {source}"
    " WHERE action = 'REJECT' GROUP BY srcaddr ORDER BY n DESC, srcaddr LIMIT 50",
    "top-talkers": "SELECT addr, sum(bytes)::BIGINT b, sum(packets)::BIGINT, count(*)::BIGINT FROM"
    " (SELECT unnest([srcaddr, dstaddr]) addr, bytes, packets FROM {source})"
    " WHERE addr IS NOT NULL GROUP BY addr ORDER BY b DESC, addr LIMIT 50",
    "hourly": "SELECT \"end\" // 3600 * 3600 AS h, count(*) FILTER (action = 'ACCEPT')::BIGINT,"
    " count(*) FILTER (action = 'REJECT')::BIGINT, sum(packets)::BIGINT, sum(bytes)::BIGINT"
    " FROM {source} GROUP BY h ORDER BY h",
    "ssh-rdp-traffic": "SELECT srcaddr, dstaddr, dstport, action, count(*)::BIGINT n,"
    " sum(packets)::BIGINT, sum(bytes)::BIGINT FROM {source} WHERE dstport IN (22, 3389)"
    " GROUP BY ALL ORDER BY n DESC, srcaddr, dstaddr, dstport, action LIMIT 50",
}


def chdb(query: str, paths: Sequence[str], pattern: str) -> Rows:
    import chdb as library

    columns = ", ".join(
        f"`{f.column}` {'String' if f.athena_type == 'string' else 'Nullable(Int64)'}"
        for f in FORMATS[fields_of(paths)]
    )
    source = f"file('{pattern}', 'CustomSeparatedWithNames', '{columns}', 'gzip')"
    sql = {
        "reject-report": "SELECT srcaddr, count() n, sum(packets), sum(bytes),"
        f" uniqExact(dstport) FROM {source} WHERE action = 'REJECT' GROUP BY srcaddr"
        " ORDER BY n DESC, srcaddr LIMIT 50",
        "top-talkers": "SELECT addr, sum(bytes) b, sum(packets), count() FROM"
        f" (SELECT arrayJoin([srcaddr, dstaddr]) addr, bytes, packets FROM {source})"
        " WHERE addr NOT IN ('-', '') GROUP BY addr ORDER BY b DESC, addr LIMIT 50",
        "hourly": "SELECT intDiv(end, 3600) * 3600 h, countIf(action = 'ACCEPT'),"
        f" countIf(action = 'REJECT'), sum(packets), sum(bytes) FROM {source}"
        " GROUP BY h ORDER BY h",
        "ssh-rdp-traffic": "SELECT srcaddr, dstaddr, dstport, action, count() n, sum(packets),"
        f" sum(bytes) FROM {source} WHERE dstport IN (22, 3389) GROUP BY srcaddr, dstaddr,"
        " dstport, action ORDER BY n DESC, srcaddr, dstaddr, dstport, action LIMIT 50",
    }[query]
    settings = (
        " SETTINGS format_custom_escaping_rule = 'CSV', format_custom_field_delimiter = ' ',"
        " format_csv_null_representation = '-', input_format_with_names_use_header = 0,"
        " output_format_json_quote_64bit_integers = 0"
    )
    answer = str(library.query(sql + settings, "JSONCompactEachRow"))
    return [json.loads(line) for line in answer.splitlines()]


def polars(query: str, paths: Sequence[str], pattern: str) -> Rows:
    import polars as pl

    schema = {
        f.name: pl.String if f.athena_type == "string" else pl.Int64
        for f in FORMATS[fields_of(paths)]
    }
    logs = pl.scan_csv(
        pattern, separator=" ", quote_char=None, schema=schema, null_values="-", has_header=True
    )
    c = pl.col
    sums = (c("packets").sum(), c("bytes").sum())
    if query == "reject-report":
        found = (
            logs.filter(c("action") == "REJECT")
            .group_by("srcaddr")
            .agg(pl.len(), *sums, c("dstport").drop_nulls().n_unique())
            .sort("len", "srcaddr", descending=[True, False])
            .head(LIMIT)
        )
    elif query == "top-talkers":
        sides = (
            logs.select(c(side).alias("addr"), "bytes", "packets")
            for side in ("srcaddr", "dstaddr")
        )
        found = (
            pl.concat(sides)
            .drop_nulls("addr")
            .group_by("addr")
            .agg(c("bytes").sum(), c("packets").sum(), pl.len())
            .sort("bytes", "addr", descending=[True, False])
            .head(LIMIT)
        )
    elif query == "hourly":
        verdicts = (
            (c("action") == verdict).sum().alias(verdict) for verdict in ("ACCEPT", "REJECT")
        )
        found = logs.group_by((c("end") // 3600 * 3600).alias("h")).agg(*verdicts, *sums).sort("h")
    else:
        keys = ["srcaddr", "dstaddr", "dstport", "action"]
        found = (
            logs.filter(c("dstport").is_in([22, 3389]))
            .group_by(keys)
            .agg(pl.len(), *sums)
            .sort("len", *keys, descending=[True, *(False,) * 4])
            .head(LIMIT)
        )
    return found.collect(engine="streaming").rows()


AWK = {
    "reject-report": '$13 == "REJECT" { n[$4]++; p[$4] += $9; b[$4] += $10;'
    " if (!(($4, $7) in seen)) { seen[$4, $7] = 1; d[$4]++ } }"
    ' END { for (k in n) printf "%s %.0f %.0f %.0f %.0f\\n", k, n[k], p[k], b[k], d[k] }',
    "top-talkers": '$4 != "-" && $4 != "srcaddr" { b[$4] += $10; p[$4] += $9; n[$4]++ }'
    ' $5 != "-" && $5 != "dstaddr" { b[$5] += $10; p[$5] += $9; n[$5]++ }'
    ' END { for (k in n) printf "%s %.0f %.0f %.0f\\n", k, b[k], p[k], n[k] }',
    "hourly": '$12 != "end" { h = $12 - $12 % 3600; seen[h]; a[h] += $13 == "ACCEPT";'
    ' r[h] += $13 == "REJECT"; p[h] += $9; b[h] += $10 }'
    ' END { for (k in seen) printf "%.0f %.0f %.0f %.0f %.0f\\n", k, a[k], r[k], p[k], b[k] }',
    "ssh-rdp-traffic": '$7 == 22 || $7 == 3389 { k = $4 " " $5 " " $7 " " $13; n[k]++;'
    " p[k] += $9; b[k] += $10 }"
    ' END { for (k in n) printf "%s %.0f %.0f %.0f\\n", k, n[k], p[k], b[k] }',
}


def awk(query: str, paths: Sequence[str], pattern: str) -> Rows:
    """``zcat FILES | awk``, as it is typed."""
    shell = "xargs -0 zcat | awk " + "'" + AWK[query].replace("'", "'\\''") + "'"
    done = subprocess.run(
        shell, shell=True, input="\0".join(paths), capture_output=True, text=True, check=True
    )
    rows = [
        [int(word) if word.isdecimal() else word for word in line.split()]
        for line in done.stdout.splitlines()
    ]
    return sorted(rows, key=ORDER[query])[: None if query == "hourly" else LIMIT]


def flowlogs_reader(query: str, paths: Sequence[str], pattern: str) -> Rows:
    """One query is enough: it takes minutes for any of them, all of it to parse."""
    import gzip
    from collections import Counter, defaultdict

    from flowlogs_reader import FlowRecord

    assert query == "reject-report"
    counts: Counter[str] = Counter()
    packets: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    ports: dict[str, set[int]] = defaultdict(set)
    for path in paths:
        with gzip.open(path, "rt") as file:
            names = [name.replace("-", "_") for name in next(file).split()]
            for line in file:
                record = FlowRecord(dict(zip(names, line.split(), strict=False)))
                if record.action == "REJECT":
                    counts[record.srcaddr] += 1
                    packets[record.srcaddr] += record.packets
                    sizes[record.srcaddr] += record.bytes
                    ports[record.srcaddr].add(record.dstport)
    rows = [(k, n, packets[k], sizes[k], len(ports[k])) for k, n in counts.items()]
    return sorted(rows, key=ORDER[query])[:LIMIT]


def inflate(query: str, paths: Sequence[str], pattern: str) -> Rows:
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from isal import isal_zlib

    def size(path: str) -> int:
        return len(isal_zlib.decompress(Path(path).read_bytes(), wbits=31))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [[sum(pool.map(size, paths))]]


CONTENDERS = {f.__name__.replace("_", "-"): f for f in (
    duckdb, polars, chdb, awk, flowlogs_reader, inflate,
)}  # fmt: skip


def main() -> None:
    name, query, root, day = sys.argv[1:]
    pattern = f"{root}/*/vpcflowlogs/*/{day or '*/*/*'}/*.log.gz"
    rows = CONTENDERS[name](query, sorted(glob.glob(pattern)), pattern)
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
