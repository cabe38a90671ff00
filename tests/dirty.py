"""A corpus of damaged and odd log files, one for each kind, with what each one holds by hand.

The files are made from a few records with a seed for what is random in them. Rows and
reports stand beside each file as they have to come out, and are worked out by nobody. Below
them: what has to come out when several such files are asked at once.
"""

from __future__ import annotations

import gzip
import io
import random
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import NOW, total

from athena_flow import params, query
from athena_flow.fields import TGW_DEFAULT
from athena_flow.layout import FLAT
from athena_flow.logformat import DEFAULT
from athena_flow.table import TableSpec
from athena_flow.window import Window

SEED = 7
HEADER = DEFAULT.header
TGW_HEADER = " ".join(field.name for field in TGW_DEFAULT)
ONE = "2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 22 6 5 840 1795000000 1795000060 ACCEPT OK"
TWO = "2 123456789012 eni-2 10.0.0.3 10.0.0.2 80 3389 6 1 40 1795000000 1795000061 REJECT OK"
Row = tuple[Any, ...]
FIRST: Row = (
    *(2, "123456789012", "eni-1", "10.0.0.1", "10.0.0.2", 443, 22, 6, 5, 840),
    *(1795000000, 1795000060, "ACCEPT", "OK"),
)
SECOND: Row = (
    *(2, "123456789012", "eni-2", "10.0.0.3", "10.0.0.2", 80, 3389, 6, 1, 40),
    *(1795000000, 1795000061, "REJECT", "OK"),
)
BOTH = (FIRST, SECOND)
NOTHING: Row = (None,) * 14


def changed(row: Row, **values: Any) -> Row:
    """A row with other values in some columns."""
    return tuple(values.get(c, v) for c, v in zip(DEFAULT.columns, row, strict=True))


@dataclass(frozen=True)
class Dirty:
    """One file: its bytes, the rows that it holds, and what is to be said of it."""

    name: str
    data: bytes
    rows: tuple[Row, ...] = ()
    odd: int = 0
    """Lines with fewer or more fields than their header."""
    first_odd: int = 0
    """The number of the first of them, from 1."""
    no_end: int = 0
    undecodable: bool = False
    empty: bool = False
    bad: str = ""
    """Why it cannot be read; a part of the reason."""


