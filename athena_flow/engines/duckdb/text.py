"""Text logs: inflated whole, as UTF-8 lines that end as Hadoop's do, without header lines.

Files are inflated here and not by DuckDB, whose reader checks no CRC, stops at a stray
carriage return and cannot say which rows it left out. DuckDB is given pieces of text, and
splits them as Hadoop and Hive's LazySimpleSerDe do: into lines, and these at single spaces,
missing fields NULL, more fields ignored. Header lines are no rows wherever they stand, and
each says what the lines below it hold.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from isal.igzip_lib import IsalError
from isal.isal_zlib import decompressobj

from athena_flow.engines.duckdb.database import DUCKDB_TYPES
from athena_flow.engines.duckdb.notes import Notes
from athena_flow.errors import BadFile, RequestError
from athena_flow.logformat import LogFormat, format_of, is_header
from athena_flow.sqltext import name

BLOCK_BYTES = 2**16
"""Read from a file at a time."""
PIECE_BYTES = 2**19
"""Text of one file that is split at a time, about."""
LINE_BYTES = 64 * 2**20
"""Longest line that is read; Athena's own limit is 200 MB."""
GZIP = b"\x1f\x8b"
FIELDS = "$fields"
"""The column of split lines that is a line's fields."""
_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)? *[a-z][a-z-]*\d?(?:\n| [a-z][a-z-]*\d?[ \n])")
"""How headers begin: with two names, or with the only one."""
_BELOW = re.compile(b"\n" + _BEGIN.pattern)
_LETTERS = b"orstuvz"
"""Every known name has one of them, but for end."""
_MEMBERS = 31
"""zlib's ``wbits`` for a gzip header and its checksum."""


@dataclass(frozen=True, slots=True)
class Form:
    """What lines have to have in common to be loaded together."""

    log_format: LogFormat
    escaped: bool
    r"""Is there a backslash, and so perhaps Hive's ``\N``?"""


def read_text(path: str, headless: LogFormat, notes: Notes) -> Iterator[tuple[Form, bytes]]:
    """The records of a file, a piece at a time, in its order.

    Lines above any header are in the ``headless`` format, or the default one (`format_of`).
    What is odd about the file is noted at its end. Raises BadFile, perhaps after some pieces.
    """
    log_format: LogFormat | None = None
    sound = True
    for piece in _pieces(path):
        text, valid = _decoded(piece)
        sound = sound and valid
        if log_format is None:
            text = text.removeprefix(BOM_UTF8)
            head, _, rest = text.partition(b"\n")
            log_format = _format(path, head.decode(), headless)
            text = rest if is_header(head.decode()) else text
        for log_format, records in _sections(path, text, log_format):  # noqa: B020  # goes on
            if records:
                yield Form(log_format, b"\\" in records), records
    if log_format is None:
        notes.empty.append(path)
    if not sound:
        notes.undecodable.append(path)


def first_odd(path: str, headless: LogFormat) -> int | None:
    """The number, from 1, of the first line with another number of fields than its header."""
    log_format: LogFormat | None = None
    number = 0
    for piece in _pieces(path):
        for line in _decoded(piece)[0].splitlines(keepends=True):
            number += 1
            words = _words(line)
            header = is_header(words) if log_format is None else _is_header(line, log_format)
            if log_format is None or header:
                log_format = _format(path, words, headless)
            if not header and words.count(" ") + 1 != len(log_format.fields):
                return number
    return None


def lines(keys: Iterable[str] = ()) -> str:
    """The lines of ``$texts`` as a table; the last of each text has no end.

    Beside each stand the values of its text's partition keys, from ``$key0`` and on.
    """
    named = [name(key).text for key in keys]
    given = "".join(f", unnest($key{n}) AS {key}" for n, key in enumerate(named))
    more = "".join(f", {key}" for key in named)
    return (
        f"(SELECT unnest(string_split(text, chr(10))) AS line{more}"
        f" FROM (SELECT unnest($texts) AS text{given}))"
    )


def split(lines: str) -> str:
    """A table of lines as one of their fields, in the column `FIELDS`."""
    return f"(SELECT * EXCLUDE (line), string_split(line, ' ') AS {name(FIELDS)} FROM {lines})"


def is_odd(form: Form) -> str:
    """Has a line more or fewer fields than its header?"""
    return f"len({name(FIELDS)}) <> {len(form.log_format.fields)}"


