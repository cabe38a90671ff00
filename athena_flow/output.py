"""Nouns -> the text and the JSON that leave the program. Nothing here prints.

The JSON shapes are a contract: keys are added, never renamed.
"""

from __future__ import annotations

import csv
import io
import json
import math
import shlex
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Literal

from athena_flow import ddl
from athena_flow.answers import Step, status
from athena_flow.blocks import Block, Choice
from athena_flow.errors import BadSetting, some, visible
from athena_flow.fields import COLUMNS
from athena_flow.layout import Partition
from athena_flow.logformat import LogFormat
from athena_flow.params import Param
from athena_flow.plan import Delivered, PartitionPlan
from athena_flow.ports import Applied
from athena_flow.query import SavedQuery
from athena_flow.table import TableSpec

FORMATS = ("table", "csv", "json", "ndjson", "parquet")

Columns = Sequence[str]
Rows = Sequence[Sequence[object]]


def check_format(text: str) -> str:
    """Raises BadSetting for a format that there is not."""
    if text not in FORMATS:
        raise BadSetting(f"--as {text!r} is none of {', '.join(FORMATS)}")
    return text


def plain(value: object) -> object:
    """A value as JSON holds it: times as ``YYYY-MM-DD HH:MM:SS`` (UTC), no NaN."""
    match value:
        case datetime():
            moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            fine = "microseconds" if moment.microsecond % 1000 else "milliseconds"
            return moment.isoformat(" ", fine if moment.microsecond else "seconds")
        case date():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return str(value)
        case Decimal():
            return str(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {str(k): plain(v) for k, v in value.items()}
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def to_json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=plain) + "\n"


def rows_text(
    columns: Columns, rows: Iterable[Sequence[object]], form: str, *, width: int | None = None
) -> Iterator[str]:
    """Rows as csv, ndjson or a table; ``width`` is the terminal's, None when there is none.

    As csv and ndjson they stream; a table has to know them all.
    """
    streamed = ([plain(value) for value in row] for row in rows)
    if form == "csv":
        yield from _csv(columns, streamed)
        return
    if form == "ndjson":
        names = _distinct(columns)
        for row in streamed:
            yield json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n"
        return
    cells = [*streamed]
    if form == "table" and width and _fits(columns, cells, width):
        yield _rich_table(columns, cells, width)
    else:
        yield from _aligned(columns, cells)


def _distinct(columns: Columns) -> list[str]:
    """Column names of which none is twice: ``a``, ``a_2``."""
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names


def _csv(columns: Columns, rows: Iterable[Sequence[object]]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # so that a bare \r is quoted as well
    for row in chain([columns], rows):
        writer.writerow(["" if v is None else _text(v) for v in row])
        yield out.getvalue()[:-2] + "\n"
        out.seek(0)
        out.truncate()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _shown(value: object) -> str:
    """A cell of a table: nothing in a log may move the cursor of a terminal."""
    if value is None:
        return "NULL"
    return visible(_text(value))


def _right(column: int, rows: Rows) -> bool:
    """Are all values of a column numbers?"""
    values = [row[column] for row in rows if row[column] is not None]
    return bool(values) and all(isinstance(v, int | float | Decimal) for v in values)


def _aligned(columns: Columns, rows: Rows) -> Iterator[str]:
    table = [[_shown(column) for column in columns]] + [[_shown(v) for v in row] for row in rows]
    widths = [max(len(row[n]) for row in table) for n in range(len(columns))]
    right = [_right(n, rows) for n in range(len(columns))]
    for row in table:
        cells = (
            cell.rjust(width) if r else cell.ljust(width)
            for cell, width, r in zip(row, widths, right, strict=True)
        )
        yield "  ".join(cells).rstrip() + "\n"


def _fits(columns: Columns, rows: Rows, width: int) -> bool:
    """Is there room for every column, where only running text may be wrapped?

    A number or an address on two lines would be read as two.
    """
    return sum(_least(n, columns, rows) + 2 for n in range(len(columns))) <= width


def _least(column: int, columns: Columns, rows: Rows) -> int:
    """The narrowest a column may be: its longest word for running text, else its longest cell."""
    cells = [_shown(columns[column]), *(_shown(row[column]) for row in rows)]
    if any(cell.count(" ") > 1 for cell in cells):
        cells = [word for cell in cells for word in cell.split()]
    return max((len(cell) for cell in cells), default=0)


def _rich_table(columns: Columns, rows: Rows, width: int) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for n, column in enumerate(columns):
        right = _right(n, rows)
        side: Literal["right", "left"] = "right" if right else "left"
        least = _least(n, columns, rows)
        table.add_column(Text(_shown(column)), justify=side, overflow="fold", min_width=least)
    for row in rows:
        table.add_row(*(Text(_shown(v)) for v in row))
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True).print(table)
    return out.getvalue()


