"""Every macro means on Trino what it means on DuckDB, and what is written down here.

The odd values stand in a log's own lines, so that both engines read them as they read logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from athena_server import AthenaServer
from conftest import put_tree
from test_saved_queries import Stand, plain

from athena_flow.aws import Account, S3Store
from athena_flow.demo import file_key, write_file
from athena_flow.engines.duckdb import DuckDBEngine
from athena_flow.engines.trino import TrinoEngine
from athena_flow.glue import GlueCatalog
from athena_flow.layout import DAILY, Partition
from athena_flow.local import DirStore, LocalCatalog
from athena_flow.logformat import parse_format
from athena_flow.macros import MACROS, expand
from athena_flow.query import BoundQuery
from athena_flow.table import TableSpec
from athena_flow.window import Window

pytest_plugins = "trino_fixtures"

On = Callable[[str], TrinoEngine]
Values = dict[str, tuple[Any, ...]]
"""A text in a log, and what each expression is of it."""

# ---------------------------------------------------------------- addresses

Y, N = True, False
ADDRESS_TESTS = (
    "in_cidr(srcaddr, '10.0.0.0/8')",
    "in_cidr(srcaddr, '0.0.0.0/0')",
    "in_cidr(srcaddr, '::/0')",
    "in_cidr(srcaddr, '10.0.0.1/32')",
    "in_cidr(srcaddr, '2001:db8::1/128')",
    "in_cidr(srcaddr, '::ffff:10.0.0.0/104')",
    "in_cidr(srcaddr, ('192.0.2.7', '2001:db8::/32', '10.0.0.0/31'))",
    "is_private(srcaddr)",
)
ADDRESSES: Values = {
    "10.0.0.0": (Y, Y, N, N, N, Y, Y, Y),
    "10.0.0.1": (Y, Y, N, Y, N, Y, Y, Y),
    "10.255.255.255": (Y, Y, N, N, N, Y, N, Y),
    "9.255.255.255": (N, Y, N, N, N, N, N, N),
    "11.0.0.0": (N, Y, N, N, N, N, N, N),
    "0.0.0.0": (N, Y, N, N, N, N, N, N),
    "255.255.255.255": (N, Y, N, N, N, N, N, N),
    "192.0.2.7": (N, Y, N, N, N, N, Y, N),
    "172.15.255.255": (N, Y, N, N, N, N, N, N),
    "172.31.255.255": (N, Y, N, N, N, N, N, Y),
    "100.64.0.0": (N, Y, N, N, N, N, N, Y),
    "::ffff:10.0.0.1": (Y, Y, N, Y, N, Y, Y, Y),
    "::FFFF:10.0.0.1": (Y, Y, N, Y, N, Y, Y, Y),
    "::FFFF:A00:1": (Y, Y, N, Y, N, Y, Y, Y),
    "0:0:0:0:0:ffff:0a00:0001": (Y, Y, N, Y, N, Y, Y, Y),
    "::ffff:8.8.8.8": (N, Y, N, N, N, N, N, N),
    "::10.0.0.1": (N, N, Y, N, N, N, N, N),
    "::": (N, N, Y, N, N, N, N, N),
    "::1": (N, N, Y, N, N, N, N, Y),
    "2001:db8::1": (N, N, Y, N, Y, N, Y, N),
    "2001:DB8::1": (N, N, Y, N, Y, N, Y, N),
    "2001:0DB8:0000:0000:0000:0000:0000:0001": (N, N, Y, N, Y, N, Y, N),
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff": (N, N, Y, N, N, N, Y, N),
    "2001:db9::": (N, N, Y, N, N, N, N, N),
    "fe80::1": (N, N, Y, N, N, N, N, Y),
    "FEBF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF": (N, N, Y, N, N, N, N, Y),
    "fec0::": (N, N, Y, N, N, N, N, N),
    "fd00::5": (N, N, Y, N, N, N, N, Y),
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": (N, N, Y, N, N, N, N, N),
}
NO_ADDRESSES = (
    *(
        "-",
        r"\N",
        "",
        ".",
        ":",
        "x",
        "localhost",
        "NULL",
        "10",
        "167772161",
        "10.0.0",
        "10.0.0.0.1",
    ),
    *("10.0.0.256", "10.0.0.-1", "010.0.0.1", "10.0.0.01", "0x0a.0.0.1", "10.0.0.1.", ".10.0.0.1"),
    *(
        "10.0.0.1/32",
        "10.0.0.1:22",
        "10,0,0,1",
        "1e1.0.0.1",
        "10.0.0.1\t",
    ),
    *("::1/128", "[::1]", "::g", ":::", "1::2::3", "12345::"),
    *("1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::ffff:10.0.0.256", "::ffff:010.0.0.1", "::ffff:10.0"),
    *("2001:db8::1::", "2001:db8:1", "1:2:3:4:5:6:7::8", ":1:2:3:4:5:6:7:8", "::-1"),
)
"""Of these every test is NULL."""

FOREIGN = {
    **{"١٠.٠.٠.١": "10.0.0.1", "１０.0.0.1": "10.0.0.1"},
    **{"fe80::1%eth0": "fe80::1", "fe80::1%2": "fe80::1", "::1%": "::1"},
}
"""Of these too, but for Trino: it takes the digits of every script, and drops an IPv6 zone."""

NETWORKS = (
    "10.0.0.0/8",
    "0.0.0.0/0",
    "10.0.0.1/32",
    "2001:db8::1/128",
    "::/0",
    "::/64",
    "::ffff:10.0.0.0/104",
)
"""What is asked of the engine where the network is a column."""

# ---------------------------------------------------------------- numbers

PORT_TESTS = ("port_name(dstport)", "in_ports(dstport, ('22', '1-21', '1024-65535'))")
PORTS: Values = {
    "22": ("ssh", Y),
    "+22": ("ssh", Y),
    "022": ("ssh", Y),
    "0": ("0", N),
    "21": ("ftp", Y),
    "23": ("telnet", N),
    "1023": ("1023", N),
    "1024": ("1024", Y),
    "65535": ("65535", Y),
    "65536": ("65536", N),
    "-1": ("-1", N),
    "2147483647": ("2147483647", N),
    "-": (None, None),
    r"\N": (None, None),
    "2147483648": (None, None),
    "0x16": (None, None),
    "ssh": (None, None),
    "": (None, None),
}
PROTOCOL_TESTS = ("protocol_name(protocol)",)
PROTOCOLS: Values = {
    **{"6": ("TCP",), "17": ("UDP",), "1": ("ICMP",), "58": ("ICMPv6",), "253": ("253",)},
    **{"0": ("HOPOPT",), "256": ("256",), "-6": ("-6",), "-": (None,), "tcp": (None,)},
}
PATH_TESTS = ("traffic_path_name(traffic_path)",)
PATHS: Values = {
    **{"1": ("same VPC",), "8": ("internet gateway",), "9": ("9",), "0": ("0",), "-": (None,)},
}
FLAG_TESTS = ("tcp_flag_names(tcp_flags)",)
FLAGS: Values = {
    **{"0": ("none",), "1": ("FIN",), "2": ("SYN",), "4": ("RST",), "18": ("SYN+ACK",)},
    **{"19": ("SYN+ACK+FIN",), "-": (None,), "-1": (None,), "4294967298": (None,)},
}
TIME_TESTS = (
    "time_bucket('5m', \"end\")",
    "time_bucket('hour', \"end\")",
    "time_bucket('week', \"end\")",
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


TIMES: Values = {
    "1795219559": (at("2026-11-21 00:05"), at("2026-11-21 00:00"), at("2026-11-16 00:00")),
    "1795219499": (at("2026-11-21 00:00"), at("2026-11-21 00:00"), at("2026-11-16 00:00")),
    "345600": (at("1970-01-05 00:00"), at("1970-01-05 00:00"), at("1970-01-05 00:00")),
    "253402300799": (at("9999-12-31 23:55"), at("9999-12-31 23:00"), at("9999-12-27 00:00")),
    "-": (None, None, None),
    "99999999999999999999": (None, None, None),
    "x": (None, None, None),
}

FORMAT = parse_format(
    "packets srcaddr dstaddr dstport protocol traffic-path tcp-flags end log-status"
)
TABLES: dict[str, tuple[tuple[str, ...], Values]] = {
    "srcaddr": (ADDRESS_TESTS, ADDRESSES | dict.fromkeys(NO_ADDRESSES, (None,) * 8)),
    "dstport": (PORT_TESTS, PORTS),
    "protocol": (PROTOCOL_TESTS, PROTOCOLS),
    "traffic-path": (PATH_TESTS, PATHS),
    "tcp-flags": (FLAG_TESTS, FLAGS),
    "end": (TIME_TESTS, TIMES),
}
LINES = [
    (field, text, network)
    for field, (_, values) in TABLES.items()
    for text in values
    for network in (NETWORKS if field == "srcaddr" else NETWORKS[:1])
]


def line(number: int, field: str, text: str, network: str) -> str:
    """A record that is empty but for one odd value, the network, and its number."""
    record = {"packets": str(number), "dstaddr": network, field: text}
    return " ".join(record.get(f.name, "-") for f in FORMAT.fields)


@dataclass(frozen=True)
class Both:
    trino: Stand
    duckdb: Stand

    def rows(self, expressions: Sequence[str]) -> dict[int, tuple[Any, ...]]:
        """What both say of each line, by its number; fails where they differ."""
        found = []
        for stand in (self.trino, self.duckdb):
            sql = expand(f"SELECT packets, {', '.join(expressions)} FROM {stand.spec.sql}")
            result = stand.run(BoundQuery("macros", sql, stand.spec, Window(), {}))
            found.append({row[0]: tuple(map(plain, row[1:])) for row in result.rows})
        trino, duckdb = found
        assert len(trino) == len(LINES)
        assert trino == duckdb
        return trino


@pytest.fixture
def both(trino_engine: On, aws: AthenaServer, tmp_path: Path) -> Iterator[Both]:
    place = Partition("111122223333", "us-east-1", datetime(2026, 11, 20, tzinfo=UTC))
    lines = [line(n, *what) for n, what in enumerate(LINES)]
    write_file(tmp_path / file_key(DAILY, place), [FORMAT.header, *lines])
    put_tree(tmp_path, "edges")
    account, local = Account(), LocalCatalog(None)
    here, there = f"{tmp_path}/", "s3://edges/"
    glue = Stand(
        partial(trino_engine, "flows"),
        GlueCatalog(account),
        S3Store(account),
        TableSpec("flows", "edges", there, FORMAT, DAILY),
    )
    duckdb = Stand(
        DuckDBEngine, local, DirStore(), TableSpec("flows", "edges", here, FORMAT, DAILY)
    )
    for stand in (glue, duckdb):
        stand.register()
    yield Both(glue, duckdb)
    local.close()


def test_every_macro_is_tried() -> None:
    """A new macro gets its line in a table above."""
    tried = {test.partition("(")[0] for tests, _ in TABLES.values() for test in tests}
    assert tried == MACROS.keys()


def test_both_engines_say_what_is_written_here(both: Both) -> None:
    """Each odd value, in each macro; and under NOT, where NULL stays NULL."""
    for field, (tests, values) in TABLES.items():
        found = both.rows(tests)
        for number, (of, text, _) in enumerate(LINES):
            if of == field:
                assert found[number] == values[text], (field, text)
    negated = both.rows([f"NOT {test}" for test in ADDRESS_TESTS])
    for number, (of, text, _) in enumerate(LINES):
        if of == "srcaddr":
            values = TABLES["srcaddr"][1][text]
            assert negated[number] == tuple(None if v is None else not v for v in values), text


def test_what_trino_alone_takes_for_an_address(trino_engine: On) -> None:
    """The one difference, which no log of AWS's shows: the README tells it."""
    for text, address in FOREIGN.items():
        found = trino_engine("x").run(f"SELECT TRY_CAST('{text}' AS ipaddress)", ())
        assert list(found.rows) == [(address,)]


def test_a_network_in_a_column(both: Both) -> None:
    """Asked of the engine, it is the network that is spelled out in the query."""
    found = both.rows(["in_cidr(srcaddr, dstaddr)"])
    spelled = both.rows([f"in_cidr(srcaddr, '{network}')" for network in NETWORKS])
    for number, (of, text, network) in enumerate(LINES):
        if of == "srcaddr":
            assert found[number] == (spelled[number][NETWORKS.index(network)],), (text, network)
