"""The macros: one meaning in Athena's SQL, held against Python's ipaddress."""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from athena_flow.codes import PRIVATE_NETWORKS, TCP_FLAGS
from athena_flow.errors import BadSql
from athena_flow.macros import MACROS, expand
from athena_flow.sqltext import literal
from athena_flow.translate import setup_for, to_duckdb

CALLS = {
    "in_cidr": "in_cidr(srcaddr, '10.0.0.0/8')",
    "is_private": "is_private(srcaddr)",
    "in_ports": "in_ports(dstport, '1-1023')",
    "protocol_name": "protocol_name(protocol)",
    "port_name": "port_name(dstport)",
    "traffic_path_name": "traffic_path_name(traffic_path)",
    "tcp_flag_names": "tcp_flag_names(tcp_flags)",
    "time_bucket": "time_bucket('5m', \"end\")",
}


def _answers(sql: str, rows: Sequence[tuple] = ((),), columns: str = "") -> list[tuple]:
    """The rows of a statement with macros, over a table ``t`` of these rows, on DuckDB."""
    kinds = dict(column.split() for column in columns.split(", ") if column)
    translated = to_duckdb(expand(sql), {"t": kinds} if columns else None)
    with duckdb.connect() as db:
        for statement in setup_for(translated):
            db.execute(statement)
        if columns:
            db.execute(f"CREATE TABLE t ({columns})")
            values = ", ".join(literal(row) for row in rows)
            db.execute(f"INSERT INTO t VALUES {values}")
        return db.execute(translated).fetchall()


def _one(expression: str) -> Any:
    ((value,),) = _answers(f"SELECT {expression} AS x")
    return value


def test_every_macro_has_a_call_here() -> None:
    """A new macro is tested by name below."""
    assert CALLS.keys() == MACROS.keys()
    assert all(macro.call.startswith(f"{name}(") for name, macro in MACROS.items())


# ---------------------------------------------------------------- addresses


def _network(dice: random.Random) -> str:
    bits = dice.choice((32, 128))
    length = dice.choice(
        (0, 1, bits - 1, bits, *range(1, bits, 3), *((96, 80, 64) if bits > 32 else ()))
    )
    number = dice.getrandbits(bits)
    if bits == 128 and dice.random() < 0.4:
        number = 0x20010DB8 << 96 | dice.getrandbits(40) << dice.choice((0, 40))
    kind = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network
    return str(kind((number >> (bits - length) << (bits - length), length)))


def _spelled(address: Any, dice: random.Random) -> str:
    """An address as somebody may write it."""
    if address.version == 4:
        return str(address)
    return dice.choice(
        (str(address), str(address).upper(), address.exploded, address.exploded.upper())
    )


def _address(network: str, dice: random.Random) -> str:
    """An address in, beside or far from a network."""
    net = ipaddress.ip_network(network)
    first, last = int(net.network_address), int(net.broadcast_address)
    most = 2**net.max_prefixlen - 1
    number = dice.choice(
        (first, last, max(first - 1, 0), min(last + 1, most), dice.randint(first, last))
    )
    kind = ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address
    if dice.random() < 0.15:
        number, kind = (
            dice.getrandbits(32),
            dice.choice((ipaddress.IPv4Address, ipaddress.IPv6Address)),
        )
    return _spelled(kind(number), dice)


def _meant(address: str) -> Any:
    """An IPv4 address in IPv6's dress is the IPv4 address."""
    found = ipaddress.ip_address(address)
    return getattr(found, "ipv4_mapped", None) or found


def test_in_cidr_agrees_with_python() -> None:
    """Thousands of addresses in, at the edges of and outside networks of every length."""
    dice = random.Random(42)
    networks = ["0.0.0.0/0", "::/0", "255.255.255.255/32", "::1/128", "::/1", "8000::/1", "::/64"]
    networks += [_network(dice) for _ in range(193)]
    tried = inside = 0
    for network in networks:
        rows = [(n, _address(dice.choice(networks) if n % 3 else network, dice)) for n in range(25)]
        sql = f"SELECT n, in_cidr(a, '{network}') AS i FROM t ORDER BY n"
        net = ipaddress.ip_network(network)
        wanted = [(n, _meant(a) in net) for n, a in rows]
        assert _answers(sql, rows, "n INTEGER, a VARCHAR") == wanted, network
        tried += len(rows)
        inside += sum(yes for _, yes in wanted)
    assert tried == 5000
    assert 500 < inside < 4500


