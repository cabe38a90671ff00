"""Athena's SQL means the same on DuckDB: answers by Trino's documentation, and refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from athena_flow.errors import BadSql
from athena_flow.translate import SETUP, setup_for, to_duckdb
from athena_flow.translate.calls import CALLS
from athena_flow.translate.functions import ARITIES, LAMBDA_LISTS, NATIVE, PARSED
from athena_flow.translate.macros import INTEGERS, macro_arities

D = Decimal


def at(*parts: int) -> datetime:
    """A timestamp without a zone, which is what Athena's type is."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


SCHEMA = {
    "db.logs": {
        "srcaddr": "varchar", "srcport": "int", "bytes": "bigint", "packets": "bigint",
        "action": "varchar", "start": "bigint", "end": "bigint", "day": "date",
    },
}  # fmt: skip
LOGS = """CREATE TABLE logs AS SELECT * FROM (VALUES
    ('10.0.0.1', 443, 1000::BIGINT, 3::BIGINT, 'ACCEPT', 1767225600::BIGINT, 1767225660::BIGINT,
     DATE '2026-01-01'),
    ('10.0.0.2', 22, 500, 4, 'REJECT', 1767229200, 1767229260, DATE '2026-01-01'),
    ('2001:db8::1', 22, NULL, NULL, 'REJECT', 1767312000, 1767312060, DATE '2026-01-02'))
    t(srcaddr, srcport, bytes, packets, action, start, "end", day)"""

