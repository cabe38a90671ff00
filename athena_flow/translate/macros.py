"""DuckDB macros for what no function of DuckDB's means, and the settings of a connection.

DuckDB cannot overload a macro on the type of an aggregate, so macros ask ``typeof`` (folded
when the query is bound) and give results their type with ``cast_to_type``. They fail by a
cast, not by ``error()``, which TRY does not allow.
"""

from __future__ import annotations

import re

UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
INTEGERS = ("tinyint", "smallint", "integer", "bigint")

MACROS = r"""
af__fail(what) AS CAST('Athena: ' || what AS BIGINT);
af__pick(x, bad, what) AS CASE WHEN bad THEN cast_to_type(af__fail(what)::VARCHAR, x) ELSE x END;

af__ratio(a, b) AS CASE WHEN FALSE THEN (a + b) * round(a + b) * round(a + b) END;
af__inf(a) AS CASE WHEN a > 0 THEN 'inf' WHEN a < 0 THEN '-inf' WHEN a IS NOT NULL THEN 'nan' END;
af__div(a, b) AS cast_to_type(
  CASE WHEN typeof(a + b) IN ('DOUBLE', 'FLOAT') AND b = 0
  THEN cast_to_type(af__inf(a), a + b) ELSE a // b END, af__ratio(a, b));
af__try_div(a, b) AS af__div(
  a, CASE WHEN typeof(a + b) IN ('DOUBLE', 'FLOAT') THEN b ELSE nullif(b, 0) END);
af__sum(total, sample) AS
  cast_to_type(total, CASE WHEN FALSE THEN sample + CAST(0 AS BIGINT) END);
af__avg(mean, sample) AS CASE WHEN typeof(sample) LIKE 'DECIMAL%'
  THEN round(mean, CAST(regexp_extract(typeof(sample), ',(\d+)', 1) AS INT)) ELSE mean END;
af__firsts(pairs, keys) AS list_filter(pairs, lambda e, i:
  e[1] IS NOT NULL AND list_position(keys, e[1]) = i);
af__map(pairs) AS map_from_entries(af__firsts(pairs, list_transform(pairs, lambda e: e[1])));
af__ceil(x) AS cast_to_type(ceil(x), round(x));
af__floor(x) AS cast_to_type(floor(x), round(x));
af_sign(x) AS cast_to_type(sign(x), x);
af_width_bucket(x, a, b, n) AS CAST(CASE WHEN (x < a) = (a < b) AND x <> a THEN 0
  WHEN (x >= b) = (a < b) OR x = b THEN n + 1
  ELSE floor((x - a)::DOUBLE / (b - a) * n) + 1 END AS BIGINT),
  (x, bins) AS len(list_filter(bins, lambda e: e <= x));
af__digit(c) AS instr('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1;
af__base(digits, r) AS list_reduce(list_transform(string_split(digits, ''), lambda c:
  CASE WHEN c <> '' AND af__digit(c) BETWEEN 0 AND r - 1 THEN af__digit(c)
  ELSE af__fail('not a number in that base') END), lambda a, d: a * r + d, CAST(0 AS BIGINT));
af_from_base(s, r) AS
  CASE WHEN s[1] = '-' THEN -1 ELSE 1 END * af__base(lower(ltrim(s, '-')), r);
af_to_base(x, r) AS CASE WHEN x < 0 THEN '-' ELSE '' END || lower(to_base(abs(x), r));

af__bits(x) AS CASE typeof(x)
  WHEN 'INTEGER' THEN 32 WHEN 'SMALLINT' THEN 16 WHEN 'TINYINT' THEN 8 ELSE 64 END;
af__two(n) AS CAST(pow(2, n) AS HUGEINT);
af__unsigned(x, bits) AS (x::HUGEINT % af__two(bits) + af__two(bits)) % af__two(bits);
af__signed(x, bits) AS CASE WHEN x >= af__two(bits - 1) THEN x - af__two(bits) ELSE x END;
af__shift(x, n, moved, past) AS cast_to_type(CASE WHEN n >= af__bits(x) THEN past
  ELSE af__signed(af__unsigned(moved, af__bits(x)), af__bits(x)) END, x);
af_bitwise_left_shift(x, n) AS af__shift(x, n, x::HUGEINT * af__two(least(n, 63)), 0);
af_bitwise_right_shift(x, n) AS
  af__shift(x, n, af__unsigned(x, af__bits(x)) // af__two(least(n, 63)), 0);
af_bitwise_right_shift_arithmetic(x, n) AS
  af__shift(x, n, x::BIGINT >> least(n, 63), CASE WHEN x < 0 THEN -1 ELSE 0 END);

af__ip4_text(n) AS concat_ws('.', n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255);
af__groups(h) AS list_transform(range(8), lambda i:
  coalesce(nullif(ltrim(h[4 * i + 1:4 * i + 4], '0'), ''), '0'));
af__short(groups) AS list_transform([':' || array_to_string(groups, ':') || ':'], lambda g:
  regexp_replace(g, CASE {runs} ELSE '^$' END, '::'))[1];
af__ip6_text(x) AS regexp_replace(regexp_replace(
  af__short(af__groups(lpad(lower(hex(x)), 32, '0'))), '^:([^:])', '\1'), '([^:]):$', '\1');
af__ip_text(x) AS CASE WHEN x >> 32 = 65535 THEN af__ip4_text((x % 4294967296)::BIGINT)
  WHEN x IS NOT NULL THEN af__ip6_text(x) END;

af__exponent(whole, digits, e) AS
  coalesce(TRY_CAST(e AS INT), 0) + length(whole) - 1 - length(digits) + length(ltrim(digits, '0'));
af__digits(d) AS d[1] || '.' || coalesce(nullif(d[2:], ''), '0');
af__java(t) AS list_transform([split_part(ltrim(t, '-'), 'e', 1)], lambda m:
  af__digits(trim(replace(m, '.', ''), '0')) || 'E' || af__exponent(
    split_part(m, '.', 1), replace(m, '.', ''), split_part(t, 'e', 2)))[1];
af__double(t) AS CASE WHEN abs(TRY_CAST(t AS DOUBLE)) BETWEEN 1e-3 AND 9999999.999999998
  OR t IN ('0.0', '-0.0') THEN t WHEN t = 'nan' THEN 'NaN'
  WHEN t LIKE '%inf' THEN replace(t, 'inf', 'Infinity')
  ELSE CASE WHEN t[1] = '-' THEN '-' ELSE '' END || af__java(t) END;
af__millis(t) AS
  left(rpad(CASE WHEN instr(t, '.') > 0 THEN t ELSE t || '.' END, 23, '0'), 23);
af_varchar(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT')
  THEN af__double(x::VARCHAR)
  WHEN typeof(x) LIKE 'TIMESTAMP WITH%'
  THEN af__millis(regexp_replace(x::VARCHAR, '\+00$', '')) || ' UTC'
  WHEN typeof(x) LIKE 'TIMESTAMP%' THEN af__millis(x::VARCHAR)
  WHEN typeof(x) = 'UHUGEINT' THEN af__ip_text(TRY_CAST(x::VARCHAR AS UHUGEINT))
  WHEN typeof(x) = 'JSON' THEN json_extract_string(x::VARCHAR, '$')
  ELSE x::VARCHAR END;

af_substr(s, n) AS
  substr(s, CASE WHEN n = 0 OR -n > length(s) THEN length(s) + 1 ELSE n END),
  (s, n, size) AS substr(s, CASE WHEN n = 0 OR -n > length(s) THEN length(s) + 1 ELSE n END,
  CASE WHEN size < 0 THEN 0 ELSE size END);
af_replace(s, a) AS replace(s, a, ''), (s, a, b) AS replace(s, a, b);
af_ltrim(s) AS ltrim(s, E' \t\n\x0b\f\r');
af_rtrim(s) AS rtrim(s, E' \t\n\x0b\f\r');
af_split(s, d) AS string_split(s, d), (s, d, n) AS CASE WHEN len(string_split(s, d)) > n
  THEN list_append(string_split(s, d)[:n - 1], array_to_string(string_split(s, d)[n:], d))
  ELSE string_split(s, d) END;
af_split_part(s, d, n) AS string_split(s, d)[af__pick(n, n < 1, 'split_part index below 1')];
af_regexp_extract(s, p) AS regexp_extract_all(s, p)[1],
  (s, p, g) AS regexp_extract_all(s, p, g)[1];
af_regexp_count(s, p) AS len(regexp_extract_all(s, p));
af_url_decode(s) AS url_decode(replace(s, '+', ' '));
af_url_encode(s) AS
  replace(replace(replace(url_encode(s), '%20', '+'), '%2A', '*'), '~', '%7E');
af_url_extract_protocol(u) AS af_regexp_extract(u, '^([a-zA-Z][\w+.-]*):', 1);
af_url_extract_host(u) AS
  af_regexp_extract(u, '^[^:/?#]+://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]+)', 1);
af_url_extract_port(u) AS CAST(af_regexp_extract(
  u, '^[^:/?#]+://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:]*):(\d+)', 1) AS BIGINT);
af_url_extract_path(u) AS
  url_decode(af_regexp_extract(u, '^(?:[^:/?#]+:)?(?://[^/?#]*)?([^?#]*)', 1));
af_url_extract_query(u) AS url_decode(af_regexp_extract(u, '^[^?#]*\?([^#]*)', 1));
af_url_extract_fragment(u) AS url_decode(af_regexp_extract(u, '#(.*)$', 1));
af_url_extract_parameter(u, name) AS af_url_decode(list_filter(
  string_split(af_regexp_extract(u, '^[^?#]*\?([^#]*)', 1), '&'),
  lambda e: split_part(e, '=', 1) = name)[1][length(name) + 2:]);

af__unit(unit, x) AS CASE WHEN lower(unit) NOT IN ({units})
  THEN af__fail('no such unit: ' || unit)::VARCHAR
  WHEN typeof(x) = 'DATE' AND lower(unit) IN ('millisecond', 'second', 'minute', 'hour')
  THEN af__fail(unit || ' is no field of a date')::VARCHAR ELSE lower(unit) END;
af__length(unit, n) AS CASE unit WHEN 'millisecond' THEN to_milliseconds(n)
  WHEN 'second' THEN to_seconds(n) WHEN 'minute' THEN to_minutes(n)
  WHEN 'hour' THEN to_hours(n) WHEN 'day' THEN to_days(n::INT) WHEN 'week' THEN to_weeks(n::INT)
  WHEN 'month' THEN to_months(n::INT) WHEN 'quarter' THEN to_months(3 * n::INT)
  WHEN 'year' THEN to_years(n::INT) END;
af_date_trunc(unit, x) AS cast_to_type(date_trunc(af__unit(unit, x), x), x);
af_date_add(unit, n, x) AS cast_to_type(x + af__length(af__unit(unit, x), n), x);
af_date_diff(unit, a, b) AS date_sub(af__unit(unit, b), a, b);
af__plus(x, gap) AS cast_to_type(x + af__pick(
  gap, typeof(x) = 'DATE' AND date_trunc('day', x + gap) <> x + gap, 'hours on a date'), x);
af__minus(x, gap) AS af__plus(x, -gap);
af_from_unixtime(x) AS to_timestamp(round(x::DOUBLE * 1000) / 1000);
af_at_timezone(x, zone) AS timezone(zone, CAST(x AS TIMESTAMPTZ));
af_with_timezone(x, zone) AS timezone(zone, CAST(x AS TIMESTAMP));
af_millisecond(x) AS date_part('millisecond', x) % 1000;

af__at(a, i) AS a[af__pick(i, a IS NOT NULL AND i IS NOT NULL AND CASE
  WHEN typeof(a) LIKE 'MAP(%' THEN a[i] IS NULL
  ELSE NOT TRY_CAST(i AS BIGINT) BETWEEN 1 AND cardinality(a) END,
  'no such element or key; element_at gives NULL there')];
af_element_at(a, i) AS a[i];
af_slice(a, start, size) AS CASE WHEN start > 0 THEN list_slice(a, start, start + size - 1)
  WHEN start < 0 AND -start <= len(a)
  THEN list_slice(a, len(a) + start + 1, len(a) + start + size)
  ELSE list_slice(a, 1, CASE WHEN start = 0 THEN af__fail('slice starts at 1') ELSE 0 END) END;
af__nulls(a) AS len(a) > list_count(a);
af__list_has(a, x) AS CASE WHEN a IS NULL OR x IS NULL THEN NULL
  WHEN list_contains(a, x) THEN TRUE WHEN af__nulls(a) THEN NULL ELSE FALSE END;
af__any(a) AS CASE WHEN list_contains(a, TRUE) THEN TRUE
  WHEN a IS NULL OR af__nulls(a) THEN NULL ELSE FALSE END;
af__all(a) AS CASE WHEN list_contains(a, FALSE) THEN FALSE
  WHEN a IS NULL OR af__nulls(a) THEN NULL ELSE TRUE END;
af__none(a) AS NOT af__any(a);
af_array_max(a) AS CASE WHEN NOT af__nulls(a) THEN list_max(a) END;
af_array_min(a) AS CASE WHEN NOT af__nulls(a) THEN list_min(a) END;
af_array_position(a, x) AS CASE WHEN a IS NOT NULL AND x IS NOT NULL
  THEN coalesce(list_position(a, x), 0)::BIGINT END;
af_array_remove(a, x) AS
  CASE WHEN x IS NOT NULL THEN list_filter(a, lambda e: e IS DISTINCT FROM x) END;
af__holds(a, x) AS len(list_filter(a, lambda z: z IS NOT DISTINCT FROM x)) > 0;
af_array_distinct(a) AS list_filter(a, lambda e, i: NOT af__holds(a[:i - 1], e));
af_array_union(a, b) AS af_array_distinct(list_concat(a, b));
af_array_intersect(a, b) AS
  list_filter(af_array_distinct(a), lambda e: af__holds(b, e));
af_array_except(a, b) AS
  list_filter(af_array_distinct(a), lambda e: NOT af__holds(b, e));
af_repeat(x, n) AS list_transform(range(n), lambda i: x);
af__sequence(a, b, step) AS generate_series(a::BIGINT, b::BIGINT, step::BIGINT);
af__days(a, b, step) AS cast_to_type(generate_series(a, b, step), [a]);

af_json_format(j) AS CAST(json(j) AS VARCHAR);
af__valid(j) AS CASE WHEN json_valid(j) THEN j END;
af_json_array_length(j) AS CASE WHEN json_type(af__valid(j)) = 'ARRAY'
  THEN json_array_length(af__valid(j))::BIGINT END;
af__json(j, path) AS json_extract(af__valid(j), path);
af__json_scalar(j, path) AS
  CASE WHEN json_type(af__valid(j), path) NOT IN ('OBJECT', 'ARRAY', 'NULL')
  THEN json_extract_string(af__valid(j), path) END;

af__octets(o) AS
  (o[1]::BIGINT << 24) + (o[2]::BIGINT << 16) + (o[3]::BIGINT << 8) + o[4]::BIGINT;
af__ip4(s) AS CASE WHEN regexp_full_match(s, 'O\.O\.O\.O')
  THEN af__octets(string_split(s, '.')) END;
af__hex(s) AS coalesce(array_to_string(
  list_transform(string_split(s, ':'), lambda g: lpad(nullif(g, ''), 4, '0')), ''), '');
af__fill(a, b) AS CASE WHEN length(a) + length(b) <= 28
  THEN a || repeat('0', 32 - length(a) - length(b)) || b END;
af__digits6(s) AS CASE WHEN regexp_full_match(s, 'G(:G){7}') THEN af__hex(s)
  WHEN regexp_full_match(s, '(G(:G)*)?::(G(:G)*)?')
  THEN af__fill(af__hex(split_part(s, '::', 1)), af__hex(split_part(s, '::', 2))) END;
af__tail6(n) AS printf('%x:%x', n >> 16, n & 65535);
af__plain6(s) AS CASE WHEN instr(s, '.') = 0 THEN s
  ELSE regexp_extract(s, '^.*:') || af__tail6(af__ip4(regexp_extract(s, '[^:]*$'))) END;
af__ip6(s) AS list_transform([af__plain6(s)], lambda p:
  TRY_CAST('0x' || af__digits6(p) AS UHUGEINT))[1];
af__try_ip(x) AS CASE WHEN typeof(x) = 'UHUGEINT' THEN x::UHUGEINT
  WHEN instr(x::VARCHAR, ':') > 0 THEN af__ip6(x::VARCHAR)
  ELSE CAST(af__ip4(x::VARCHAR) + 281470681743360 AS UHUGEINT) END;
af__out(x UHUGEINT) AS af__ip_text(x), (x) AS x;
af__bits4(cidr) AS CAST(split_part(cidr, '/', 2) AS INT)
  + CASE WHEN instr(cidr, ':') = 0 THEN 96 ELSE 0 END;
af__in_net(cidr, net, x) AS af__bits4(cidr) = 0 OR
  (net >> (128 - af__bits4(cidr))::UHUGEINT) = (x >> (128 - af__bits4(cidr))::UHUGEINT);
af__known_ip(ip, x) AS coalesce(ip, CASE WHEN x IS NOT NULL
  THEN af__fail('not an IP address: ' || x)::UHUGEINT END);
{casts}
"""
"""Macro text without CREATE MACRO. ``af_name`` is Athena's ``name``; ``af__name`` is inner."""