def test_in_cidr_of_a_list_is_any_of_it() -> None:
    """Networks that overlap, touch and repeat, of both families, and single addresses."""
    dice = random.Random(7)
    for _ in range(40):
        networks = [_network(dice) for _ in range(dice.randint(1, 6))]
        networks += [str(_meant(_address(n, dice))) for n in networks[:2]]
        rows = [(n, _address(dice.choice(networks), dice)) for n in range(25)]
        known = [ipaddress.ip_network(n) for n in networks]
        listed = literal(networks)
        wanted = [(n, any(_meant(a) in net for net in known)) for n, a in rows]
        sql = f"SELECT n, in_cidr(a, {listed}) AS i FROM t ORDER BY n"
        assert _answers(sql, rows, "n INTEGER, a VARCHAR") == wanted, networks


@pytest.mark.parametrize(
    ("address", "network", "inside"),
    [
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("::FFFF:10.1.2.3", "10.0.0.0/8", True),
        ("0:0:0:0:0:ffff:0a01:0203", "10.0.0.0/8", True),
        ("10.1.2.3", "::ffff:10.0.0.0/104", True),
        ("10.1.2.3", "::/0", False),
        ("::ffff:10.1.2.3", "::/0", False),
        ("::10.1.2.3", "::/0", True),
        ("2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::/32", True),
        ("255.255.255.255", "0.0.0.0/0", True),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.2", "10.0.0.1/32", False),
        ("2001:db8::1", "2001:db8::1/128", True),
        ("172.32.0.1", "172.16.0.0/12", False),
    ],
)
def test_in_cidr_by_hand(address: str, network: str, inside: bool) -> None:
    """Mapped addresses are IPv4, families do not mix, and spellings do not matter."""
    assert _one(f"in_cidr('{address}', '{network}')") is inside
    assert _one(f"in_cidr('{address}', ('{network}', '192.0.2.77/32'))") is inside


@pytest.mark.parametrize("value", ["'-'", "NULL", "''", "'10.0.0.256'", "'eth0'", "'010.0.0.1'"])
@pytest.mark.parametrize(
    "test",
    [
        "in_cidr(x, '10.0.0.0/8')",
        "in_cidr(x, ('10.0.0.0/8', '::/0'))",
        "in_cidr(x, (NULL))",
        "is_private(x)",
    ],
)
def test_what_is_no_address_is_in_nothing_and_not_in_nothing(value: str, test: str) -> None:
    """Of `-`, NULL and other text neither the test holds nor its NOT."""
    source = f"(SELECT CAST({value} AS varchar) AS x) AS s"
    sql = (
        f"SELECT {test} AS a, NOT {test} AS b, count(*) AS c FROM {source} WHERE {{}} GROUP BY 1, 2"
    )
    assert _answers(sql.format("TRUE")) == [(None, None, 1)]
    assert _answers(sql.format(test)) == _answers(sql.format(f"NOT {test}")) == []


def test_an_empty_list_holds_nothing() -> None:
    """Nothing is in an empty list, and NOT in it is everything."""
    assert _one("in_cidr('10.0.0.1', (NULL))") is False
    assert _one("in_cidr('10.0.0.1', NULL)") is False
    assert _one("in_ports(22, (NULL))") is False


def test_is_private_agrees_with_the_rfcs() -> None:
    """The first and last address of each private network, and their neighbours."""
    known = [ipaddress.ip_network(n) for n in PRIVATE_NETWORKS]
    texts = []
    for net in known:
        for number in (int(net.network_address), int(net.broadcast_address)):
            kind = type(net.network_address)
            most = 2**net.max_prefixlen - 1
            texts += [str(kind(n)) for n in (number - 1, number, number + 1) if 0 <= n <= most]
    texts += ["8.8.8.8", "172.15.255.255", "172.32.0.0", "192.0.2.1", "224.0.0.251", "2001:db8::1"]
    wanted = [(n, any(_meant(a) in net for net in known)) for n, a in enumerate(texts)]
    sql = "SELECT n, is_private(a) AS p FROM t ORDER BY n"
    assert _answers(sql, list(enumerate(texts)), "n INTEGER, a VARCHAR") == wanted