VALUES: dict[str, list[tuple[str, object]]] = {
    "integer division": [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / -2", -3),
        ("7e0 / 2", 3.5),
        ("7 / 2e0", 3.5),
        ("9007199254740993 / 1", 9007199254740993),
        ("7.0 / 2", D("3.5")),
        ("100.0 * 1 / 3", D("33.3")),
        ("100.0 * 2 / 3", D("66.7")),
        ("2 / 3.00", D("0.67")),
        ("9.5 / 0.00001", D("950000.00000")),
        ("(SELECT sum(bytes) / sum(packets) FROM logs)", 214),
        ("(SELECT 100.0 * count_if(action = 'REJECT') / count(*) FROM logs)", D("66.7")),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("mod(7, -3)", 1),
    ],
    "division by zero": [
        ("1e0 / 0", float("inf")),
        ("-1e0 / 0", float("-inf")),
        ("0e0 / 0", float("nan")),
        ("5e0 % 0", float("nan")),
        ("TRY(1 / 0)", None),
        ("coalesce(TRY(1 / 0), -1)", -1),
        ("(SELECT TRY(sum(bytes) / sum(0)) FROM logs)", None),
        ("(SELECT TRY(sum(bytes) / count(*)) FROM logs)", 500),
        ("(SELECT TRY(CAST(max(action) AS bigint)) FROM logs)", None),
        ("1 / nullif(0, 0)", None),
    ],
    "date_diff": [
        ("date_diff('day', TIMESTAMP '2026-01-01 23:00:00', TIMESTAMP '2026-01-02 01:00:00')", 0),
        ("date_diff('day', DATE '2026-01-01', DATE '2026-02-01')", 31),
        ("date_diff('hour', TIMESTAMP '2026-01-01 00:30:00', TIMESTAMP '2026-01-01 02:00:00')", 1),
        ("date_diff('month', DATE '2026-01-15', DATE '2026-03-14')", 1),
        ("date_diff('year', DATE '2026-01-02', DATE '2025-01-01')", -1),
        ("date_diff('second', from_unixtime(0), from_unixtime(90))", 90),
    ],
    "date_add and sequence": [
        ("date_add('day', 3, DATE '2026-01-01')", date(2026, 1, 4)),
        ("date_add('month', 1, DATE '2026-01-31')", date(2026, 2, 28)),
        ("date_add('quarter', 1, DATE '2026-01-31')", date(2026, 4, 30)),
        ("date_add('hour', -1, TIMESTAMP '2026-01-01 00:00:00')", at(2025, 12, 31, 23)),
        ("DATE '2026-01-31' + INTERVAL '1' MONTH", date(2026, 2, 28)),
        ("INTERVAL '1' DAY + DATE '2026-01-01'", date(2026, 1, 2)),
        ("DATE '2026-01-01' + 2 * INTERVAL '1' DAY", date(2026, 1, 3)),
        ("TIMESTAMP '2026-01-01 00:00:00' - INTERVAL '2' HOUR", at(2025, 12, 31, 22)),
        ("current_date - INTERVAL '1' DAY < current_date", True),
        ("now() >= current_timestamp - INTERVAL '1' MINUTE", True),
        ("localtimestamp > TIMESTAMP '2026-01-01 00:00:00'", True),
        ("(SELECT max(day) + INTERVAL '1' DAY FROM logs)", date(2026, 1, 3)),
        ("sequence(DATE '2026-01-01', DATE '2026-01-02')", [date(2026, 1, 1), date(2026, 1, 2)]),
        ("sequence(DATE '2026-01-01', DATE '2026-02-01', INTERVAL '1' MONTH)",
         [date(2026, 1, 1), date(2026, 2, 1)]),
        ("sequence(TIMESTAMP '2026-01-01 00:00:00', TIMESTAMP '2026-01-01 01:00:00', "
         "INTERVAL '1' HOUR)", [at(2026, 1, 1), at(2026, 1, 1, 1)]),
        ("sequence(1, 3)", [1, 2, 3]),
        ("sequence(3, 1)", [3, 2, 1]),
        ("sequence(1, 5, 2)", [1, 3, 5]),
    ],
    "regexp_extract and split_part": [
        ("regexp_extract('a1b2', '\\d')", "1"),
        ("regexp_extract('a1b2', '([a-z])(\\d)', 2)", "1"),
        ("regexp_extract('ab', '\\d')", None),
        ("regexp_extract('ac', 'a(b)?c', 1)", None),
        ("regexp_extract_all('a1b2', '\\d')", ["1", "2"]),
        ("regexp_like('abc', 'b')", True),
        ("regexp_like('abc', '(?i)^B')", False),
        ("regexp_split('a1b', '\\d')", ["a", "b"]),
        ("regexp_count('a1b2', '\\d')", 2),
        ("split_part('a,b', ',', 2)", "b"),
        ("split_part('a,b', ',', 3)", None),
        ("split('a,b', ',')", ["a", "b"]),
        ("split('a,b,c', ',', 2)", ["a", "b,c"]),
    ],
    "regexp_replace": [
        ("regexp_replace('a1b2', '(\\d)', '<$1>')", "a<1>b<2>"),
        ("regexp_replace('a1b2', '\\d')", "ab"),
        ("regexp_replace('ab', 'b', '\\$')", "a$"),
        ("regexp_replace('ab', 'b', 'x\\\\y')", "ax\\y"),
    ],
    "CAST to integers": [
        ("CAST(2.5 AS bigint)", 3),
        ("CAST(2.5e0 AS bigint)", 3),
        ("CAST(-2.5e0 AS integer)", -3),
        ("CAST(1.5e0 AS smallint)", 2),
        ("CAST(true AS tinyint)", 1),
        ("CAST('12' AS bigint)", 12),
        ("CAST('-12' AS int)", -12),
        ("CAST(NULL AS bigint)", None),
        ("TRY_CAST('1.5' AS bigint)", None),
        ("TRY_CAST(' 1' AS integer)", None),
        ("TRY_CAST('1e3' AS bigint)", None),
        ("TRY_CAST(300 AS tinyint)", None),
        ("TRY_CAST('x' AS smallint)", None),
        ("TRY_CAST(1e30 AS bigint)", None),
        ("TRY(CAST('x' AS integer))", None),
        ("(SELECT CAST(avg(bytes) AS bigint) FROM logs)", 750),
        ("CAST('1.5' AS double)", 1.5),
        ("TRY_CAST('x' AS double)", None),
        ("CAST(12.345 AS decimal(4, 1))", D("12.3")),
        ("CAST(1 AS boolean)", True),
        ("CAST('2026-01-01' AS date)", date(2026, 1, 1)),
        ("date('2026-01-01')", date(2026, 1, 1)),
        ("CAST('2026-01-01 10:00:00' AS timestamp)", at(2026, 1, 1, 10)),
        ("CAST(TIMESTAMP '2026-01-01 10:00:00' AS timestamp(3))", at(2026, 1, 1, 10)),
        ("CAST(ROW(1, 'a') AS ROW(x bigint, y varchar))", {"x": 1, "y": "a"}),
        ("CAST(ROW(1, 'a') AS ROW(x bigint, y varchar)).y", "a"),
    ],
    "CAST to varchar": [
        ("CAST(1e10 AS varchar)", "1.0E10"),
        ("CAST(1234567.5e0 AS varchar)", "1234567.5"),
        ("CAST(12345678.9e0 AS varchar)", "1.23456789E7"),
        ("CAST(0.001e0 AS varchar)", "0.001"),
        ("CAST(0.00012e0 AS varchar)", "1.2E-4"),
        ("CAST(-1e16 AS varchar)", "-1.0E16"),
        ("CAST(1e0 AS varchar)", "1.0"),
        ("CAST(0e0 AS varchar)", "0.0"),
        ("CAST(infinity() AS varchar)", "Infinity"),
        ("CAST(-infinity() AS varchar)", "-Infinity"),
        ("CAST(nan() AS varchar)", "NaN"),
        ("CAST(1.50 AS varchar)", "1.50"),
        ("CAST(12 AS varchar)", "12"),
        ("CAST(true AS varchar)", "true"),
        ("CAST(DATE '2026-01-01' AS varchar)", "2026-01-01"),
        ("CAST(CAST('2026-01-01 10:00:00' AS timestamp) AS varchar)", "2026-01-01 10:00:00.000"),
        ("CAST(TIMESTAMP '2026-01-01 10:00:00.5' AS varchar)", "2026-01-01 10:00:00.500"),
        ("CAST(from_unixtime(0) AS varchar)", "1970-01-01 00:00:00.000 UTC"),
        ("CAST(from_unixtime(1.5e0) AS varchar)", "1970-01-01 00:00:01.500 UTC"),
        ("CAST('hello' AS varchar(3))", "hel"),
        ("CAST(NULL AS varchar)", None),
        ("TRY_CAST(1e0 AS varchar)", "1.0"),
        ("CAST(json_parse('\"a\"') AS varchar)", "a"),
        ("CAST(ARRAY[1] AS array(varchar))", ["1"]),
    ],
    "format": [
        ("format('%s:%d', 'a', 5)", "a:5"),
        ("format('%s', 1e10)", "1.0E10"),
        ("format('%s', NULL)", "null"),
        ("format('%.2f', 0.125e0)", "0.13"),
        ("format('%,.2f|%,d', 1234.5, 1234567)", "1,234.50|1,234,567"),
        ("format('%5s|%-3s|%05d|%x|100%%', 'a', 'b', 42, 255)", "    a|b  |00042|ff|100%"),
    ],
    "slice": [
        ("slice(ARRAY[1, 2, 3, 4], 2, 2)", [2, 3]),
        ("slice(ARRAY[1, 2, 3, 4], -2, 2)", [3, 4]),
        ("slice(ARRAY[1, 2], -5, 2)", []),
        ("slice(ARRAY[1, 2], 1, 9)", [1, 2]),
    ],
    "ipaddress": [
        ("CAST(CAST('10.0.0.1' AS ipaddress) AS varchar)", "10.0.0.1"),
        ("CAST(IPADDRESS '2001:db8:0:0:1:0:0:1' AS varchar)", "2001:db8::1:0:0:1"),
        ("CAST(IPADDRESS '2001:DB8::' AS varchar)", "2001:db8::"),
        ("CAST(IPADDRESS '::' AS varchar)", "::"),
        ("CAST(IPADDRESS '1:0:0:2:0:0:0:3' AS varchar)", "1:0:0:2::3"),
        ("CAST(IPADDRESS '1:2:3:4:5:6:7:8' AS varchar)", "1:2:3:4:5:6:7:8"),
        ("CAST(IPADDRESS '::ffff:1.2.3.4' AS varchar)", "1.2.3.4"),
        ("CAST(IPADDRESS '64:ff9b::1.2.3.4' AS varchar)", "64:ff9b::102:304"),
        ("IPADDRESS '10.0.0.1' AS ip", "10.0.0.1"),
        ("TRY_CAST('-' AS ipaddress)", None),
        ("TRY_CAST('1.2.3.256' AS ipaddress)", None),
        ("TRY_CAST('01.2.3.4' AS ipaddress)", None),
        ("TRY_CAST('1::2::3' AS ipaddress)", None),
        ("TRY_CAST('1:2:3:4:5:6:7' AS ipaddress)", None),
        ("TRY(CAST('-' AS ipaddress))", None),
        ("contains('10.0.0.0/8', IPADDRESS '10.2.3.4')", True),
        ("contains('10.0.0.0/8', CAST('11.2.3.4' AS ipaddress))", False),
        ("contains('0.0.0.0/0', IPADDRESS '::1')", False),
        ("contains('::/0', IPADDRESS '10.0.0.1')", True),
        ("contains('::ffff:10.0.0.0/104', IPADDRESS '10.1.1.1')", True),
        ("contains('2001:db8::/32', IPADDRESS '2001:db8:1::')", True),
        ("contains('10.1.2.3/32', IPADDRESS '10.1.2.3')", True),
        ("IPADDRESS '9.0.0.0' < IPADDRESS '10.0.0.0'", True),
        ("IPADDRESS '10.0.0.5' BETWEEN IPADDRESS '10.0.0.1' AND IPADDRESS '10.0.0.9'", True),
    ],
    "at_timezone": [
        ("date_trunc('day', from_unixtime(1767229200) AT TIME ZONE 'America/New_York')",
         at(2025, 12, 31)),
        ("date_format(at_timezone(from_unixtime(0), 'Asia/Tokyo'), '%H')", "09"),
        ("hour(TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'Asia/Tokyo')", 9),
        ("CAST(from_unixtime(0, 'Asia/Tokyo') AS timestamp)", at(1970, 1, 1, 9)),
        ("to_unixtime(from_unixtime(0) AT TIME ZONE 'UTC')", 0.0),
        ("to_unixtime(with_timezone(TIMESTAMP '1970-01-01 09:00:00', 'Asia/Tokyo'))", 0.0),
        ("current_timezone()", "UTC"),
    ],
    "format_datetime": [
        ("format_datetime(from_unixtime(0), 'yyyy-MM-dd''T''HH:mm:ss.SSS')",
         "1970-01-01T00:00:00.000"),
        ("format_datetime(DATE '2026-01-04', 'EEE d MMM yy')", "Sun 4 Jan 26"),
        ("to_unixtime(parse_datetime('1970-01-01 05', 'yyyy-MM-dd HH'))", 18000.0),
        ("date_format(TIMESTAMP '2026-01-04 13:05:06', '%Y-%m-%d %H:%i:%s')",
         "2026-01-04 13:05:06"),
        ("date_format(DATE '2026-01-04', '%M %e, %c %y %W %j %%')", "January 4, 1 26 Sunday 004 %"),
        ("date_format(TIMESTAMP '2026-01-04 13:05:06', '%r %k %l %T')", "01:05:06 PM 13 1 "
     "13:05:06"),
        ("date_parse('2026-01-04 13:05', '%Y-%m-%d %H:%i')", at(2026, 1, 4, 13, 5)),
        ("to_iso8601(DATE '2026-01-04')", "2026-01-04"),
        ("to_iso8601(from_unixtime(0))", "1970-01-01T00:00:00.000Z"),
        ("from_iso8601_date('2026-01-04')", date(2026, 1, 4)),
        ("to_unixtime(from_iso8601_timestamp('1970-01-01T01:00:00+01:00'))", 0.0),
    ],
    "map_agg": [
        ("(SELECT map_agg(k, v) FROM (VALUES ('a', 1), ('b', 2), ('a', 3), (NULL, 4)) t(k, v))",
         {"a": 1, "b": 2}),
        ("(SELECT map_agg(srcport, bytes) FILTER (WHERE bytes > 600) FROM logs)", {443: 1000}),
        ("(SELECT histogram(action) FROM logs)", {"ACCEPT": 1, "REJECT": 2}),
        ("map(ARRAY['a'], ARRAY[1])['a']", 1),
        ("element_at(map(ARRAY['a'], ARRAY[1]), 'b')", None),
        ("map_keys(map(ARRAY['a'], ARRAY[1]))", ["a"]),
        ("map_values(map(ARRAY['a'], ARRAY[1]))", [1]),
        ("cardinality(map_entries(map(ARRAY['a'], ARRAY[1])))", 1),
        ("cardinality(map(ARRAY['a'], ARRAY[1]))", 1),
        ("(SELECT array_sort(set_agg(srcport)) FROM logs)", [22, 443]),
    ],
    "any_match": [
        ("any_match(ARRAY[1, 2], x -> x > 1)", True),
        ("any_match(ARRAY[1, NULL], x -> x > 1)", None),
        ("any_match(CAST(ARRAY[] AS array(bigint)), x -> x > 1)", False),
        ("all_match(ARRAY[2, 3], x -> x > 1)", True),
        ("none_match(ARRAY[0, 1], x -> x > 1)", True),
        ("filter(ARRAY[1, 2, 3], x -> x > 1)", [2, 3]),
        ("transform(ARRAY[1, 2], x -> x * 2)", [2, 4]),
        ("reduce(ARRAY[1, 2, 3], 0, (s, x) -> s + x, s -> s)", 6),
    ],
    "shifts": [
        ("bitwise_left_shift(1, 3)", 8),
        ("bitwise_left_shift(1, 40)", 0),
        ("bitwise_left_shift(CAST(1 AS bigint), 63)", -(2**63)),
        ("bitwise_right_shift(CAST(-1 AS bigint), 1)", 2**63 - 1),
        ("bitwise_right_shift(-8, 1)", 2147483644),
        ("bitwise_right_shift_arithmetic(-8, 1)", -4),
        ("bitwise_right_shift_arithmetic(-8, 99)", -1),
        ("bitwise_and(6, 3)", 2),
        ("bitwise_or(6, 3)", 7),
        ("bitwise_xor(6, 3)", 5),
        ("bitwise_not(5)", -6),
        ("(SELECT bitwise_or_agg(srcport) FROM logs)", 447),
        ("(SELECT bitwise_and_agg(srcport) FROM logs)", 18),
    ],
    "width_bucket": [
        ("width_bucket(5, 0, 10, 5)", 3),
        ("width_bucket(-1, 0, 10, 5)", 0),
        ("width_bucket(10, 0, 10, 5)", 6),
        ("width_bucket(5, 10, 0, 5)", 3),
        ("width_bucket(2, ARRAY[1, 2, 3])", 2),
    ],
    "from_base": [
        ("from_base('ff', 16)", 255),
        ("from_base('-101', 2)", -5),
        ("to_base(255, 16)", "ff"),
        ("to_base(-5, 2)", "-101"),
    ],
    "numbers": [
        ("round(2.5)", D("3")),
        ("round(-2.5e0)", -3.0),
        ("round(1.255, 2)", D("1.26")),
        ("round(1234, -2)", 1200),
        ("ceil(1.2)", D("2")),
        ("ceiling(9.5)", D("10")),
        ("ceil(7)", 7),
        ("floor(-1.2e0)", -2.0),
        ("truncate(-1.7e0)", -1.0),
        ("sign(-3)", -1),
        ("abs(-3)", 3),
        ("power(2, 3)", 8.0),
        ("pow(2, 3)", 8.0),
        ("sqrt(9)", 3.0),
        ("round(cbrt(27), 9)", 3.0),
        ("log(2, 8)", 3.0),
        ("log2(8)", 3.0),
        ("log10(100)", 2.0),
        ("exp(0)", 1.0),
        ("ln(e())", 1.0),
        ("round(pi(), 2)", 3.14),
        ("degrees(pi())", 180.0),
        ("radians(180) = pi()", True),
        ("sin(0) + cos(0) + tan(0) + asin(0) + acos(1) + atan(0) + atan2(0, 1)", 1.0),
        ("is_nan(nan())", True),
        ("is_infinite(infinity())", True),
        ("is_finite(1e0)", True),
        ("greatest(1, NULL)", None),
        ("greatest(1, 2)", 2),
        ("least(1, 2)", 1),
        ("coalesce(NULL, 1)", 1),
        ("nullif(1, 1)", None),
        ("if(1 > 2, 1)", None),
        ("if(1 > 2, 1, 2)", 2),
        ("CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END", "b"),
        ("CASE 1 WHEN 1 THEN 'a' END", "a"),
        ("NULL IS DISTINCT FROM 1", True),
        ("NULL IS NOT DISTINCT FROM NULL", True),
        ("1 IN (2, NULL)", None),
        ("2 > ALL (SELECT 1)", True),
        ("1 = ANY (SELECT 1)", True),
        ("(1, 2) IN ((1, 2))", True),
        ("1.5", D("1.5")),
        ("1e3", 1000.0),
        ("bigint '3'", 3),
    ],
    "text": [
        ("'a' || 'b'", "ab"),
        ("concat('a', NULL)", None),
        ("concat('a', 'b', 'c')", "abc"),
        ("concat_ws(',', 'a', NULL, 'b')", "a,b"),
        ("ARRAY[1] || ARRAY[2]", [1, 2]),
        ("substr('hello', -3)", "llo"),
        ("substr('hello', 0, 3)", ""),
        ("substr('hello', -9)", ""),
        ("substr('hello', 2, 3)", "ell"),
        ("substring('hello' FROM 2 FOR 2)", "el"),
        ("strpos('abc', 'c')", 3),
        ("strpos('abc', 'x')", 0),
        ("position('b' IN 'abc')", 2),
        ("replace('abab', 'b')", "aa"),
        ("replace('abab', 'b', 'c')", "acac"),
        ("trim('  a \t')", "a"),
        ("trim(BOTH 'x' FROM 'xax')", "a"),
        ("trim(LEADING 'x' FROM 'xax')", "ax"),
        ("ltrim('\t a')", "a"),
        ("rtrim('a \n')", "a"),
        ("lpad('a', 3, 'xy')", "xya"),
        ("rpad('abc', 2, 'x')", "ab"),
        ("length('aé')", 2),
        ("upper(lower('Ab'))", "AB"),
        ("reverse('abc')", "cba"),
        ("chr(65)", "A"),
        ("codepoint('A')", 65),
        ("translate('abca', 'a', 'x')", "xbcx"),
        ("starts_with('abc', 'ab')", True),
        ("levenshtein_distance('abc', 'abd')", 1),
        ("'a_b' LIKE 'a!_%' ESCAPE '!'", True),
        ("'A' LIKE 'a'", False),
        ("'B' < 'a'", True),
        ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
        ("to_hex(sha1(to_utf8('a')))", "86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8"),
        ("substr(to_hex(sha256(to_utf8('a'))), 1, 8)", "CA978112"),
        ("from_utf8(from_hex('61'))", "a"),
        ("from_utf8(from_base64(to_base64(to_utf8('a'))))", "a"),
        ("url_extract_host('https://u@a.b:80/c%20d?x=1&y=a%26+b#f')", "a.b"),
        ("url_extract_port('https://a.b:80/c')", 80),
        ("url_extract_path('https://a.b/c%20d?x')", "/c d"),
        ("url_extract_query('https://a.b/c?x=1#f')", "x=1"),
        ("url_extract_fragment('https://a.b/c#f')", "f"),
        ("url_extract_protocol('https://a.b')", "https"),
        ("url_extract_parameter('https://a.b/?x=1&y=a%26+b', 'y')", "a& b"),
        ("url_extract_host('abc')", None),
        ("url_decode('a%20b+c')", "a b c"),
        ("url_encode('a b~*')", "a+b%7E*"),
        ("json_extract_scalar('{\"a\": {\"b\": [1, 2]}}', '$.a.b[1]')", "2"),
        ("json_extract_scalar('{\"a\": {}}', '$.a')", None),
        ("json_extract_scalar('nonsense', '$.a')", None),
        ("json_extract_scalar('{\"a b\": true}', '$[\"a b\"]')", "true"),
        ("json_format(json_extract('{\"a\": [1, 2]}', '$.a'))", "[1,2]"),
        ("json_format(json_parse('{\"a\": 1}'))", '{"a":1}'),
        ("json_array_length('[1, 2]')", 2),
        ("json_format(CAST('a' AS json))", '"a"'),
    ],
    "times": [
        ("CAST(from_unixtime(1767225600) AS timestamp)", at(2026, 1, 1)),
        ("to_unixtime(TIMESTAMP '1970-01-01 00:00:01.5')", 1.5),
        ("date_trunc('month', DATE '2026-02-03')", date(2026, 2, 1)),
        ("date_trunc('week', DATE '2026-01-04')", date(2025, 12, 29)),
        ("date_trunc('hour', TIMESTAMP '2026-01-04 13:05:06')", at(2026, 1, 4, 13)),
        ("(SELECT CAST(date_trunc('hour', from_unixtime(max(\"end\"))) AS timestamp) FROM logs)",
         at(2026, 1, 2)),
        ("day_of_week(DATE '2026-01-04')", 7),
        ("dow(DATE '2026-01-05')", 1),
        ("EXTRACT(DOW FROM DATE '2026-01-04')", 7),
        ("EXTRACT(YEAR FROM DATE '2026-01-04')", 2026),
        ("year(DATE '2026-01-04') + month(DATE '2026-01-04') + day(DATE '2026-01-04')", 2031),
        ("hour(from_unixtime(3661)) + minute(from_unixtime(3661)) + "
     "second(from_unixtime(3661))", 3),
        ("millisecond(TIMESTAMP '2026-01-01 00:00:01.234')", 234),
        ("quarter(DATE '2026-05-01')", 2),
        ("week(DATE '2027-01-01')", 53),
        ("week_of_year(DATE '2027-01-01')", 53),
        ("year_of_week(DATE '2027-01-01')", 2026),
        ("yow(DATE '2027-01-01')", 2026),
        ("day_of_year(DATE '2026-02-01') + doy(DATE '2026-02-01')", 64),
        ("day_of_month(last_day_of_month(DATE '2026-02-01'))", 28),
        ("DATE '2026-01-01' < TIMESTAMP '2026-01-01 00:00:01'", True),
        ("TIMESTAMP '1970-01-01 01:00:00 +01:00' = from_unixtime(0)", True),
    ],
    "arrays": [
        ("ARRAY[1, 2][2]", 2),
        ("element_at(ARRAY[1, 2], -1)", 2),
        ("element_at(ARRAY[1], 3)", None),
        ("TRY(ARRAY[1][2])", None),
        ("cardinality(ARRAY[1, NULL])", 2),
        ("array_join(ARRAY[1, NULL, 2], ',')", "1,2"),
        ("array_join(ARRAY[1e10, NULL], ',', '-')", "1.0E10,-"),
        ("contains(ARRAY[1, 2], 2)", True),
        ("contains(ARRAY[1, NULL], 2)", None),
        ("contains(ARRAY['a'], 'b')", False),
        ("array_distinct(ARRAY[3, 1, 3, NULL, NULL])", [3, 1, None]),
        ("array_sort(ARRAY[2, NULL, 1])", [1, 2, None]),
        ("array_max(ARRAY[1, NULL])", None),
        ("array_min(ARRAY[2, 1])", 1),
        ("array_position(ARRAY[1, 2], 3)", 0),
        ("array_remove(ARRAY[1, NULL, 2], 1)", [None, 2]),
        ("array_union(ARRAY[1, 2], ARRAY[2, 3])", [1, 2, 3]),
        ("array_intersect(ARRAY[1, 2, NULL], ARRAY[2, NULL])", [2, None]),
        ("array_except(ARRAY[1, 2, 1], ARRAY[2])", [1]),
        ("flatten(ARRAY[ARRAY[1], ARRAY[2]])", [1, 2]),
        ("repeat('a', 2)", ["a", "a"]),
        ("zip(ARRAY[1, 2], ARRAY['a'])", [(1, "a"), (2, None)]),
    ],
}  # fmt: skip
"""Row of the cure table (or another subject) -> Athena expressions and their values."""