_CAST = r"""
af_{t}(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT')
  THEN CAST(round(CAST(x AS DOUBLE)) AS {t})
  WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(x::VARCHAR, '[+-]?\d+')
  THEN CAST(af__fail('cannot cast ''' || x || ''' to {t}') AS {t}) ELSE CAST(x AS {t}) END;
af__try_{t}(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT')
  THEN TRY_CAST(round(CAST(x AS DOUBLE)) AS {t})
  WHEN typeof(x) = 'VARCHAR' AND NOT regexp_full_match(x::VARCHAR, '[+-]?\d+')
  THEN NULL ELSE TRY_CAST(x AS {t}) END;
"""

_GENERATED = {
    "{units}": ", ".join(f"'{unit}'" for unit in UNITS),
    "{runs}": "".join(f" WHEN g LIKE '%{':0' * n}:%' THEN '(:0){{{n}}}:'" for n in range(8, 1, -1)),
    "{casts}": "".join(_CAST.replace("{t}", t) for t in INTEGERS),
    r"O\.O\.O\.O": r"O(\.O){3}".replace("O", r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"),
    "G(:G)": "[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4})",
}
"""What stands in ``MACROS`` -> the text that is meant."""


def _definitions() -> dict[str, str]:
    """Each macro's name and definition, in the order of ``MACROS``."""
    text = MACROS
    for mark, meant in _GENERATED.items():
        text = text.replace(mark, meant)
    each = filter(None, (macro.strip() for macro in text.split(";\n")))
    return {macro.partition("(")[0]: macro for macro in each}


_DEFINITIONS = _definitions()
_CREATE = "CREATE OR REPLACE TEMP MACRO"
_SETTINGS = ("SET TimeZone = 'UTC'", "SET default_null_order = 'nulls_last'")
SETUP: tuple[str, ...] = (
    *_SETTINGS,
    *(f"{_CREATE} {macro}" for macro in _DEFINITIONS.values()),
)
"""What an engine runs once per connection, in this order, before translated statements."""


def setup_for(duckdb_sql: str) -> tuple[str, ...]:
    """The part of ``SETUP`` that one translated statement needs: 1 ms instead of 60."""
    needed: set[str] = set()
    found = _named_in(duckdb_sql)
    while found := found - needed:
        needed |= found
        found = _named_in(" ".join(_DEFINITIONS[name] for name in found))
    chosen = [macro for name, macro in _DEFINITIONS.items() if name in needed]
    return (*_SETTINGS, *(f"{_CREATE} {macro}" for macro in chosen))


def _named_in(text: str) -> set[str]:
    return _DEFINITIONS.keys() & re.findall(r"\baf_\w+", text)


def macro_arities() -> dict[str, set[int]]:
    """How many arguments each macro takes that has the name of an Athena function."""
    return {
        name.removeprefix("af_"): {
            inside.count(",") + 1 for inside in re.findall(r"\(([\w, ]*)\) AS\b", macro)
        }
        for name, macro in _DEFINITIONS.items()
        if not name.startswith("af__")
    }
