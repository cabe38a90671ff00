"""Parquet footers without their files: row groups, and what their chunks hold."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from athena_flow.columnar import BLOOM_BYTES, MAGIC, Chunk, RowGroup
from athena_flow.engines.duckdb.database import connection, listed
from athena_flow.layout import PARQUET

_METADATA = """file_name, row_group_id, path_in_schema, type, data_page_offset,
    dictionary_page_offset, total_compressed_size, encodings, encoding_stats,
    bloom_filter_length, stats_min_value, stats_max_value"""
_IN_DICTIONARY = {"PLAIN_DICTIONARY", "RLE_DICTIONARY"}
_OF_VERSION_1 = {"PLAIN_DICTIONARY", "RLE", "BIT_PACKED"}


def parquet_footers(ends: Sequence[tuple[int, bytes]]) -> list[tuple[RowGroup, ...] | None]:
    """A `columnar.ParseFooters`: DuckDB reads footers from files that hold nothing else."""
    with tempfile.TemporaryDirectory(prefix="athena-flow-") as folder, connection("") as db:
        paths = [str(Path(folder, f"{n}{PARQUET}")) for n in range(len(ends))]
        for path, (size_bytes, end) in zip(paths, ends, strict=True):
            with open(path, "wb") as file:
                file.write(MAGIC)
                file.seek(size_bytes - len(end))  # what is skipped takes no room on disk
                file.write(end)
        found = _row_groups(db, paths)
    return [found[path] for path in paths]


def _row_groups(
    db: duckdb.DuckDBPyConnection, paths: Sequence[str]
) -> dict[str, tuple[RowGroup, ...] | None]:
    """Those of each file; of many in one query, unless one of them is broken."""
    if not paths:
        return {}
    try:
        rows = db.execute(
            f"SELECT {_METADATA} FROM parquet_metadata([{listed(paths)}])"
            " ORDER BY file_name, row_group_id, column_id"
        ).fetchall()
    except duckdb.Error:
        half = len(paths) // 2
        if not half:
            return {paths[0]: None}
        return {**_row_groups(db, paths[:half]), **_row_groups(db, paths[half:])}
    groups: dict[str, dict[int, list[tuple[Any, ...]]]] = {path: {} for path in paths}
    for path, group, *chunk in rows:
        groups[path].setdefault(group, []).append(tuple(chunk))
    return {path: tuple(map(_row_group, found.values())) for path, found in groups.items()}


def _row_group(rows: Iterable[tuple[Any, ...]]) -> RowGroup:
    chunks = [_chunk(*row) for row in rows]
    return RowGroup(chunks[0][0], tuple(chunk for _, chunk in chunks))


def _chunk(
    path: str,
    kind: str,
    data: int,
    dictionary: int | None,
    size_bytes: int,
    encodings: str,
    pages: list[dict[str, Any]] | None,
    bloom: int | None,
    low: str | None,
    high: str | None,
) -> tuple[int, Chunk]:
    """A chunk, and where its first data page lies."""
    inside = dictionary is not None and 0 < dictionary < data
    looked_up = BLOOM_BYTES + bloom if bloom else 0
    if _all_in_dictionary(encodings, pages):
        looked_up += data - dictionary if inside and dictionary else size_bytes
    return data, Chunk(
        path.split(", ", 1)[0].lower(),
        dictionary if inside and dictionary else data,
        size_bytes,
        looked_up,
        _bound(kind, low),
        _bound(kind, high),
    )


def _all_in_dictionary(encodings: str, pages: list[dict[str, Any]] | None) -> bool:
    """Are all pages of a chunk dictionary-encoded? Then a filter asks the dictionary first.

    Source: Trino, PredicateUtils.isOnlyDictionaryEncodingPages.
    """
    if pages:
        data = {page["encoding"] for page in pages if "DATA_PAGE" in str(page["page_type"])}
        return data <= _IN_DICTIONARY
    names = {name.strip() for name in encodings.split(",")}
    return "PLAIN_DICTIONARY" in names and names <= _OF_VERSION_1


def _bound(kind: str, text: str | None) -> int | str | None:
    """A statistic as its type; None for a type whose order or spelling is another one."""
    if text is None:
        return None
    if kind in ("INT32", "INT64"):
        return int(text) if re.fullmatch(r"-?\d+", text, re.ASCII) else None
    return text if kind == "BYTE_ARRAY" and text.isascii() and "\\" not in text else None