ROWS: list[tuple[str, list[str], list[tuple[object, ...]]]] = [
    # unnamed columns, names in lower case, reserved words in quotes
    ("SELECT count(*), 1 AS One, Action, lower(Action) FROM logs WHERE srcport = 443 "
     "GROUP BY action",
     ["_col0", "one", "action", "_col3"], [(1, 1, "ACCEPT", "accept")]),
    ('SELECT "end" FROM logs ORDER BY 1 LIMIT 1', ["end"], [(1767225660,)]),
    ("SELECT * FROM (SELECT count(*), max(bytes) m FROM logs)", ["_col0", "m"], [(3, 1000)]),
    ("SELECT 1 UNION ALL SELECT 2 ORDER BY 1", ["_col0"], [(1,), (2,)]),
    ("WITH a AS (SELECT count(*) FROM logs) SELECT * FROM a", ["_col0"], [(3,)]),
    ("SELECT IPADDRESS '::1', 5", ["_col0", "_col1"], [("::1", 5)]),
    # aggregates
    ("SELECT srcport, count(*), sum(bytes) / sum(packets), avg(bytes) FROM logs GROUP BY srcport "
     "ORDER BY 2 DESC", ["srcport", "_col1", "_col2", "_col3"],
     [(22, 2, 125, 500.0), (443, 1, 333, 1000.0)]),
    ("SELECT sum(if(action = 'REJECT', bytes, 0)), count(DISTINCT srcport), count(bytes) FROM logs",
     ["_col0", "_col1", "_col2"], [(500, 2, 2)]),
    ("SELECT approx_distinct(srcport) a, approx_percentile(bytes, 0.5) b, "
     "approx_percentile(bytes, ARRAY[0.1, 0.9]) c FROM "
     "logs", ["a", "b", "c"], [(2, 500, [500, 1000])]),
    ("SELECT max_by(bytes, start) a, min_by(srcaddr, start) b, max_by(srcport, bytes, 1) c, "
     "min_by(bytes, srcport) IS NOT NULL OR true d FROM logs", ["a", "b", "c", "d"],
     [(None, "10.0.0.1", [443], True)]),
    ("SELECT arbitrary(day) > DATE '2025-01-01' a, any_value(1) b, count_if(bytes > 1) c, "
     "bool_and(srcport > 1) d, bool_or(bytes > 900) e, every(srcport > 30) f FROM logs",
     ["a", "b", "c", "d", "e", "f"], [(True, 1, 2, True, True, False)]),
    ("SELECT array_agg(bytes ORDER BY start) a, array_agg(srcport ORDER BY start DESC) FILTER "
     "(WHERE bytes > 0) b, listagg(action, '|') WITHIN GROUP (ORDER BY start) c FROM logs",
     ["a", "b", "c"], [([1000, 500, None], [22, 443], "ACCEPT|REJECT|REJECT")]),
    ("SELECT sum(x), avg(x), sum(DISTINCT x), max(x, 2), min(x, 1) FROM (VALUES 1e0, 2e0, "
     "2e0, 3e0) t(x)",
     ["_col0", "_col1", "_col2", "_col3", "_col4"], [(8.0, 2.0, 6.0, [3.0, 2.0], [1.0])]),
    ("SELECT sum(x), avg(x) FROM (VALUES 1.5, 2.0) t(x)", ["_col0", "_col1"], [(D("3.5"), 1.8)]),
    ("SELECT stddev(x) a, stddev_samp(x) b, stddev_pop(x) c, variance(x) d, var_samp(x) e, "
     "var_pop(x) f, corr(x, x) g, covar_pop(x, x) h, covar_samp(x, x) i FROM (VALUES 1, 3) t(x)",
     list("abcdefghi"), [(2**0.5, 2**0.5, 1.0, 2.0, 2.0, 1.0, 1.0, 1.0, 2.0)]),
    ("SELECT count(*) AS n FROM logs HAVING count(*) > 2", ["n"], [(3,)]),
    ("SELECT action, grouping(action) g, count(*) c FROM logs GROUP BY GROUPING SETS "
     "((action), ()) "
     "ORDER BY 1", ["action", "g", "c"], [("ACCEPT", 0, 1), ("REJECT", 0, 2), (None, 1, 3)]),
    ("SELECT action, count(*) c FROM logs GROUP BY ROLLUP (action) ORDER BY "
     "action", ["action", "c"],
     [("ACCEPT", 1), ("REJECT", 2), (None, 3)]),
    ("SELECT date_trunc('day', day) d, count(*) n FROM logs GROUP BY 1 ORDER BY 1", ["d", "n"],
     [(date(2026, 1, 1), 2), (date(2026, 1, 2), 1)]),
    ("SELECT srcport AS bytes, count(*) AS n FROM logs GROUP BY bytes, srcport ORDER BY 1, 2",
     ["bytes", "n"], [(22, 1), (22, 1), (443, 1)]),
    # windows
    ("SELECT rank() OVER (ORDER BY srcport) a, dense_rank() OVER (ORDER BY srcport) b, "
     "row_number() OVER (ORDER BY start) c, ntile(2) OVER (ORDER BY start) d, "
     "percent_rank() OVER (ORDER BY start) e, cume_dist() OVER (ORDER BY srcport) = 1 f "
     "FROM logs ORDER BY start DESC LIMIT 1", list("abcdef"), [(1, 1, 3, 2, 1.0, False)]),
    ("SELECT lag(bytes) IGNORE NULLS OVER (ORDER BY start) a, lead(bytes, 1, 0) OVER "
     "(ORDER BY start) b, "
     "first_value(bytes) OVER (ORDER BY start) c, last_value(srcport) OVER (ORDER BY start) d, "
     "nth_value(bytes, 2) OVER (ORDER BY start) e, sum(bytes) OVER (ORDER BY start "
     "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) f FROM logs ORDER BY start", list("abcdef"),
     [(None, 500, 1000, 443, None, 1000), (1000, None, 1000, 22, 500, 1500),
      (500, 0, 1000, 22, 500, 500)]),
    ("WITH a AS (SELECT action, count(*) c FROM logs GROUP BY action) "
     "SELECT action, c * 100.0 / sum(c) OVER () AS share FROM a ORDER BY 1", ["action", "share"],
     [("ACCEPT", D("33.3")), ("REJECT", D("66.7"))]),
    ("SELECT sum(bytes) OVER w AS s FROM logs WINDOW w AS (ORDER BY start) ORDER BY start LIMIT 1",
     ["s"], [(1000,)]),
    # NULL ordering, limits
    ("SELECT x FROM (VALUES 1, NULL, 2) t(x) ORDER BY x DESC", ["x"], [(2,), (1,), (None,)]),
    ("SELECT x FROM (VALUES 1, NULL, 2) t(x) ORDER BY x", ["x"], [(1,), (2,), (None,)]),
    ("SELECT x FROM (VALUES 1, NULL) t(x) ORDER BY x NULLS FIRST", ["x"], [(None,), (1,)]),
    ("SELECT x FROM (VALUES 3, 1, 2) t(x) ORDER BY x OFFSET 1 LIMIT 1", ["x"], [(2,)]),
    ("SELECT x FROM (VALUES 3, 1, 2) t(x) ORDER BY x OFFSET 1 ROWS FETCH FIRST 1 ROW ONLY", ["x"],
     [(2,)]),
    # UNNEST
    ("SELECT x FROM UNNEST(ARRAY[1, 2]) AS t(x) ORDER BY x", ["x"], [(1,), (2,)]),
    ("SELECT x, n FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t(x, n) ORDER BY n", ["x", "n"],
     [("a", 1), ("b", 2)]),
    ("SELECT u.x, u.y FROM (SELECT 1) CROSS JOIN UNNEST(ARRAY[1, 2], ARRAY['a']) AS u(x, "
     "y) ORDER BY 1",
     ["x", "y"], [(1, "a"), (2, None)]),
    ("SELECT u.x, u.y, u.n FROM (SELECT ARRAY[5, 6] a) s CROSS JOIN UNNEST(s.a, ARRAY['a']) "
     "WITH ORDINALITY AS u(x, y, n) ORDER BY n", ["x", "y", "n"], [(5, "a", 1), (6, None, 2)]),
    ("SELECT s.v, t.a FROM (VALUES (1, 2), (3, NULL)) t(a, b) "
     "CROSS JOIN UNNEST(ARRAY[a, b, 9]) AS s(v) WHERE v <> 3 ORDER BY v, a",
     ["v", "a"], [(1, 1), (2, 1), (9, 1), (9, 3)]),
    ("SELECT max(v) AS v, w FROM (VALUES (1, 2), (3, 4)) t(a, b) CROSS JOIN "
     "UNNEST(ARRAY[a, b], ARRAY['x', 'y']) AS s(v, w) GROUP BY w HAVING min(s.v) < 9 "
     "ORDER BY v DESC", ["v", "w"], [(4, "y"), (3, "x")]),
    ("SELECT u.k, u.v FROM (SELECT map(ARRAY['a', 'b'], ARRAY[1, 2]) m) CROSS JOIN "
     "UNNEST(m) AS u(k, v) "
     "ORDER BY k", ["k", "v"], [("a", 1), ("b", 2)]),
    ("SELECT s.a, u.x FROM (VALUES (ARRAY[1]), (ARRAY[])) s(a) LEFT JOIN UNNEST(s.a) AS "
     "u(x) ON TRUE",
     ["a", "x"], [([1], 1), ([], None)]),
    # joins, subqueries, sets, addresses
    ("SELECT count(*) AS n FROM logs a JOIN logs b USING (start) LEFT JOIN logs c ON "
     "a.start = c.\"end\"",
     ["n"], [(3,)]),
    ("SELECT a.srcport FROM logs a WHERE EXISTS (SELECT 1 FROM logs b WHERE b.bytes < a.bytes)",
     ["srcport"], [(443,)]),
    ("SELECT srcport FROM logs INTERSECT SELECT 22", ["srcport"], [(22,)]),
    ("SELECT srcport FROM logs EXCEPT SELECT 22", ["srcport"], [(443,)]),
    ("SELECT DISTINCT action FROM logs ORDER BY action", ["action"], [("ACCEPT",), ("REJECT",)]),
    ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t",
     ["n"], [(1,), (2,), (3,)]),
    ("SELECT CAST(srcaddr AS ipaddress) AS ip FROM logs ORDER BY ip DESC", ["ip"],
     [("2001:db8::1",), ("10.0.0.2",), ("10.0.0.1",)]),
    ("SELECT srcaddr FROM logs WHERE contains('10.0.0.0/31', CAST(srcaddr AS "
     "ipaddress))", ["srcaddr"],
     [("10.0.0.1",)]),
    ("SELECT *, bytes * 2 AS twice FROM (SELECT bytes FROM logs WHERE bytes = 500)",
     ["bytes", "twice"], [(500, 1000)]),
    ("SELECT TRY(date_parse(s, '%Y')) AS d FROM (VALUES 'x', '2026') t(s)", ["d"],
     [(None,), (at(2026, 1, 1),)]),
]  # fmt: skip