def test_a_network_that_is_a_column_is_asked_of_the_engine() -> None:
    """Networks in a table go through Trino's own contains, and families do not mix."""
    rows = [("10.0.0.0/8", "10.1.1.1"), ("::/0", "10.1.1.1"), ("10.0.0.0/8", "-")]
    rows += [("::ffff:10.0.0.0/104", "10.1.1.1"), ("::/64", "10.1.1.1"), ("::/64", "::1")]
    found = _answers("SELECT in_cidr(a, c) AS i FROM t", rows, "c VARCHAR, a VARCHAR")
    assert found == [(True,), (False,), (None,), (True,), (False,), (True,)]


def test_a_long_list_of_addresses() -> None:
    """Thousands of addresses are one statement."""
    dice = random.Random(1)
    texts = [str(ipaddress.IPv4Address(dice.getrandbits(32))) for _ in range(3000)]
    sql = f"SELECT count_if(in_cidr(a, {literal(texts)})) AS n FROM t"
    assert _answers(sql, [(a,) for a in [*texts[:50], "-", "::1"]], "a VARCHAR") == [(50,)]


# ---------------------------------------------------------------- numbers and times


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("protocol_name(6)", "TCP"),
        ("protocol_name(58)", "ICMPv6"),
        ("protocol_name(253)", "253"),
        ("protocol_name(CAST(NULL AS bigint))", None),
        ("port_name(22)", "ssh"),
        ("port_name(40000 + 1)", "40001"),
        ("port_name(CAST(NULL AS integer))", None),
        ("traffic_path_name(8)", "internet gateway"),
        ("traffic_path_name(9)", "9"),
        ("tcp_flag_names(0)", "none"),
        ("tcp_flag_names(2)", "SYN"),
        ("tcp_flag_names(18)", "SYN+ACK"),
        ("tcp_flag_names(19)", "SYN+ACK+FIN"),
        ("tcp_flag_names(4)", "RST"),
        ("tcp_flag_names(CAST(NULL AS integer))", None),
        ("in_ports(22, '22')", True),
        ("in_ports(22, ('80', '1-21', '23-65535'))", False),
        ("in_ports(65535, '1024-65535')", True),
        ("in_ports(CAST(NULL AS integer), '0-65535')", None),
        ("in_ports(22, 22)", True),
        ("time_bucket('5m', 1795219559)", datetime(2026, 11, 21, 0, 5)),  # noqa: DTZ001  # as SQL
        ("time_bucket(300, 1795219559)", datetime(2026, 11, 21, 0, 5)),  # noqa: DTZ001  # has it
        ("time_bucket('hour', 1795219559)", datetime(2026, 11, 21)),  # noqa: DTZ001  # without
        ("time_bucket('day', 1795305599)", datetime(2026, 11, 21)),  # noqa: DTZ001  # a zone
        ("time_bucket('week', 1795305599)", datetime(2026, 11, 16)),  # noqa: DTZ001  # Monday
        ("time_bucket('2w', 1795305599)", datetime(2026, 11, 9)),  # noqa: DTZ001  # a Monday
        ("time_bucket('1d', CAST(NULL AS bigint))", None),
    ],
)
def test_numbers_have_names_and_times_have_buckets(expression: str, value: object) -> None:
    """A known number has its name, another one is shown as itself, and NULL stays NULL."""
    assert _one(expression) == value


def test_every_mixture_of_flags_has_its_names() -> None:
    """All 256 sets of flags, each bit by its name."""
    found = dict(
        _answers("SELECT n, tcp_flag_names(n) AS f FROM t", [(n,) for n in range(256)], "n INTEGER")
    )
    for number, names in found.items():
        wanted = [name for bit, name in TCP_FLAGS.items() if number & bit]
        assert names == ("+".join(wanted) or "none")


def test_buckets_are_as_long_as_they_say() -> None:
    """Whatever the size, a time lies in its bucket and the bucket begins a whole number of sizes
    after the first Monday."""
    dice = random.Random(3)
    for size in (1, 60, 300, 3600, 86_400, 604_800, 12_345):
        rows = [(dice.randrange(10**9, 2 * 10**9),) for _ in range(20)]
        for second, start in _answers(
            f"SELECT s, time_bucket({size}, s) AS b FROM t", rows, "s BIGINT"
        ):
            gap = datetime.fromtimestamp(second, UTC).replace(tzinfo=None) - start
            assert timedelta() <= gap < timedelta(seconds=size)
            assert int(start.replace(tzinfo=UTC).timestamp() - 345_600) % size == 0