def table_doc(spec: TableSpec, statements: Iterable[str] | None = None) -> dict[str, Any]:
    """``statements`` are those by which an existing table is replaced."""
    planned = {} if statements is None else {"statements": list(statements)}
    return {
        "database": spec.database,
        "table": spec.name,
        "ddl": ddl.create_table(spec),
        "columns": [{"name": name, "type": kind} for name, kind in spec.columns],
        "partition_keys": [{"name": name, "type": kind} for name, kind in spec.keys],
        "location": spec.root,
        "log_format": spec.format.text,
        "header_lines": spec.header_lines if spec.file_type == "text" else None,
        **planned,
    }


def partition_doc(spec: TableSpec, partition: Partition) -> dict[str, Any]:
    hourly = "hour" in spec.layout.keys
    return {
        "account": partition.account,
        "region": partition.region,
        "date": f"{partition.start:%Y-%m-%d}",
        "hour": f"{partition.start:%H}" if hourly else None,
        "location": spec.place(partition),
    }


def added_doc(
    spec: TableSpec, wanted: PartitionPlan, applied: Applied, found: Delivered
) -> dict[str, Any]:
    return {
        "table": spec.title,
        "wanted": wanted.wanted,
        "present": len(wanted.present) + len(applied.already),
        "added": len(applied.done),
        "failed": failed_docs(spec, applied),
        "partitions": [partition_doc(spec, p) for p in applied.done],
        **_unseen(found),
    }


def planned_doc(spec: TableSpec, wanted: PartitionPlan, found: Delivered) -> dict[str, Any]:
    return {
        "table": spec.title,
        "wanted": wanted.wanted,
        "present": len(wanted.present),
        "added": 0,
        "failed": [],
        "partitions": [partition_doc(spec, p) for p in wanted.missing],
        "statements": list(ddl.add_partitions(spec, wanted.missing)),
        **_unseen(found),
    }


def dropped_doc(
    spec: TableSpec, wanted: Sequence[Partition], applied: Applied | None
) -> dict[str, Any]:
    """What was dropped; without ``applied``, what would be."""
    done = applied or Applied()
    planned = {} if applied else {"statements": list(ddl.drop_partitions(spec, wanted))}
    return {
        "table": spec.title,
        "wanted": len(wanted),
        "gone": len(done.already),
        "dropped": len(done.done),
        "failed": failed_docs(spec, done),
        "partitions": [partition_doc(spec, p) for p in (done.done if applied else wanted)],
        **planned,
    }


def failed_docs(spec: TableSpec, applied: Applied) -> list[dict[str, Any]]:
    return [{"partition": partition_doc(spec, p), "reason": why} for p, why in applied.failed]


def _unseen(found: Delivered) -> dict[str, Any]:
    """What a plan could not look at, and what it saw that fits no layout."""
    return {
        "denied": [{"prefix": d.prefix, "reason": d.reason} for d in found.denied],
        "strange": list(found.stray),
    }


def sources(partitions: Sequence[Partition]) -> list[tuple[str, str, int, str, str]]:
    """One row for each account and region: how many partitions, the first and the last."""
    groups: dict[tuple[str, str], list[datetime]] = {}
    for partition in partitions:
        groups.setdefault((partition.account, partition.region), []).append(partition.start)
    return [
        (*source, len(starts), f"{min(starts):%Y-%m-%d}", f"{max(starts):%Y-%m-%d}")
        for source, starts in sorted(groups.items())
    ]