REFUSED: list[tuple[str, str]] = [
    ("", "not one SELECT or WITH"),
    ("DROP TABLE x", "not one SELECT or WITH"),
    ("EXPLAIN SELECT 1", "not one SELECT or WITH"),
    ("UNLOAD (SELECT 1) TO 's3://x'", "not one SELECT or WITH"),
    ("SELECT 1; SELECT 2", "not one SELECT or WITH"),
    ("SELECT (1", "does not parse: Expecting ) (line 1"),
    ("SELECT FROM", "does not parse"),
    ("SELECT 'a", "does not parse"),
    ("SELECT a, FROM t", "does not parse"),
    ("SELECT 'a' 'b'", "does not parse"),
    ("SELECT [1]", "does not parse"),
    ("SELECT 1 LIMIT 1, 2", "does not parse"),
    ("SELECT 1 LIMIT 2 OFFSET 1", "OFFSET goes before LIMIT"),
    ("SELECT end FROM t", 'double quotes: "end"'),
    ("SELECT CASE WHEN end > 1 THEN 2 END FROM t", 'double quotes: "end"'),
    ("SELECT a::bigint FROM t", "write CAST(x AS type)"),
    ("SELECT a == b FROM t", "write ="),
    ("SELECT a & b FROM t", "bitwise_and"),
    ("SELECT a << 1 FROM t", "Bitwise Left Shift"),
    ("SELECT a ILIKE 'x' FROM t", "ILike"),
    ("SELECT a RLIKE 'x' FROM t", "not translated"),
    ("SELECT U&'x'", "not translated"),
    ("SELECT ?", "Placeholder"),
    ("SELECT * EXCLUDE (a) FROM t", "EXCEPT"),
    ("SELECT DISTINCT ON (a) a FROM t", "DISTINCT ON"),
    ("SELECT count(DISTINCT a, b) FROM t", "DISTINCT"),
    ("SELECT a FROM t GROUP BY ALL", "GROUP BY ALL"),
    ("SELECT a FROM t QUALIFY a = 1", "does not parse"),
    ("SELECT a FROM t ASOF JOIN u ON a = b", "join"),
    ("SELECT a FROM t FULL OUTER JOIN u ON a = b TABLESAMPLE BERNOULLI (10)", "not translated"),
    ("SELECT a FROM t TABLESAMPLE BERNOULLI (10)", "not translated"),
    ("SELECT a FROM t FOR TIMESTAMP AS OF x", "not translated"),
    ("SELECT a FROM t FETCH FIRST 1 ROW WITH TIES", "WITH TIES"),
    ("SELECT 9223372036854775808", "no integer"),
    ("SELECT INTERVAL 1 DAY", "quoted"),
    ("SELECT INTERVAL '1' WEEK", "intervals are in"),
    ("SELECT INTERVAL '1-2' YEAR TO MONTH", "intervals are in"),
    ("SELECT current_time", "not translated"),
    ("SELECT random()", "random() is not translated"),
    ("SELECT typeof(1)", "typeof() is not translated"),
    ("SELECT regexp_extractt('a', 'b')", "did you mean regexp_extract"),
    ("SELECT strftime(a, '%Y') FROM t", "strftime() is not translated"),
    ("SELECT len('a')", "len() is not translated"),
    ("SELECT ifnull(a, 1) FROM t", "ifnull() is not translated"),
    ("SELECT split_part('a')", "with 1 arguments"),
    ("SELECT date_format(now())", "with 1 arguments"),
    ("SELECT md5(a, b) FROM t", "with 2 arguments"),
    ("SELECT ceil()", "not translated"),
    ("SELECT CAST('a' AS varchar(x))", "not translated"),
    ("SELECT " + "(" * 5000 + "1", "does not parse"),
    ("SELECT array_sort(ARRAY[1], (a, b) -> 1)", "array_sort() with 2"),
    ("SELECT cardinality(x -> 1)", "lambda"),
    ("SELECT reduce(ARRAY[1], 0, (s, x) -> s, s -> s + 1)", "reduce()"),
    ("SELECT json_value('{}', 'lax $.a')", "json_value"),
    ("SELECT json_extract_scalar('{}', '$..a')", "path"),
    ("SELECT date_format(now(), '%U')", "%U"),
    ("SELECT date_format(now(), a) FROM t", "only translated with a literal"),
    ("SELECT format_datetime(now(), 'yyyy Z')", "Z is not"),
    ("SELECT format_datetime(now(), 'QQ')", "QQ is not"),
    ("SELECT regexp_replace('a', '(?<x>a)', '${x}')", "$1 to $9"),
    ("SELECT format('%e', 1e0)", "%e"),
    ("SELECT format('%s')", "no value"),
    ("SELECT approx_percentile(a, b, 0.5) FROM t", "weights"),
    ("SELECT CAST(a AS char(3)) FROM t", "type is not translated"),
    ("SELECT CAST(a AS timestamp(0)) FROM t", "type is not translated"),
    ("SELECT to_unixtime(a AT TIME ZONE 'Asia/Tokyo') FROM t", "time in a zone"),
    ("SELECT from_unixtime(a, 'Asia/Tokyo') > b FROM t", "time in a zone"),
    ("SELECT CAST(at_timezone(a, 'Asia/Tokyo') AS varchar) FROM t", "time in a zone"),
    ("SELECT TRY(element_at(array_agg(a), 1)) FROM t", "TRY with element_at()"),
    ("SELECT *, a + 1 FROM t", "name the column after *"),
    ("SELECT DATE '2026-01-01' = '2026-01-01'", "date or time and text do not mix"),
    ("SELECT date_trunc('day', from_unixtime(a)) > '2026-01-01' FROM t", "do not mix"),
    ("SELECT CAST(a AS ipaddress) = '10.0.0.1' FROM t", "IP address and text do not mix"),
    ("SELECT CASE WHEN a THEN 1 ELSE 'x' END FROM t", "number and text do not mix"),
    ("SELECT if(a, 1, 'x') FROM t", "number and text do not mix"),
    ("SELECT coalesce(1, 'x')", "do not mix"),
    ("SELECT nullif(1, 'x')", "do not mix"),
    ("SELECT '1' + 1", "arithmetic on text"),
    ("SELECT 'a' || 1", "only text can be joined"),
    ("SELECT concat('a', 1)", "only text can be joined"),
    ("SELECT DATE '2026-01-02' - DATE '2026-01-01'", "date_diff"),
    ("SELECT 1 UNION SELECT 'a'", "UNION of number and text"),
    ("SELECT 1 WHERE 'a'", "not a boolean"),
    ("SELECT NOT 1", "not a boolean"),
]