def field(form: Form, column: str, kind: str) -> str:
    """A field's text as its column's type; NULL for a column that the lines lack."""
    if column not in form.log_format:
        return f"CAST(NULL AS {DUCKDB_TYPES[kind]})"
    text = f"{name(FIELDS)}[{form.log_format.columns.index(column) + 1}]"
    if kind == "string":
        return f"hive_string({text})" if form.escaped else text
    return f"TRY_CAST(hive_number({text}) AS {DUCKDB_TYPES[kind]})"


def _pieces(path: str) -> Iterator[bytes]:
    """A file's text in whole lines, the last of them perhaps without its end. Raises BadFile."""
    try:
        with open(path, "rb") as raw:
            blocks: list[bytes] = []
            size = 0
            for block in _blocks(raw):
                size += len(block)
                end = _line_end(block) if size >= PIECE_BYTES else 0
                if not end and size > LINE_BYTES:
                    raise BadFile(f"{path}: a line has more than {LINE_BYTES:,} bytes")
                if end:
                    yield b"".join((*blocks, block[:end]))
                    blocks, size = [], len(block) - end
                blocks.append(block[end:])
            if size:
                yield b"".join(blocks)
    except (OSError, EOFError, IsalError) as error:  # type: ignore[misc]  # a class, not its object
        raise BadFile(f"{path}: cannot be read: {error}") from error


def _line_end(block: bytes) -> int:
    """Where the last line that surely ends in a block does; 0 where none does."""
    return block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1


def _blocks(raw: BinaryIO) -> Iterator[bytes]:
    """A file as it is, or every member of a gzip file, its checksums checked."""
    data = raw.read(BLOCK_BYTES)
    if not data.startswith(GZIP):
        while data:
            yield data
            data = raw.read(BLOCK_BYTES)
        return
    while data:
        member = decompressobj(wbits=_MEMBERS)
        while not member.eof:
            if not data:
                raise EOFError("it ends in the middle of its compressed data")
            yield member.decompress(data)
            data = b"" if member.eof else raw.read(BLOCK_BYTES)
        data = member.unused_data.lstrip(b"\0")
        while len(data) < len(GZIP) and (more := raw.read(BLOCK_BYTES)):
            data = (data + more).lstrip(b"\0")
        if data and not data.startswith(GZIP):
            raise EOFError("something that is no gzip stands behind its compressed data")


def _decoded(data: bytes) -> tuple[bytes, bool]:
    """UTF-8 with every line ended by a newline, as Hadoop's reader ends them; was it valid?"""
    valid = True
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            data, valid = data.decode("utf-8", "replace").encode(), False
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data if data.endswith(b"\n") else data + b"\n", valid


def _format(path: str, head: str, table: LogFormat) -> LogFormat:
    try:
        return _known_format(head, table)
    except RequestError as error:
        raise BadFile(f"{path}: its header: {error.message}") from None


@lru_cache(maxsize=1024)
def _known_format(head: str, table: LogFormat) -> LogFormat:
    return format_of(head, table)


def _sections(path: str, text: bytes, log_format: LogFormat) -> Iterator[tuple[LogFormat, bytes]]:
    """The text without header lines, cut where one of them says another format."""
    if not _may_hold_header(text, log_format):
        yield log_format, text
        return
    kept: list[bytes] = []
    for line in text.splitlines(keepends=True):
        if not _is_header(line, log_format):
            kept.append(line)
            continue
        found = _format(path, _words(line), log_format)
        if found != log_format:
            yield log_format, b"".join(kept)
            log_format, kept = found, []
    yield log_format, b"".join(kept)


def _words(line: bytes) -> str:
    return line.removeprefix(BOM_UTF8).decode().removesuffix("\n")


def _is_header(line: bytes, log_format: LogFormat) -> bool:
    """Is a line below the first a header?"""
    return _may_hold_header(line, log_format) and is_header(_words(line))


def _may_hold_header(text: bytes, log_format: LogFormat) -> bool:
    """Is there the longest name of the header before, or something that begins as headers do?

    False for most texts by a look for single letters, which is by far the quickest.
    """
    mark = _mark(log_format)
    if all(letter in text for letter in set(mark)) and mark in text:
        return True
    if not any(letter in text for letter in _LETTERS):
        return False
    return bool(_BEGIN.match(text) or _BELOW.search(text))


@lru_cache(maxsize=64)
def _mark(log_format: LogFormat) -> bytes:
    return max((f.name for f in log_format.fields), key=len).encode()