def text(*lines: str, end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode()


PLAIN = text(HEADER, ONE, TWO)


def corpus() -> tuple[Dirty, ...]:
    rng = random.Random(SEED)
    kinds = (*_wrapped(rng), *_lined(), *_headed(), *_valued(), *_encoded(rng))
    assert len({kind.name for kind in kinds}) == len(kinds)
    return kinds


def _wrapped(rng: random.Random) -> Iterator[Dirty]:
    """How the text is packed."""
    packed = gzip.compress(PLAIN, mtime=0)
    noise = "".join(f"{TWO}\n" for _ in range(2_000)) + "".join(
        f"2 1 eni-{rng.getrandbits(64):x} 10.0.0.1 10.0.0.2 1 2 6 1 1 1 2 ACCEPT OK\n"
        for _ in range(20_000)
    )
    large = gzip.compress(text(HEADER) + noise.encode(), mtime=0)
    crc, size = struct.unpack("<II", packed[-8:])
    yield Dirty("good.log.gz", packed, BOTH)
    yield Dirty("zero-bytes.log.gz", b"", empty=True)
    yield Dirty("zero-bytes.log", b"", empty=True)
    yield Dirty("empty-gzip.log.gz", gzip.compress(b"", mtime=0), empty=True)
    yield Dirty("truncated.log.gz", packed[:-30], bad="cannot be read")
    yield Dirty("truncated-late.log.gz", large[: len(large) * 3 // 4], bad="middle")
    yield Dirty("no-trailer.log.gz", packed[:-8], bad="cannot be read")
    yield Dirty("only-magic.log.gz", packed[:3], bad="cannot be read")
    yield Dirty("members.log.gz", _members(HEADER, ONE, TWO), BOTH)
    yield Dirty(
        "members-cut-in-a-line.log.gz",
        gzip.compress(PLAIN[:150], mtime=0) + gzip.compress(PLAIN[150:], mtime=0),
        BOTH,
    )
    yield Dirty("empty-member-first.log.gz", gzip.compress(b"", mtime=0) + packed, BOTH)
    yield Dirty("header-in-each-member.log.gz", packed + packed, (*BOTH, *BOTH))
    yield Dirty("garbage-behind.log.gz", packed + packed + b"garbage", bad="no gzip stands behind")
    yield Dirty("zeros-behind.log.gz", packed + b"\0" * 700, BOTH)
    yield Dirty("second-member-cut.log.gz", packed + packed[:-9], bad="middle")
    wrong = struct.pack("<II", crc ^ 1, size)
    yield Dirty("wrong-crc.log.gz", packed[:-8] + wrong, bad="cannot be read")
    wrong = struct.pack("<II", crc, size + 1)
    yield Dirty("wrong-size.log.gz", packed[:-8] + wrong, bad="cannot be read")
    flipped = bytearray(large)
    flipped[len(large) // 2] ^= 0x10
    yield Dirty("flipped-bit.log.gz", bytes(flipped), bad="cannot be read")
    yield Dirty("named-member.log.gz", _named_member(PLAIN), BOTH)
    yield Dirty("plain-named.log.gz", PLAIN, BOTH)
    yield Dirty("packed-named.log", packed, BOTH)


def _members(*lines: str) -> bytes:
    return b"".join(gzip.compress(text(line), mtime=0) for line in lines)


def _named_member(data: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile("a name.log", "wb", fileobj=out, mtime=0) as file:
        file.write(data)
    assert zlib.decompress(out.getvalue(), 31) == data
    return out.getvalue()


def _lined() -> Iterator[Dirty]:
    """Where lines end."""
    yield Dirty("no-final-newline.log", PLAIN[:-1], BOTH)
    yield Dirty("crlf.log", text(HEADER, ONE, TWO, end="\r\n"), BOTH)
    yield Dirty("only-cr.log", text(HEADER, ONE, TWO, end="\r"), BOTH)
    torn = ONE.replace(" 443 ", "\r443 ")
    yield Dirty(
        "stray-cr.log",
        text(HEADER, torn, TWO),
        (
            (2, "123456789012", "eni-1", "10.0.0.1", "10.0.0.2", *(None,) * 9),
            (443, "22", "6", "5", "840", 1795000000, 1795000060, *(None,) * 7),
            SECOND,
        ),
        odd=2, first_odd=2, no_end=2,
    )  # fmt: skip
    yield Dirty(
        "empty-lines.log",
        text(HEADER, "", ONE, "", "", TWO),
        (*BOTH, NOTHING, NOTHING, NOTHING),
        odd=3, first_odd=2, no_end=3,
    )  # fmt: skip
    long = ONE.replace("eni-1", "e" * 3_000_000)
    yield Dirty(
        "long-line.log.gz",
        gzip.compress(text(HEADER, long, TWO), mtime=0),
        (changed(FIRST, interface_id="e" * 3_000_000), SECOND),
    )


def _headed() -> Iterator[Dirty]:
    """Where the header is, and what it says."""
    swapped = "end srcaddr action log-status bytes"
    longer = f"{HEADER} vpc-id tcp-flags"
    short = "version srcaddr dstaddr end"
    yield Dirty("no-header.log", text(ONE, TWO), BOTH)
    yield Dirty("only-header.log", text(HEADER))
    yield Dirty("only-header-no-newline.log", HEADER.encode())
    yield Dirty("repeated-header.log", text(HEADER, ONE, HEADER, HEADER, TWO, HEADER), BOTH)
    yield Dirty(
        "reordered-header.log",
        text(swapped, "1795000060 10.0.0.9 ACCEPT OK 7"),
        (changed(NOTHING, end=1795000060, srcaddr="10.0.0.9", action="ACCEPT", log_status="OK",
                 bytes=7),),
    )  # fmt: skip
    yield Dirty("extended-header.log", text(longer, f"{ONE} vpc-1 18", f"{TWO} - -"), BOTH)
    yield Dirty(
        "shorter-header.log",
        text(short, "2 10.0.0.8 10.0.0.9 1795000060"),
        (changed(NOTHING, version=2, srcaddr="10.0.0.8", dstaddr="10.0.0.9", end=1795000060),),
    )
    yield Dirty(
        "unknown-field.log",
        text("version srcaddr new-field end", "5 10.0.0.8 something 1795000060"),
        (changed(NOTHING, version=5, srcaddr="10.0.0.8", end=1795000060),),
    )
    transit = TGW_HEADER.split()
    record = {"version": "6", "account-id": "9", "srcaddr": "10.1.0.1", "dstaddr": "10.1.0.2",
              "srcport": "1", "dstport": "2", "protocol": "17", "packets": "3", "bytes": "4",
              "start": "5", "end": "1795000062", "log-status": "OK"}  # fmt: skip
    yield Dirty(
        "transit-gateway.log",
        text(TGW_HEADER, " ".join(record.get(name, "-") for name in transit)),
        (
            (6, "9", None, "10.1.0.1", "10.1.0.2", 1, 2, 17, 3, 4, 5, 1795000062, None, "OK"),
        ),
    )  # fmt: skip
    yield Dirty(
        "another-header-below.log",
        text(HEADER, ONE, " ".join(reversed(HEADER.split())), " ".join(reversed(TWO.split()))),
        BOTH,
    )
    yield Dirty("header-bom.log", b"\xef\xbb\xbf" + PLAIN, BOTH)
    yield Dirty("bom-no-header.log", b"\xef\xbb\xbf" + text(ONE, TWO), BOTH)


def _valued() -> Iterator[Dirty]:
    """What stands in the fields."""
    spaced = ONE.replace("10.0.0.1 10.0.0.2", "10.0.0.1  10.0.0.2")
    yield Dirty(
        "two-spaces.log",
        text(HEADER, spaced, TWO),
        (
            (2, "123456789012", "eni-1", "10.0.0.1", "", None, 443, 22, 6, 5, 840,
             1795000000, "1795000060", "ACCEPT"),
            SECOND,
        ),
        odd=1, first_odd=2,
    )  # fmt: skip
    yield Dirty("trailing-space.log", text(HEADER, TWO, f"{ONE} "), BOTH, odd=1, first_odd=3)
    yield Dirty(
        "leading-space.log",
        text(HEADER, TWO, f" {ONE}"),
        (
            (None, "2", "123456789012", "eni-1", "10.0.0.1", None, 443, 22, 6, 5, 840,
             1795000000, "1795000060", "ACCEPT"),
            SECOND,
        ),
        odd=1, first_odd=3,
    )  # fmt: skip
    yield Dirty(
        "tabs.log",
        text(HEADER, ONE.replace(" ", "\t"), TWO),
        (NOTHING, SECOND),
        odd=1, first_odd=2, no_end=1,
    )  # fmt: skip
    yield Dirty(
        "tab-in-number.log",
        text(HEADER, ONE.replace(" 443 ", " \t443 ").replace(" 840 ", " 840\t ")),
        (changed(FIRST, srcport=None, bytes=None),),
    )
    yield Dirty(
        "missing-fields.log",
        text(HEADER, " ".join(ONE.split()[:12]), " ".join(TWO.split()[:3])),
        (
            changed(FIRST, action=None, log_status=None),
            (2, "123456789012", "eni-2", *(None,) * 11),
        ),
        odd=2, first_odd=2, no_end=1,
    )  # fmt: skip
    yield Dirty("extra-fields.log", text(HEADER, f"{ONE} 1 2", TWO), BOTH, odd=1, first_odd=2)
    yield Dirty(
        "hyphens.log",
        text(HEADER, " ".join("-" * 14)),
        ((None, "-", "-", "-", "-", *(None,) * 7, "-", "-"),),
        no_end=1,
    )
    yield Dirty("null-marks.log", text(HEADER, " ".join([r"\N"] * 14)), (NOTHING,), no_end=1)
    yield Dirty(
        "backslashes.log",
        text(HEADER, ONE.replace("eni-1", r"\n").replace("ACCEPT", r"\\N")),
        (changed(FIRST, interface_id=r"\n", action=r"\\N"),),
    )
    numbers = {
        "fraction": ("1.9", 1), "minus-fraction": ("-1.9", -1), "plus": ("+5", 5),
        "zeros": ("007", 7), "overflow": ("99999999999", None), "exponent": ("1e3", None),
        "capital-exponent": ("1E3", None), "negative": ("-6", -6), "hex": ("0x16", None),
        "underscore": ("1_000", None), "word": ("ssh", None), "dot": (".5", 0),
        "largest": ("2147483647", 2147483647), "one-more": ("2147483648", None),
        "comma": ("1,5", None), "nan": ("NaN", None), "arabic": ("١٢", None),
    }  # fmt: skip
    for title, (written, read) in numbers.items():
        yield Dirty(
            f"number-{title}.log",
            text(HEADER, ONE.replace(" 22 ", f" {written} ")),
            (changed(FIRST, dstport=read),),
        )
    yield Dirty(
        "end-no-number.log",
        text(HEADER, ONE.replace("1795000060", "soon"), TWO),
        (changed(FIRST, end=None), SECOND),
        no_end=1,
    )
    yield Dirty(
        "quotes.log",
        text(HEADER, ONE.replace("eni-1", '"eni-1').replace("ACCEPT", "'A,B;#")),
        (changed(FIRST, interface_id='"eni-1', action="'A,B;#"),),
    )
    yield Dirty(
        "csv.log",
        text(HEADER.replace(" ", ","), ONE.replace(" ", ",")),
        (NOTHING, NOTHING),
        odd=2, first_odd=1, no_end=2,
    )  # fmt: skip


def _encoded(rng: random.Random) -> Iterator[Dirty]:
    """Bytes that are no text."""
    yield Dirty(
        "nul-bytes.log",
        text(HEADER, ONE.replace("eni-1", "eni\0-1")),
        (changed(FIRST, interface_id="eni\0-1"),),
    )
    yield Dirty(
        "invalid-utf8.log",
        text(HEADER, ONE, TWO).replace(b"eni-1", b"eni-\xff"),
        (changed(FIRST, interface_id="eni-\ufffd"), SECOND),
        undecodable=True,
    )
    yield Dirty(
        "control-characters.log",
        text(HEADER, ONE.replace("eni-1", "e\x1f\x1e\x1d")),
        (changed(FIRST, interface_id="e\x1f\x1e\x1d"),),
    )
    controls = "".join(chr(n) for n in range(1, 32) if chr(n) not in "\r\n")
    yield Dirty(
        "every-control-character.log",
        text(HEADER, ONE.replace("eni-1", controls)),
        (changed(FIRST, interface_id=controls),),
    )
    yield Dirty(
        "other-scripts.log",
        text(HEADER, ONE.replace("eni-1", "日本🙂")),
        (changed(FIRST, interface_id="日本🙂"),),
    )
    late = text(HEADER) + text(TWO) * 9_000
    yield Dirty("late-invalid-utf8.log", late + b"\xfe\n", (
        *(SECOND,) * 9_000, NOTHING,
    ), odd=1, first_odd=9_002, no_end=1, undecodable=True)  # fmt: skip
    order = [*range(40)]
    rng.shuffle(order)
    shuffled = [ONE if n % 2 else TWO for n in order]
    yield Dirty(
        "shuffled.log.gz",
        gzip.compress(text(HEADER, *shuffled), mtime=0),
        tuple(FIRST if n % 2 else SECOND for n in order),
    )


CORPUS = corpus()
KINDS = {kind.name: kind for kind in CORPUS}


# ---------------------------------------------------------------- several files

Files = Mapping[str, Dirty]
"""What lies at each path."""


def put(files: Files) -> None:
    for path, kind in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(kind.data)


def rows_of(files: Files) -> list[Row]:
    return [row for kind in files.values() for row in kind.rows]


def count_of(files: int) -> str:
    return f"{files} file{'s' * (files != 1)}"


def told(files: Files, *, ends: bool = True) -> tuple[str, ...]:
    """What a query says of these files, read in the order of their paths; ``ends``: it reads the
    ends of their rows."""

    def of(what: str, test: Callable[[Dirty], object]) -> Iterator[str]:
        if paths := sorted(path for path, kind in files.items() if test(kind)):
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            yield f"{what}: {count_of(len(paths))}: {', '.join(paths[:3])}{more}"

    notes = [
        *of("left out, cannot be read", lambda kind: kind.bad),
        *of("empty", lambda kind: kind.empty),
        *of("not UTF-8, read with replacement characters", lambda kind: kind.undecodable),
    ]
    if odd := sum(kind.odd for kind in files.values()):
        path = min(path for path, kind in files.items() if kind.odd)
        first = f"{path}:{files[path].first_odd}"
        notes.append(
            f"rows with fewer or more fields than their header: {odd}, the first at {first}"
        )
    no_end = sum(kind.no_end for kind in files.values())
    if no_end and ends:
        notes.append(f"rows whose end is no number, in no window: {no_end}")
    return tuple(notes)


# ---------------------------------------------------------------- statements, and their answers

SPEC = TableSpec("db", "logs", "/", DEFAULT, FLAT, "text", "files")
EVERY = 'SELECT "{}" FROM db.logs'.format('", "'.join(DEFAULT.columns))
COLUMNS = (None, *DEFAULT.columns)
LATE = 1795000061
WINDOWS: dict[str, Callable[[int | None], bool]] = {
    "": lambda end: True,
    f'"end" >= {LATE}': lambda end: end is not None and end >= LATE,
    f'"end" < {LATE}': lambda end: end is not None and end < LATE,
}
"""Conditions, and which ends fulfil them."""


def grouped(files: Files, column: str | None) -> tuple[str, list[Row]]:
    """How often each value of a column stands in the rows, or how many rows there are."""
    rows = rows_of(files)
    if column is None:
        return "SELECT count(*) FROM db.logs", [(len(rows),)]
    at = DEFAULT.columns.index(column)
    counts = Counter(row[at] for row in rows)
    return f'SELECT "{column}", count(*) FROM db.logs GROUP BY 1', [*counts.items()]


def rejected(files: Files, window: str) -> tuple[str, list[Row]]:
    """How many rows a condition of `WINDOWS` and another one leave, and the sum of their bytes."""
    where = " AND ".join(filter(None, (window, "action = 'REJECT'")))
    end, action, size = (DEFAULT.columns.index(c) for c in ("end", "action", "bytes"))
    rows = [row for row in rows_of(files) if row[action] == "REJECT" and WINDOWS[window](row[end])]
    answer = (len(rows), total(row[size] for row in rows))
    return f"SELECT count(*), sum(bytes) FROM db.logs WHERE {where}", [answer]


VALUES = {"ip": "10.0.0.1", "port": "22"}
"""For the parameters that have no default."""


def runnable() -> Iterator[tuple[str, list[str]]]:
    """The saved queries that the default format can answer, with what they must be given."""
    for name, saved in query.library().items():
        needed = [param.name for param in saved.params if param.required]
        if not saved.missing(DEFAULT) and set(needed) <= VALUES.keys():
            yield name, [f"{param}={VALUES[param]}" for param in needed]


RUNNABLE = dict(runnable())


def saved_sql(name: str) -> str:
    """The statement of one of them."""
    saved = query.library()[name]
    values = params.bind(saved.params, RUNNABLE[name], NOW)
    return query.bind(saved, values, SPEC, Window(), frozenset(DEFAULT.columns)).sql


def clean(files: Files) -> Dirty:
    """One log that holds the rows of all these, each as the header says."""
    rows = rows_of(files)
    return Dirty("clean.log", text(HEADER, *map(written, rows)), tuple(rows))


def written(row: Row) -> str:
    """A row as a line that holds it."""
    pairs = zip(row, DEFAULT.fields, strict=True)
    return " ".join(
        str(v) if v is not None else r"\N" if f.athena_type == "string" else "-" for v, f in pairs
    )