REFUSED_BY_TYPE: list[tuple[str, str]] = [
    ("SELECT 1 AS x FROM logs WHERE srcport = '443'", "number and text do not mix"),
    ("SELECT 1 AS x FROM db.logs WHERE day = '2026-01-03'", "date or time and text do not mix"),
    ("SELECT 1 AS x FROM logs WHERE day BETWEEN '2026-01-03' AND '2026-01-04'", "do not mix"),
    ("SELECT 1 AS x FROM logs l WHERE l.srcport IN (22, '23')", "do not mix"),
    ("SELECT 1 AS x FROM logs WHERE srcaddr = 1", "text and number do not mix"),
    ("SELECT srcaddr || srcport FROM logs", "only text can be joined"),
    ("SELECT x FROM (SELECT day AS x FROM logs) WHERE x = '2026'", "do not mix"),
    ("SELECT day AS d, count(*) FROM logs GROUP BY d", "alias d in GROUP BY"),
    ("SELECT bytes * 2 AS b FROM logs WHERE b > 1", "alias b in WHERE"),
    ("SELECT count(*) AS n FROM logs HAVING n > 1", "alias n in HAVING"),
    ("WITH l AS (SELECT * FROM logs) SELECT day AS z, count(*) FROM l GROUP BY z", "alias z"),
    ("SELECT srcaddr AS action FROM logs GROUP BY srcaddr HAVING action = 'a'", "alias action"),
    ("SELECT srcport FROM logs GROUP BY srcport HAVING srcport = '22'", "number and text do not"),
]

