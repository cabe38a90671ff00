"""The memory that queries on very many records take, on the logs themselves and on the store.

    python tests/bench/memory.py DIR [--records 100000000] [--store]

The records are those of ``local.py``'s large tree, 20 million, linked under the numbers of
further accounts. Beside the saved queries stand statements whose groups and sorted rows do
not fit into memory, and have to go to disk. Prints each one's seconds and peak memory, and
fails where that is 2 GB or more, or where the rows that were counted are not all.
Text takes 60 s a query and up to 20 GB of disk for a while.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from generated import make
from local import OURS, measured

LIMIT_BYTES = 2 * 10**9
PART = 20_000_000
FILES = 56
STATEMENTS = {
    "count": "SELECT count(*) FROM vpc_flow_logs",
    "every flow": "SELECT count(*), max(n) FROM (SELECT srcaddr, dstaddr, srcport, dstport,"
    " protocol, count(*) AS n FROM vpc_flow_logs GROUP BY 1, 2, 3, 4, 5)",
    "all sorted": "SELECT * FROM vpc_flow_logs"
    " ORDER BY bytes DESC, srcaddr, dstaddr, start LIMIT 100000",
    "distinct ports": "SELECT srcaddr, count(DISTINCT dstport) AS ports FROM vpc_flow_logs"
    " GROUP BY srcaddr ORDER BY ports DESC LIMIT 10",
    "joined": "SELECT count(*) FROM vpc_flow_logs a JOIN vpc_flow_logs b ON a.srcaddr = b.dstaddr"
    " AND a.srcport = b.dstport AND a.start = b.start",
}


def linked(root: Path, large: Path, copies: int) -> None:
    """The tree with its accounts' folders ``copies`` times, the files only linked."""
    for source in large.glob("AWSLogs/*/**/*.gz"):
        inside = source.relative_to(large / "AWSLogs")
        account, rest = inside.parts[0], inside.relative_to(inside.parts[0])
        for copy in range(copies):
            number = f"{int(account) + copy:012}"
            name = rest.name.replace(account, number)
            target = root / "AWSLogs" / number / rest.parent / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                os.link(source, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=5 * PART)
    parser.add_argument("--store", action="store_true", help="of the store, made beforehand")
    parser.add_argument("--only", default="", help="what the names of queries begin with")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    large = folder / f"large-{PART}-{FILES}"
    make(large, PART, FILES, 14)
    root = folder / f"huge-{given.records}"
    linked(root, large, given.records // PART)
    program = (sys.executable, "-m", "athena_flow")
    logs = ("--logs", str(root), "--store", str(folder / f"store-{given.records}"))
    run = (*program, "run", *logs, *(() if given.store else ("--no-store",)), "--as", "json")
    commands = {"ingest": (*program, "ingest", *logs, "--as", "json")} if given.store else {}
    commands |= {query: (*run, *words) for query, words in OURS.items()}
    for title, sql in STATEMENTS.items():
        file = folder / f"{title}.sql"
        file.write_text(sql)
        commands[title] = (*run, "--sql", str(file))
    for title, command in commands.items():
        if not title.startswith(given.only):
            continue
        found = measured(command)
        peak, cpu = found.peak_bytes, found.cpu_seconds
        sys.stdout.write(f"{title:16} {found.seconds:7.1f} s  cpu {cpu:7.1f} s  {peak:,} bytes\n")
        sys.stdout.flush()
        if peak >= LIMIT_BYTES:
            raise SystemExit(f"{title} took {peak:,} bytes of memory")
        if title == "count" and found.rows != [[given.records]]:
            raise SystemExit(f"{found.rows} records were counted of {given.records:,}")


if __name__ == "__main__":
    main()
