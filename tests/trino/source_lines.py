"""What a flow log's files say, by the rules of the README alone: the answer to ``SELECT *``."""

from __future__ import annotations

import gzip
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

Column = tuple[str, str]
"""Name and type, as the table has them."""
Rows = dict[str, Counter[tuple[object, ...]]]
"""Each file's key below the location, and its rows: data columns, then partition keys."""

HAND_WRITTEN = (
    "2 unknown - - - - - - - - 1735786800 1735786860 - NODATA",
    "2 123456789012 eni-1 2001:db8::1 ::ffff:192.0.2.1 65535 0 58 1 40 1 2 ACCEPT OK",
    "2 123456789012 eni-1 10.0.0.1",
    "2",
    "",
    " ",
    "2  eni-1  10.0.0.2 443  6 1  1 2 ACCEPT OK",
    "2 1 eni-1 10.0.0.1 10.0.0.2 443 80 6 1 40 1 2 ACCEPT OK " + " ".join(["more"] * 60),
    " ".join(["1.9", "+5", "007", "-", r"\N"] * 11),
    " ".join(["99999999999", "9223372036854775808"] * 27),
    " ".join(["9223372036854775807", "2147483648"] * 27),
    " ".join(["-9223372036854775808", "-2147483648"] * 27),
)
TOKENS = (
    *("-", r"\N", "", "0", "1", "-1", "+5", "-5", "007", "-0", "1.9", "-1.9", "1.", "1.9.2", "1e3"),
    *("2147483647", "2147483648", "-2147483648", "-2147483649", "99999999999", "0x1F", "1_0", "1L"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808"),
    *("-9223372036854775809", "9" * 40, "0" * 40 + "7", "+", "+-5", "5-", "12ab", "NULL", "NaN"),
    *("10.0.0.1", "2001:db8::1", "eni-0a1b", "ACCEPT", "données", "٣", "😀", "%F0%9F", '"quoted"'),
    *("it's", "\\", "\\\\N", "a\\tb", "a\tb", "\t1", "a,b", "a|b", "\x01", "\x02", "true"),
    *(".5", "-.5", "5.", ".", "-."),
)
"""Texts of a field, odd ones above all; none holds a space or ends the line."""


def odd_lines(fields: int, count: int = 200) -> list[str]:
    """The rows written by hand, and rows of odd fields, some with too many or too few of them."""
    dice = random.Random(54)
    return [
        *HAND_WRITTEN,
        *(
            " ".join(dice.choices(TOKENS, k=max(1, fields + dice.choice((-2, 0, 0, 3)))))
            for _ in range(count)
        ),
    ]


_WHOLE = re.compile(r"([+-]?)([0-9]*)(?:\.[0-9]*)?", re.ASCII)
_BITS = {"int": 31, "bigint": 63}


def meant(kind: str, text: str | None) -> int | str | None:
    """What the text of one field says."""
    if text is None or text == r"\N":
        return None
    if kind == "string":
        return text
    match = _WHOLE.fullmatch(text)
    if match is None or not re.search("[0-9.]", text):
        return None
    number = int(match[1] + (match[2] or "0"))
    limit = 2 ** _BITS[kind]
    return number if -limit <= number < limit else None


def expected(root: Path, columns: Sequence[Column], keys: Mapping[str, Sequence[str]]) -> Rows:
    """Every line of the text files below ``root`` but the first of each.

    ``keys`` are the partition's values by the folder that a file lies in.
    """
    found: Rows = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        key = path.relative_to(root).as_posix()
        _, *lines = gzip.decompress(path.read_bytes()).decode().removesuffix("\n").split("\n")
        rows: Iterable[tuple[object, ...]] = (
            tuple(
                meant(kind, word)
                for (_, kind), word in zip(
                    columns, [*line.split(" "), *[None] * len(columns)], strict=False
                )
            )
            for line in lines
        )
        place = tuple(keys[key.rpartition("/")[0] + "/"])
        found[key] = Counter((*row, *place) for row in rows)
    return {key: rows for key, rows in found.items() if rows}


def as_parquet(root: Path, columns: Sequence[Column], kinds: Mapping[str, str]) -> None:
    """The text files below ``root`` as Parquet, with AWS's physical types, in their places."""
    types = {"INT_32": "INTEGER", "INT_64": "BIGINT", "STRING": "VARCHAR"}
    casts = ", ".join(f'TRY_CAST("{c}" AS {types[kinds[c]]}) AS "{c}"' for c, _ in columns)
    names = [column for column, _ in columns]
    csv = "delim=' ', quote='', escape='', skip=1, all_varchar=true"
    for path in sorted(root.rglob("*.log.gz")):
        target = str(path).replace(".log.gz", ".log.parquet")
        with duckdb.connect() as db:
            db.execute(
                f"CREATE TABLE log AS SELECT * FROM read_csv('{path}', names={names}, {csv})"
            )
            db.execute(f"COPY (SELECT {casts} FROM log) TO '{target}' (FORMAT parquet)")
        path.unlink()