FAILING: list[tuple[str, str]] = [
    ("1 / 0", "zero"),
    ("1 % 0", "zero"),
    ("1.0 / 0", "zero"),
    ("9223372036854775807 + 1", "Overflow"),
    ("2147483647 + 1", "Overflow"),
    ("(SELECT sum(x) FROM (VALUES 9223372036854775807, 1) t(x))", "out of range"),
    ("CAST('1.5' AS bigint)", "cannot cast '1.5' to bigint"),
    ("CAST(3000000000 AS integer)", "out of range"),
    ("CAST('-' AS ipaddress)", "not an IP address: -"),
    ("ARRAY[1][2]", "no such element"),
    ("map(ARRAY['a'], ARRAY[1])['b']", "no such element or key"),
    ("date_trunc('hour', DATE '2026-01-01')", "hour is no field of a date"),
    ("date_trunc('decade', DATE '2026-01-01')", "no such unit"),
    ("DATE '2026-01-01' + INTERVAL '1' HOUR", "hours on a date"),
    ("split_part('a', ',', 0)", "split_part"),
    ("slice(ARRAY[1], 0, 1)", "slice starts at 1"),
    ("from_base('12', 2)", "not a number in that base"),
]

CURES = {
    "integer division", "division by zero", "date_diff", "date_add and sequence",
    "regexp_extract and split_part", "regexp_replace", "CAST to integers", "CAST to varchar",
    "format", "slice", "ipaddress", "at_timezone", "format_datetime", "map_agg", "any_match",
    "shifts", "width_bucket", "from_base",
}  # fmt: skip
"""The rows of the cure table that are about values; the others are in ROWS and REFUSED."""


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection after SETUP, with a small flow-log table."""
    with duckdb.connect() as connection:
        for statement in SETUP:
            connection.execute(statement)
        connection.execute(LOGS)
        yield connection


@pytest.mark.parametrize(
    ("expression", "expected"), [pair for pairs in VALUES.values() for pair in pairs]
)
def test_value(engine: duckdb.DuckDBPyConnection, expression: str, expected: object) -> None:
    """An expression has Trino's value, of the same Python type."""
    (row,) = engine.execute(to_duckdb(f"SELECT {expression}")).fetchall()
    assert repr(row[0]) == repr(expected)