# ---------------------------------------------------------------- the text


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_becomes_plain_sql(call: str) -> None:
    """What is left is one expression of Trino's, with no function that Athena lacks."""
    sql = expand(f"SELECT {call} AS x FROM t")
    assert expand(sql) == sql
    tree = sqlglot.parse_one(sql, dialect="athena")
    called = {f.name.lower() for f in tree.find_all(exp.Anonymous)}
    assert not called & MACROS.keys()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_stands_anywhere(call: str) -> None:
    """As an operand, under NOT, in arguments, in any case and with any space around it."""
    alone = (
        expand(f"SELECT {call} AS x FROM t").removeprefix("SELECT ").removesuffix(" AS x FROM t")
    )
    name, rest = call.split("(", 1)
    odd = f"{name.upper()}  (\n {rest}"
    assert expand(f"SELECT coalesce({odd}, {call}) FROM t").count(alone) == 2
    for text in (f"NOT {call}", f"{call} = {call}", f"CASE WHEN {call} IS NULL THEN 1 END"):
        before = sqlglot.parse_one(text, dialect="athena")
        after = sqlglot.parse_one(expand(text), dialect="athena")
        assert type(before) is type(after)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'in_cidr(a, b)' FROM t",
        "SELECT 1 -- is_private(srcaddr\n FROM t",
        "SELECT 1 /* port_name() */ FROM t",
        'SELECT "is_private"(srcaddr) FROM t',
        "SELECT other.is_private(srcaddr) FROM t",
        "SELECT port_name FROM t",
        "SELECT p FROM t CROSS JOIN UNNEST(ARRAY[1]) AS port_name (p)",
        "SELECT my_port_name(p) FROM t",
        "SELECT 'it''s é 😀' FROM t",
        "",
    ],
)
def test_other_text_stays_to_the_byte(sql: str) -> None:
    """Names in strings, comments, quotes, behind a dot or AS are no calls."""
    assert expand(sql) == sql
    around = f"{sql} "
    assert expand(around) == around


def test_only_the_call_is_replaced() -> None:
    """Comments, spaces and letters beyond ASCII around a call are as they were."""
    before, after = "SELECT 'é😀' /* ü */ ,\n\t", "  AS x -- ö\nFROM t"
    found = expand(f"{before}is_private( srcaddr /* c */ ){after}")
    assert found.startswith(before)
    assert found.endswith(after)


def test_calls_nest() -> None:
    """An argument may hold calls, of functions and of macros."""
    found = expand("SELECT port_name(IF(is_private(a), coalesce(b, 22), 443)) FROM t")
    assert "is_private" not in found
    assert "coalesce(b, 22)" in found
    rows = _answers(
        "SELECT port_name(IF(is_private(a), 22, 443)) AS x FROM t", [("10.0.0.1",)], "a VARCHAR"
    )
    assert rows == [("ssh",)]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("is_private()", "write is_private(address)"),
        ("is_private(a, b)", "write is_private(address)"),
        ("in_cidr(a)", "write in_cidr(address, networks)"),
        ("in_cidr(a, )", "write in_cidr(address, networks)"),
        ("in_cidr(a, '10.0.0.1/8')", "'10.0.0.1/8' is no address, and no network"),
        ("in_cidr(a, ('10.0.0.0/8', 'x'))", "'x' is no address"),
        ("in_ports(a, '9-1')", "'9-1' is no port"),
        ("in_ports(a, b)", "spelled out"),
        ("time_bucket('5 minutes', t)", "'5 minutes' is no length"),
        ("time_bucket(0, t)", "0 is no length"),
        ("is_private(a", "not closed"),
    ],
)
def test_a_wrong_call_says_what_is_right(call: str, said: str) -> None:
    """A call that means nothing is refused with how it is written."""
    with pytest.raises(BadSql, match=re.escape(said)):
        expand(f"SELECT {call} FROM t" if "not closed" not in said else f"SELECT {call}")