def block_doc(block: Block, choice: Choice) -> dict[str, Any]:
    return {
        "location": block.location,
        "layout": block.layout.name,
        "file_type": block.file_type,
        "log_format": block.format.text if block.format else None,
        "kind": block.format.kind if block.format else None,
        "accounts": list(block.accounts),
        "regions": list(block.regions),
        "first": f"{block.first}",
        "last": f"{block.last}",
        "flow_logs": list(block.flow_logs),
        "example": block.example,
        "header_lines": block.header_lines if block.file_type == "text" else None,
        "flags": None if choice.flags is None else list(choice.flags),
    }


def block_rows(block: Block, choice: Choice) -> list[tuple[str, str]]:
    """A block for people, as rows of what and its value."""
    form = block.format
    rows = [
        ("location", block.location),
        ("layout", block.layout.title),
        ("file type", block.file_type),
        ("log format", _described(form) if form else "not known"),
        ("accounts", f"{len(block.accounts)}: {some(block.accounts, 5)}"),
        ("regions", some(block.regions, 30)),
        ("days", f"{block.first} to {block.last}"),
        ("flow logs", some(block.flow_logs, 5)),
    ]
    if not block.header_lines:
        rows.append(("header lines", "0: no file has one"))
    if choice.flags != ():
        rows.append(("choose with", shlex.join(choice.flags) if choice.flags else choice.why))
    return rows


def _described(log_format: LogFormat) -> str:
    """``14 fields, VPC: version account-id ...``."""
    count = len(log_format.fields)
    return f"{count} field{'s' * (count > 1)}, {log_format.kind_title}: {log_format.header}"


def block_settings(block: Block, kept: Mapping[str, str | Sequence[str]]) -> str:
    """A settings file by which `init-table` needs no flags for a block whose format is known.

    ``kept`` are the user's own settings that later commands need as well.
    """
    known = block.layout.title == block.layout.name
    fields = block.format.fields if block.format else ()
    lines: dict[str, object] = {
        **kept,
        "location": block.location,
        "layout": block.layout.name if known else block.example,
        "file_type": block.file_type,
        "log_format": block.format.header if block.format else None,
    }
    if not block.header_lines:
        lines["header_lines"] = block.header_lines
    if any(not f.version for f in fields):
        lines["allow_unknown"] = True
    return "".join(f"{key} = {_toml(value)}\n" for key, value in lines.items() if value is not None)


def _toml(value: object) -> str:
    """A text, a number, a switch or a list of texts: JSON's spelling but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def query_doc(query: SavedQuery, known: Container[str] | None) -> dict[str, Any]:
    """``known`` holds the columns of the table in question; None when there is none."""
    missing = query.missing(known) if known is not None else ()
    return {
        "name": query.name,
        "title": query.title,
        "group": query.group,
        "description": query.description,
        "read": query.read,
        "caveats": list(query.caveats),
        "aliases": [" ".join((a.name, *a.given)) for a in query.aliases],
        "attack": list(query.attack),
        "requires": [COLUMNS[c] for c in query.requires],
        "improves": {COLUMNS[c]: adds for c, adds in query.improves.items()},
        "params": {
            p.name: {
                "type": p.type,
                "required": p.required,
                "default": plain(p.default),
                "doc": p.doc,
                **_limits(p),
            }
            for p in query.params
        },
        "runnable": None if known is None else not missing,
        "missing": [COLUMNS[c] for c in missing],
        "status": None if known is None else status(query, known),
        "lacking": [] if known is None else [COLUMNS[c] for c in query.lacking(known)],
    }


def _limits(p: Param) -> dict[str, object]:
    found = {"min": p.min, "max": p.max, "choices": list(p.choices), "pattern": p.pattern}
    found |= {"many": p.many or None}
    return {key: value for key, value in found.items() if value not in (None, [])}


def step_doc(step: Step) -> dict[str, Any]:
    return {
        "add": [COLUMNS[c] for c in step.add],
        "with": [COLUMNS[c] for c in step.beside],
        "unlocks": list(step.unlocks),
        "improves": list(step.improves),
    }