@pytest.mark.parametrize(("sql", "names", "expected"), ROWS)
def test_rows(
    engine: duckdb.DuckDBPyConnection, sql: str, names: list[str], expected: list[tuple[object]]
) -> None:
    """A statement gives Athena's column names and rows, with and without a schema."""
    for schema in (None, SCHEMA):
        result = engine.execute(to_duckdb(sql, schema))
        assert [column[0] for column in result.description or []] == names
        assert repr(result.fetchall()) == repr(expected)


@pytest.mark.parametrize(("sql", "reason"), REFUSED)
def test_refused(sql: str, reason: str) -> None:
    """What Athena refuses, or this module cannot translate, is refused in one line."""
    with pytest.raises(BadSql) as caught:
        to_duckdb(sql)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("sql", "reason"), REFUSED_BY_TYPE)
def test_refused_by_type(sql: str, reason: str) -> None:
    """With the columns' types known, what Athena would not compare is refused."""
    with pytest.raises(BadSql) as caught:
        to_duckdb(sql, SCHEMA)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "group", ["action", "ROLLUP (action)", "GROUPING SETS ((action), ())", "1"]
)
@pytest.mark.parametrize("item", ["action", "action AS action", "logs.action"])
def test_a_column_is_no_alias_of_itself(
    engine: duckdb.DuckDBPyConnection, item: str, group: str
) -> None:
    """HAVING sees the columns that are grouped by, by their own names."""
    sql = f"SELECT {item}, count(*) > 0 FROM logs GROUP BY {group} HAVING action = 'REJECT'"
    assert engine.execute(to_duckdb(sql, SCHEMA)).fetchall() == [("REJECT", True)]


@pytest.mark.parametrize(("expression", "reason"), FAILING)
def test_fails_when_run(engine: duckdb.DuckDBPyConnection, expression: str, reason: str) -> None:
    """What is an error of Athena's when run is an error of DuckDB's too."""
    with pytest.raises(duckdb.Error, match=reason):
        engine.execute(to_duckdb(f"SELECT {expression}")).fetchall()


def test_alias_is_no_column_without_schema(engine: duckdb.DuckDBPyConnection) -> None:
    """GROUP BY an alias fails on DuckDB too when no schema tells."""
    with pytest.raises(duckdb.Error, match='does not have a column named "a"'):
        engine.execute(to_duckdb("SELECT action AS a, count(*) FROM logs GROUP BY a"))


def test_every_cure_and_function_is_exercised() -> None:
    """Each row of the cure table, and each function that is translated, has a statement."""
    assert VALUES.keys() >= CURES
    texts = [text for pairs in VALUES.values() for text, _ in pairs] + [row[0] for row in ROWS]
    everything = " ".join(texts).lower()
    known = PARSED | NATIVE.keys() | ARITIES.keys() | LAMBDA_LISTS.keys()
    types = {"ipaddress", "varchar", *INTEGERS}
    assert sorted(name for name in known - types if f"{name}(" not in everything) == []


def test_each_counted_function_is_a_macro_or_rewritten() -> None:
    """A name in ARITIES is accepted, so something must translate it; all of CALLS are there."""
    assert ARITIES.keys() == macro_arities().keys() | CALLS.keys()


def test_setup_for_is_enough(engine: duckdb.DuckDBPyConnection) -> None:
    """The part of SETUP that a statement needs runs it on a fresh connection."""
    sql = to_duckdb("SELECT CAST(IPADDRESS '2001:db8::1' AS varchar), TRY_CAST('x' AS bigint)")
    few = setup_for(sql)
    assert len(few) < len(SETUP) / 2
    with duckdb.connect() as fresh:
        for statement in few:
            fresh.execute(statement)
        assert fresh.execute(sql).fetchall() == [("2001:db8::1", None)]


def test_setup_is_quick() -> None:
    """SETUP costs little, needs no download and may run twice."""
    with duckdb.connect() as fresh:
        start = time.process_time()
        for statement in SETUP:
            fresh.execute(statement)
        assert time.process_time() - start < 1
        fresh.execute(SETUP[-1])


def test_text_is_the_same_each_time() -> None:
    """Translation is pure: the same text gives the same statement, and no state is kept."""
    sql = "SELECT count(*), sum(bytes) / sum(packets) FROM logs WHERE action = 'REJECT'"
    assert to_duckdb(sql) == to_duckdb(sql)
    assert to_duckdb(sql).startswith('SELECT COUNT(*) AS "_col0", af__div(')
