"""Athena SQL -> DuckDB SQL, so that one saved query gives one answer on both engines.

Why: a plain transpile of Athena's SQL (Trino 3 DML) runs on DuckDB and is silently wrong
in places (7 / 2, date_diff, regexp_extract without a match, CAST to varchar ...). Here
every function and every kind of clause is on a list, and what is on none is refused by
name: sqlglot translates the functions in ``PARSED``, ``NATIVE`` mean the same on both sides,
``CALLS`` have formats or lambdas that are rewritten here, the rest are the macros of
``MACROS``. No I/O; an engine runs ``SETUP`` once per connection.

DuckDB cannot overload a macro on the type of an aggregate, so macros ask ``typeof`` (folded
when the query is bound) and give results their type with ``cast_to_type``. They fail by a
cast, not by ``error()``, which TRY does not allow.

What stays different from Athena:

* approx_distinct and approx_percentile are exact, and the latter picks a row's value.
* AT TIME ZONE and from_unixtime(x, zone) give the wall time without its zone: the same below
  date_trunc, date_format, casts and in output columns, refused where instants are compared
  (but not seen if that happens through the column of a subquery).
* Timestamps keep microseconds where Athena has milliseconds; CAST(.. AS varchar) shows three
  digits even for a literal without a fraction.
* Decimals: quotients pass through double (exact to 15 digits), avg of decimals is a double
  rounded to their scale, and more than 38 digits are an error earlier than in Athena.
* Regular expressions are RE2's: DuckDB refuses look-around and back references.
* max_by(x, y, n) skips NULL x, sequence() has no limit of 10,000 entries, ``m[k]`` takes a
  NULL in a map for a missing key, and json_extract_scalar gives 1.5 for the JSON text 1.50.
* Types are checked as far as they are known: columns only with ``schema``; arguments
  (``lower(1)``) not at all. There DuckDB accepts some statements that Athena refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from athena_flow.errors import BadSql, did_you_mean

Schema: TypeAlias = Mapping[str, Mapping[str, str]]
"""Table (``name`` or ``db.name``) -> column -> Athena type."""

Rule: TypeAlias = Callable[[list[exp.Expr]], exp.Expr]
"""The arguments of a call -> what stands there in DuckDB's SQL."""

# ---- functions -------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PARSED = _words(
    """count sum avg min max count_if arbitrary any_value array_agg approx_distinct
    approx_percentile coalesce nullif if try greatest least concat filter transform map row
    first_value last_value nth_value lag lead ntile row_number substr substring mod max_by
    min_by listagg trim position extract ceil ceiling floor"""
)
"""Functions that sqlglot parses to a node of its own and writes rightly for DuckDB."""

NATIVE = {
    name: name
    for name in _words(
        """abs exp ln log log2 log10 sqrt cbrt power pow pi degrees radians sin cos tan asin acos
        atan atan2 round rank dense_rank percent_rank cume_dist stddev stddev_samp stddev_pop
        variance var_samp var_pop corr covar_pop covar_samp bool_and bool_or lower upper length
        translate lpad rpad chr starts_with concat_ws reverse year month day hour minute second
        quarter map_keys map_values map_entries grouping flatten from_hex to_base64 from_base64
        now histogram"""
    )
} | {
    "every": "bool_and", "truncate": "trunc", "codepoint": "unicode", "strpos": "instr",
    "is_nan": "isnan", "is_infinite": "isinf", "is_finite": "isfinite", "to_hex": "hex",
    "day_of_month": "day", "day_of_year": "dayofyear", "doy": "dayofyear",
    "week": "weekofyear", "week_of_year": "weekofyear", "year_of_week": "isoyear",
    "yow": "isoyear", "day_of_week": "isodow", "dow": "isodow", "last_day_of_month": "last_day",
    "regexp_like": "regexp_matches", "regexp_extract_all": "regexp_extract_all",
    "regexp_split": "regexp_split_to_array", "levenshtein_distance": "levenshtein",
    "from_utf8": "decode", "to_utf8": "encode", "zip": "list_zip",
    "bitwise_and_agg": "bit_and", "bitwise_or_agg": "bit_or",
    "to_unixtime": "epoch", "bitwise_xor": "xor",
}  # fmt: skip
"""Athena function -> the DuckDB function of the same meaning and arguments."""

LAMBDA_LISTS = {"any_match": "af__any", "all_match": "af__all", "none_match": "af__none"}

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
af__in_net(cidr, net, x) AS
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

_PATTERNS = {
    r"O\.O\.O\.O": r"O(\.O){3}".replace("O", r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"),
    "G(:G)": "[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4})",
}


def _macros() -> Iterator[str]:
    """The macro definitions with their generated parts filled in, one by one."""
    runs = "".join(f" WHEN g LIKE '%{':0' * n}:%' THEN '(:0){{{n}}}:'" for n in range(8, 1, -1))
    filled = MACROS.replace("{units}", ", ".join(f"'{unit}'" for unit in UNITS))
    filled = filled.replace("{runs}", runs)
    for short, pattern in _PATTERNS.items():
        filled = filled.replace(short, pattern)
    filled = filled.replace("{casts}", "".join(_CAST.replace("{t}", t) for t in INTEGERS))
    yield from filter(None, (text.strip() for text in re.split(r";\n", filled)))


_CREATE = "CREATE OR REPLACE TEMP MACRO"
_SETTINGS = ("SET TimeZone = 'UTC'", "SET default_null_order = 'nulls_last'")
SETUP: tuple[str, ...] = (
    *_SETTINGS,
    *(f"{_CREATE} {text}" for text in _macros()),
)
"""What an engine runs once per connection, in this order, before translated statements."""


def setup_for(duckdb_sql: str) -> tuple[str, ...]:
    """The part of ``SETUP`` that one translated statement needs: 1 ms instead of 60."""
    texts = {text.partition("(")[0]: text for text in _macros()}
    needed: set[str] = set()
    found = _words(" ".join(re.findall(r"\baf_\w+", duckdb_sql)))
    while found := (found - needed) & texts.keys():
        needed |= found
        found = _words(" ".join(re.findall(r"\baf_\w+", " ".join(texts[n] for n in found))))
    chosen = [text for name, text in texts.items() if name in needed]
    return (*_SETTINGS, *(f"{_CREATE} {text}" for text in chosen))


def _arities() -> dict[str, set[int]]:
    """How many arguments each public macro takes."""
    found: dict[str, set[int]] = {}
    for text in _macros():
        head = re.match(r"af_([a-z]\w*)\(", text)
        for inside in re.findall(r"\(([\w, ]*)\) AS\b", text) if head else ():
            found.setdefault(head[1], set()).add(len(inside.split(",")) if inside else 0)  # type: ignore[index]
    return found


ARITIES = _arities()

# ---- what is accepted --------------------------------------------------------------------

RESERVED = _words(
    """alter and as between by case cast constraint create cross cube current_catalog
    current_date current_path current_role current_schema current_time current_timestamp
    current_user deallocate delete describe distinct drop else end escape except execute exists
    extract false for from full group grouping having in inner insert intersect into is join
    json_array json_exists json_object json_query json_table json_value left like listagg
    localtime localtimestamp natural normalize not null on or order outer prepare recursive
    right rollup select skip table then trim true uescape union unnest using values when where
    with"""
)
"""Trino's reserved words: as a name they need double quotes, where sqlglot is lenient."""

NODES = _words(
    """Add Alias All And Anonymous Any AnyValue ApproxDistinct ApproxQuantile ArgMax ArgMin Array
    ArrayAgg ArrayFilter AtTimeZone Avg Between Boolean Bracket CTE Case Cast Ceil Coalesce Column
    ColumnDef Concat Count CountIf Cube CurrentDate CurrentTimestamp DPipe DataType DataTypeParam
    Distinct Div Dot EQ Escape Except Exists Extract Fetch Filter FirstValue Floor From GT GTE
    Greatest Group GroupingSets Having Identifier If IgnoreNulls In Intersect Interval Is Join LT
    LTE Lag Lambda LastValue Lead Least Like Limit Literal Localtimestamp Map Max Min Mod Mul NEQ
    Neg Not NthValue Ntile Null NullSafeEQ NullSafeNEQ Nullif Offset Or Order Ordered Paren
    ParseJSON RespectNulls Rollup RowNumber Select Star StrPosition Struct Sub
    Subquery Substring Sum Table TableAlias Transform Trim Try TryCast Tuple Union
    Unhex Unnest Values Var Where Window WindowSpec With WithinGroup GroupConcat Lateral
    LimitOptions"""
)
"""Kinds of syntax that mean the same on both engines, or that a rule below rewrites."""

SPELLINGS = {
    "::": "CAST(x AS type)", "==": "=", "<=>": "IS NOT DISTINCT FROM", "&": "bitwise_and(a, b)",
    "|": "bitwise_or(a, b)", "^": "bitwise_xor(a, b)", "~": "bitwise_not(a)",
    "<<": "bitwise_left_shift(a, b)", ">>": "bitwise_right_shift(a, b)", "&&": "AND",
    "**": "power(a, b)", "//": "/",
}  # fmt: skip
"""Operators that sqlglot reads and Athena does not have -> Athena's spelling."""


MISPLACED = frozenset(
    {(TokenType.COMMA, after) for after in (TokenType.FROM, TokenType.R_PAREN)}
    | {(before, TokenType.L_BRACKET) for before in (
        TokenType.SELECT, TokenType.COMMA, TokenType.L_PAREN, TokenType.EQ, TokenType.IN)}
    | {(TokenType.STRING, TokenType.STRING)}
)  # fmt: skip
"""Neighbouring tokens that sqlglot lets pass: trailing commas, [1] for ARRAY[1], 'a' 'b'."""


class _AthenaDml(Trino):
    """Trino's grammar, in which only the functions of ``PARSED`` have nodes of their own."""

    INDEX_OFFSET = 0

    class Parser(TrinoParser):
        FUNCTIONS = {
            name: build for name, build in TrinoParser.FUNCTIONS.items() if name.lower() in PARSED
        }
        FUNCTION_PARSERS = {
            name: parse
            for name, parse in TrinoParser.FUNCTION_PARSERS.items()
            if name.lower() in PARSED or name in ("CAST", "TRY_CAST")
        }


def _parse(sql: str) -> exp.Query:
    """The one query in ``sql``, if all of it is Athena's and known here."""
    try:
        tokens = _AthenaDml().tokenize(sql)
        _check_tokens(tokens)
        trees = [tree for tree in _AthenaDml().parser().parse(tokens, sql) if tree is not None]
    except (SqlglotError, RecursionError) as error:
        raise BadSql(f"this SQL does not parse: {_first_line(error)}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise BadSql("not one SELECT or WITH statement")
    for node in trees[0].walk():
        _check_node(node)
    return trees[0]


def _first_line(error: Exception) -> str:
    text = re.sub(r"\x1b\[\d*m|<Token.*?>", "", str(error)).partition("\n")[0]
    return re.sub(r"\. Line (\d+), Col: (\d+)", r" (line \1, column \2)", text).rstrip(". ")


def _check_tokens(tokens: Sequence[Token]) -> None:
    """Refuse what leaves no trace in the tree: order of clauses, foreign operators."""
    if not tokens or tokens[0].text.upper() not in ("SELECT", "WITH", "("):
        raise BadSql("not one SELECT or WITH statement")
    limits = [False]
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        pair = (before.token_type, token.token_type)
        if pair in MISPLACED or token.token_type == TokenType.COMMA and limits[-1]:
            raise BadSql(f"this SQL does not parse: unexpected {token.text} after {before.text}")
        symbol = token.token_type not in (TokenType.STRING, TokenType.IDENTIFIER)
        if symbol and token.text in SPELLINGS:
            raise BadSql(f"Athena has no {token.text}; write {SPELLINGS[token.text]}")
        if before.token_type == TokenType.INTERVAL and token.token_type == TokenType.NUMBER:
            raise BadSql(f"an interval's number is quoted: INTERVAL '{token.text}' ...")
        if token.token_type == TokenType.OFFSET and limits[-1]:
            raise BadSql("OFFSET goes before LIMIT: ORDER BY .. OFFSET m LIMIT n")
        if token.token_type == TokenType.L_PAREN:
            limits.append(False)
        elif token.token_type == TokenType.R_PAREN and len(limits) > 1:
            limits.pop()
        limits[-1] = limits[-1] or token.token_type in (TokenType.LIMIT, TokenType.FETCH)


def _shown(node: exp.Expr) -> str:
    """The node's own text, for messages."""
    text = node.sql("trino", unsupported_level=ErrorLevel.IGNORE)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _check_node(node: exp.Expr) -> None:
    kind = type(node).__name__
    if kind not in NODES:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind)
        raise BadSql(f"{words} ({_shown(node)}) is not translated for DuckDB")
    for of, odd, message in REFUSED:
        if isinstance(node, of) and odd(node):
            raise BadSql(message.format(_shown(node)))


def _call_problem(node: exp.Anonymous) -> bool:
    name = node.name.lower()
    known = NATIVE.keys() | CALLS.keys() | ARITIES.keys() | LAMBDA_LISTS.keys()
    if name not in known:
        raise BadSql(f"{name}() is not translated for DuckDB{did_you_mean(name, known | PARSED)}")
    count = len(node.expressions)
    if name in ARITIES and count not in ARITIES[name]:
        raise BadSql(f"{name}() with {count} arguments is not translated for DuckDB")
    return False


def _is_bare_reserved(node: exp.Expr) -> bool:
    return not node.args.get("quoted") and node.name.lower() in RESERVED


def _is_odd_join(node: exp.Expr) -> bool:
    known = (None, "", "INNER", "CROSS", "OUTER", "LEFT", "RIGHT", "FULL", "NATURAL")
    return any(
        str(node.args.get(arg) or "").upper() not in known for arg in ("method", "side", "kind")
    ) or bool(node.args.get("hint"))


def _is_odd_cast(node: exp.Expr) -> bool:
    to = node.args["to"]
    digits = to.expressions[0].name if to.expressions else "3"
    stamps = to.is_type("timestamp", "timestamptz") and not node.this.is_string
    return bool(to.is_type("char") or stamps and digits not in ("3", "6"))


WALL = _words(
    """date_trunc date_format format_datetime date year quarter month week day hour minute second
    day_of_week dow day_of_year doy day_of_month"""
)


def _is_instant(node: exp.Expr) -> bool:
    """Whether a wall time is used where Athena would look at the instant."""
    name = node.name.lower() if isinstance(node, exp.Anonymous) else "at_timezone"
    if name not in ("at_timezone", "from_unixtime") or len(node.expressions) == 1:
        return False
    if isinstance(zone := _zone_of(node), exp.Literal) and zone.name.upper() == "UTC":
        return False
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    if isinstance(above, exp.Cast):
        return not above.to.is_type("date", "timestamp")
    if isinstance(above, exp.Anonymous):
        return above.name.lower() not in WALL
    return not isinstance(above, (exp.Alias, exp.Select, exp.Extract, exp.Group, exp.Ordered))


def _zone_of(node: exp.Expr) -> exp.Expr | None:
    zone = node.expressions[-1] if isinstance(node, exp.Anonymous) else node.args.get("zone")
    return zone if isinstance(zone, exp.Expr) else None


REFUSED: tuple[tuple[type[exp.Expr], Callable[..., object], str], ...] = (
    (exp.Anonymous, _call_problem, ""),
    (exp.Identifier, _is_bare_reserved, 'a reserved word as a name needs double quotes: {}'),
    (exp.Join, _is_odd_join, "this kind of join is not Athena's: {}"),
    (exp.Cast, _is_odd_cast, "this type is not translated for DuckDB: {}"),
    ((exp.AtTimeZone), _is_instant, "a time in a zone is only translated below date_trunc, "
     "date_format, CAST AS date or timestamp, and as a column: {}"),
    (exp.Anonymous, _is_instant, "a time in a zone is only translated below date_trunc, "
     "date_format, CAST AS date or timestamp, and as a column: {}"),
    (exp.Distinct, lambda n: n.args.get("on") or len(n.expressions) > 1,
     "DISTINCT ON and DISTINCT over several columns are not Athena's: {}"),
    (exp.Star, lambda n: n.args.get("except_") or n.args.get("replace") or n.args.get("rename"),
     "Athena's * takes no EXCEPT, REPLACE or RENAME: {}"),
    (exp.Group, lambda n: n.args.get("all") is not None or n.args.get("totals"),
     "GROUP BY ALL is not Athena's: {}"),
    (exp.Limit, lambda n: n.args.get("offset"), "LIMIT takes one number: {}"),
    (exp.Fetch, lambda n: n.args.get("limit_options") is not None
     and n.args["limit_options"].args.get("with_ties"), "WITH TIES is not translated: {}"),
    (exp.Table, lambda n: any(n.args.get(k) for k in ("version", "when", "sample", "hints")),
     "this kind of table is not translated for DuckDB: {}"),
    (exp.Literal, lambda n: not n.is_string and n.name.isdigit() and int(n.name) >= 2**63,
     "no integer of Athena's is as large as {}"),
    (exp.Interval, lambda n: str(n.args.get("unit")).upper() not in
     ("SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR") or not n.this,
     "intervals are in SECOND, MINUTE, HOUR, DAY, MONTH or YEAR: {}"),
    (exp.ApproxQuantile, lambda n: n.args.get("weight") or n.args.get("accuracy"),
     "approx_percentile with weights is not translated for DuckDB: {}"),
    (exp.Lambda, lambda n: not (isinstance(n.parent, (exp.ArrayFilter, exp.Transform)) or
     isinstance(n.parent, exp.Anonymous) and n.parent.name.lower() in (*LAMBDA_LISTS, "reduce")),
     "this lambda is not translated for DuckDB: {}"),
)  # fmt: skip
"""(kind of node, is it one that must not pass, why not)."""

# ---- types -------------------------------------------------------------------------------

FAMILIES = {
    "text": "VARCHAR TEXT CHAR", "boolean": "BOOLEAN", "IP address": "IPADDRESS",
    "number": "TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL",
    "date or time": "DATE TIMESTAMP TIMESTAMPTZ TIMESTAMPNTZ", "interval": "INTERVAL",
}  # fmt: skip
_FAMILY = {name: family for family, names in FAMILIES.items() for name in names.split()}

RETURNS = {
    "VARCHAR": """substr lower upper replace translate lpad rpad chr reverse date_format
    format_datetime format regexp_extract regexp_replace split_part to_iso8601 array_join
    json_extract_scalar json_format to_hex to_base url_decode url_encode concat_ws
    url_extract_protocol url_extract_host url_extract_path url_extract_query ltrim rtrim""",
    "BIGINT": """length strpos cardinality date_diff day_of_week dow day_of_year doy year month
    day hour minute second millisecond quarter week week_of_year from_base url_extract_port
    rank dense_rank regexp_count levenshtein_distance bitwise_and bitwise_or bitwise_xor
    width_bucket array_position""",
    "DOUBLE": "to_unixtime exp ln log log2 log10 sqrt cbrt power pow pi degrees radians stddev",
    "TIMESTAMP": "date_parse",
    "TIMESTAMPTZ": "from_unixtime parse_datetime from_iso8601_timestamp with_timezone at_timezone",
    "DATE": "date last_day_of_month from_iso8601_date",
    "BOOLEAN": "regexp_like starts_with contains any_match all_match none_match is_nan",
}  # fmt: skip
_RETURN = {name: kind for kind, names in RETURNS.items() for name in names.split()}
_SAME_AS = {"date_trunc": 1, "date_add": 2, "abs": 0, "round": 0, "arbitrary": 0}


def _annotate_call(annotator: object, node: exp.Expr) -> exp.Expr:
    """Give an ``Anonymous`` call the type that Athena's function of that name returns."""
    name, args = node.name.lower(), node.expressions
    if name in _SAME_AS and len(args) > _SAME_AS[name]:
        node.type = args[_SAME_AS[name]].type
    else:
        node.type = exp.DataType.build(_RETURN.get(name, "UNKNOWN"))
    return node


_METADATA = {**_AthenaDml.EXPRESSION_METADATA, exp.Anonymous: {"annotator": _annotate_call}}


def _typed(tree: exp.Query, schema: Schema) -> exp.Query:
    """A copy of ``tree`` that knows its types; columns only if the schema has all tables."""
    copy = tree.copy()
    found = {name.lower(): dict(columns) for name, columns in schema.items()}
    short = {name.rpartition(".")[2]: name for name in found}
    ctes = {cte.alias_or_name.lower() for cte in copy.find_all(exp.CTE)}
    whole = True
    for table in list(copy.find_all(exp.Table)):
        full = ".".join(part for part in (table.db.lower(), table.name.lower()) if part)
        if not table.db and table.name.lower() in ctes:
            continue
        key = full if full in found else short.get(table.name.lower(), "")
        whole = whole and bool(key)
        alias = table.alias_or_name
        table.replace(exp.table_(exp.to_identifier(key or full, quoted=True), alias=alias))
    kinds = {t: {c.lower(): k for c, k in cols.items()} for t, cols in found.items()}
    nested: dict[str, object] = {f'"{t}"': cols for t, cols in kinds.items()}
    if whole:
        copy = qualify(copy, dialect=_AthenaDml, schema=nested, expand_alias_refs=False,
                       validate_qualify_columns=False)  # fmt: skip
        _check_aliases(copy)
    return annotate_types(copy, nested, expression_metadata=_METADATA, dialect=_AthenaDml)


def _family(node: object) -> str:
    kind = node.type if isinstance(node, exp.Expr) else None
    return _FAMILY.get(kind.this.name, "") if kind is not None else ""


def _operands(node: exp.Expr) -> list[exp.Expr]:
    """Those parts of ``node`` that must be of one family."""
    match node:
        case exp.Between():
            return [node.this, node.args["low"], node.args["high"]]
        case exp.In():
            return [node.this, *node.expressions]
        case exp.Case():
            results = [branch.args["true"] for branch in node.args["ifs"]]
            return [*results, *filter(None, [node.args.get("default")])]
        case exp.If():
            return [node.args["true"], *filter(None, [node.args.get("false")])]
        case exp.Coalesce() | exp.Greatest() | exp.Least():
            return [node.this, *node.expressions]
        case exp.Predicate() if isinstance(node.args.get("expression"), (exp.Any, exp.All)):
            return []
        case exp.Predicate() | exp.Nullif() if isinstance(node.args.get("expression"), exp.Expr):
            return [node.this, node.args["expression"]]
    return []


def _check_types(tree: exp.Query) -> None:
    """Refuse what Athena refuses and DuckDB would cast in silence."""
    for node in tree.walk():
        families = {_family(part): part for part in _operands(node)}
        families.pop("", None)
        if len(families) > 1 and not isinstance(node.parent, exp.Case):
            raise BadSql(
                f"{' and '.join(families)} do not mix in {_shown(node)}; Athena wants a CAST"
            )
        _check_truths(node)
        sides = [_family(part) for part in (node.args.get("this"), node.args.get("expression"))]
        if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)) and "text" in sides:
            raise BadSql(f"arithmetic on text needs a CAST in Athena: {_shown(node)}")
        if isinstance(node, exp.Sub) and sides == ["date or time"] * 2:
            raise BadSql(f"write date_diff(unit, from, to) for {_shown(node)}")
        parts = node.expressions if isinstance(node, exp.Concat) else []
        if isinstance(node, exp.DPipe):
            parts = [node.this, node.expression]
        if any(_family(part) not in ("", "text") for part in parts):
            raise BadSql(f"only text can be joined to text in Athena: {_shown(node)}")


def _check_truths(node: exp.Expr) -> None:
    """Refuse numbers and text as truth values, and UNION of different families."""
    if isinstance(node, (exp.Where, exp.Having, exp.And, exp.Or, exp.Not)):
        for part in (node.this, node.args.get("expression")):
            if isinstance(part, exp.Expr) and _family(part) not in ("", "boolean"):
                raise BadSql(f"{_shown(part)} is not a boolean")
    if isinstance(node, exp.SetOperation):
        for left, right in zip(node.left.selects, node.right.selects, strict=False):
            if len({_family(left), _family(right)} - {""}) > 1:
                raise BadSql(f"{type(node).__name__.upper()} of {_family(left)} and "
                             f"{_family(right)} in one column; Athena wants a CAST")  # fmt: skip


def _check_aliases(tree: exp.Query) -> None:
    """Refuse an output name in GROUP BY, WHERE or HAVING; needs a qualified tree."""
    for select in tree.find_all(exp.Select):
        names = {item.alias for item in select.expressions if isinstance(item, exp.Alias)}
        for clause in ("GROUP BY", "WHERE", "HAVING"):
            for column in _own_columns(select.args.get(clause.lower().partition(" ")[0])):
                if not column.table and column.name in names:
                    raise BadSql(
                        f"Athena does not see the alias {column.name} in {clause}; "
                        "repeat the expression"
                    )


def _own_columns(clause: exp.Expr | None) -> Iterator[exp.Column]:
    """The columns of a clause, without those of subqueries in it."""
    for node in clause.walk(prune=lambda n: isinstance(n, exp.Query)) if clause else ():
        if isinstance(node, exp.Column):
            yield node


# ---- rewriting ---------------------------------------------------------------------------


def _call(name: str, *args: object) -> exp.Anonymous:
    parts = [arg if isinstance(arg, exp.Expr) else exp.convert(arg) for arg in args]
    return exp.Anonymous(this=name, expressions=parts)


def _wrap(node: exp.Expr, name: str, *more: exp.Expr) -> None:
    """Put ``name(node, *more)`` in the place of ``node``, which stays the same object."""
    call = _call(name)
    node.replace(call)
    call.set("expressions", [node, *more])


def _text_of(name: str, node: exp.Expr) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise BadSql(f"{name}() is only translated with a literal here, not {_shown(node)}")
    return str(node.this)


def _table(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


MYSQL_DATES = _table(
    """a=%a b=%b c=%-m d=%d e=%-d f=%f H=%H h=%I I=%I i=%M j=%j k=%-H l=%-I M=%B m=%m p=%p S=%S
    s=%S T=%H:%M:%S v=%V W=%A x=%G Y=%Y y=%y %=%%"""
) | {"r": "%I:%M:%S %p"}
JODA_DATES = _table(
    """yyyy=%Y yy=%y YYYY=%Y y=%Y MMMM=%B MMM=%b MM=%m M=%-m dd=%d d=%-d HH=%H H=%-H hh=%I h=%-I
    mm=%M m=%-M ss=%S s=%-S SSS=%g a=%p EEEE=%A EEE=%a EE=%a E=%a DDD=%j Z=%z xxxx=%G ww=%V"""
)


def _mysql(name: str, fmt: str) -> str:
    """A date_format pattern as strftime's."""

    def one(match: re.Match[str]) -> str:
        if match[1] not in MYSQL_DATES:
            raise BadSql(f"{name}(): %{match[1]} is not translated for DuckDB")
        return MYSQL_DATES[match[1]]

    return re.sub(r"%(.?)", one, fmt, flags=re.DOTALL)


def _joda(name: str, fmt: str) -> str:
    """A format_datetime pattern as strftime's."""

    def one(match: re.Match[str]) -> str:
        if match[2] is None:
            return (match[1] or "'" if match[0].startswith("'") else match[0]).replace("%", "%%")
        if match[2] not in JODA_DATES or (match[2] == "Z" and name == "format_datetime"):
            raise BadSql(f"{name}(): {match[2]} is not translated for DuckDB")
        return JODA_DATES[match[2]]

    return re.sub(r"'([^']*)'|(([a-zA-Z])\3*)|.", one, fmt, flags=re.DOTALL)


def _dated(name: str, to: str, read: Callable[[str, str], str]) -> Rule:
    return lambda args: _call(to, args[0], read(name, _text_of(name, args[1])))


def _replaced(args: list[exp.Expr]) -> exp.Expr:
    """regexp_replace: Java's $1 and \\$ as RE2's \\1 and $, and all matches."""
    java = _text_of("regexp_replace", args[2]) if len(args) > 2 else ""
    if re.search(r"\$(?!\d)(?<!\\\$)", java):
        raise BadSql("regexp_replace(): only $1 to $9 are translated for DuckDB")
    steps = re.sub(r"\\(.)|\$(\d)|(\\)", lambda m: f"\\{m[2]}" if m[2] else
                   "\\\\" if m[1] == "\\" or m[3] else m[1], java)  # fmt: skip
    return _call("regexp_replace", args[0], args[1], steps, "g")


def _formatted(args: list[exp.Expr]) -> exp.Expr:
    """format(): each of Java's conversions by itself, joined with ||."""
    java, values, parts = _text_of("format", args[0]), iter(args[1:]), []
    for text, spec in re.findall(r"([^%]+)|(%(?:%|[^a-zA-Z%]*[a-zA-Z]))", java):
        if text or spec in ("%%", "%n"):
            parts.append(exp.convert(text or spec[1:].replace("n", "\n")))
        else:
            parts.append(_conversion(spec, next(values, None)))
    return _joined(parts)


def _joined(parts: list[exp.Expr]) -> exp.Expr:
    whole = exp.convert("")
    for part in parts:
        whole = exp.DPipe(this=whole, expression=part)
    return exp.Paren(this=whole)


def _conversion(spec: str, value: exp.Expr | None) -> exp.Expr:
    match = re.fullmatch(r"%(-?)([0,]*)(\d*)(?:\.(\d+))?([sdfxb])", spec)
    if match is None or value is None:
        raise BadSql(f"format(): {spec} is not translated for DuckDB, or has no value")
    left, flags, width, digits, kind = match.groups()
    if kind in "sb":
        made: exp.Expr = _call("af_varchar", value)
    elif kind == "f":
        number = _call("round", exp.cast(value, "double"), int(digits or 6))
        made = _call("format", f"{{:{',' * (',' in flags)}.{digits or 6}f}}", number)
    else:
        made = _call("format", f"{{:{',' if ',' in flags else kind}}}", value)
    made = _call("coalesce", made, "null")
    if not width:
        return made
    pad = "0" if "0" in flags else " "
    longest = exp.cast(_call("greatest", int(width), _call("length", made.copy())), "int")
    return _call("rpad" if left else "lpad", made, longest, pad)


def _json_path(name: str) -> Rule:
    def rule(args: list[exp.Expr]) -> exp.Expr:
        path = _text_of(name, args[1])
        if not re.fullmatch(r"""\$(\.\w+|\[\d+\]|\[["'][^"'\]]*["']\])*""", path):
            raise BadSql(f"{name}(): the path {path} is not translated for DuckDB")
        path = re.sub(r"""\[["']([^"'\]]*)["']\]""", r'."\1"', path)
        return _call("af__json_scalar" if name.endswith("scalar") else "af__json", args[0], path)

    return rule


def _sequence(args: list[exp.Expr]) -> exp.Expr:
    """sequence() of numbers, or of dates and timestamps where a part shows that."""
    first, last, *step = args
    if (step and step[0].find(exp.Interval)) or "date or time" in map(_family, args[:2]):
        return _call("af__days", first, last, *(step or [exp.Interval(
            this=exp.Literal.string("1"), unit=exp.var("DAY"))]))  # fmt: skip
    back = exp.Case().when(exp.GT(this=first.copy(), expression=last.copy()), "-1").else_("1")
    return _call("af__sequence", first, last, *(step or [back]))


def _contains(args: list[exp.Expr]) -> exp.Expr:
    """contains(network, address) or contains(array, element)."""
    network = _family(args[0]) == "text" or _family(args[1]) == "IP address"
    if not network:
        return _call("af__list_has", *args)
    return _call("af__in_net", args[0], _ip(_call("split_part", args[0].copy(), "/", 1)), args[1])


def _ip(value: exp.Expr) -> exp.Expr:
    return _call("af__known_ip", _call("af__try_ip", value), value.copy())


def _reduced(args: list[exp.Expr]) -> exp.Expr:
    start, step, finish = args[1:]
    if finish.this.sql() != finish.expressions[0].sql():
        raise BadSql("reduce() is only translated with s -> s at its end")
    return _call("list_reduce", args[0], step, start)


def _pairs(args: list[exp.Expr]) -> exp.Expr:
    """The rows of map_agg; ``_type_aggregates`` makes them a map, outside FILTER and OVER."""
    call = _call("array_agg", _call("row", *args))
    call.meta["map_agg"] = True
    return call


def _array_join(args: list[exp.Expr]) -> exp.Expr:
    """array_join skips NULL, or puts its third argument there."""
    item = _call("af_varchar", exp.column("e"))
    item = _call("coalesce", item, args[2]) if len(args) > 2 else item
    texts = exp.Lambda(this=item, expressions=[exp.to_identifier("e")])
    return _call("array_to_string", _call("list_transform", args[0], texts), args[1])


def _from_unixtime(args: list[exp.Expr]) -> exp.Expr:
    instant = _call("af_from_unixtime", args[0])
    return _zoned(exp.AtTimeZone(this=instant, zone=args[1])) if args[1:] else instant


CALLS: dict[str, Rule] = {
    "date_format": _dated("date_format", "strftime", _mysql),
    "date_parse": _dated("date_parse", "strptime", _mysql),
    "format_datetime": _dated("format_datetime", "strftime", _joda),
    "parse_datetime": lambda args: exp.cast(
        _dated("parse_datetime", "strptime", _joda)(args), "timestamptz"),
    "regexp_replace": _replaced,
    "format": _formatted,
    "json_extract": _json_path("json_extract"),
    "json_extract_scalar": _json_path("json_extract_scalar"),
    "sequence": _sequence,
    "contains": _contains,
    "reduce": _reduced,
    "cardinality": lambda args: exp.cast(_call("cardinality", *args), "bigint"),
    "map_agg": _pairs,
    "md5": lambda args: _call("from_hex", _call("md5", *args)),
    "sha1": lambda args: _call("from_hex", _call("sha1", *args)),
    "sha256": lambda args: _call("from_hex", _call("sha256", *args)),
    "date": lambda args: exp.cast(args[0], "date"),
    "from_iso8601_date": lambda args: exp.cast(args[0], "date"),
    "from_iso8601_timestamp": lambda args: exp.cast(args[0], "timestamptz"),
    "json_parse": lambda args: exp.cast(args[0], "json"),
    "e": lambda args: _call("exp", 1),
    "nan": lambda args: exp.cast(exp.convert("nan"), "double"),
    "infinity": lambda args: exp.cast(exp.convert("inf"), "double"),
    "current_timezone": lambda args: exp.convert("UTC"),
    "bitwise_and": lambda args: exp.Paren(
        this=exp.BitwiseAnd(this=args[0], expression=args[1])),
    "bitwise_or": lambda args: exp.Paren(
        this=exp.BitwiseOr(this=args[0], expression=args[1])),
    "bitwise_not": lambda args: exp.BitwiseNot(this=exp.Paren(this=args[0])),
    "array_sort": lambda args: _call("list_sort", args[0], "ASC", "NULLS LAST"),
    "to_iso8601": lambda args: _call(
        "replace", _call("replace", _call("af_varchar", *args), " UTC", "Z"), " ", "T"),
    "array_join": _array_join,
    "at_timezone": lambda args: _zoned(exp.AtTimeZone(this=args[0], zone=args[1])),
    "from_unixtime": _from_unixtime,
    "set_agg": lambda args: _call("array_agg", exp.Distinct(expressions=args)),
}  # fmt: skip
"""Functions whose arguments say how they are translated."""

for _counts, _names in {
    (0,): "e nan infinity current_timezone",
    (1,): """cardinality set_agg md5 sha1 sha256 date from_iso8601_date from_iso8601_timestamp
    json_parse bitwise_not array_sort to_iso8601""",
    (2,): """date_format date_parse format_datetime parse_datetime json_extract
    json_extract_scalar contains map_agg bitwise_and bitwise_or at_timezone""",
    (1, 2): "from_unixtime",
    (2, 3): "regexp_replace sequence array_join",
    (4,): "reduce",
    tuple(range(1, 100)): "format",
}.items():
    ARITIES.update(dict.fromkeys(_names.split(), set(_counts)))


def _cast(node: exp.Expr) -> exp.Expr:
    """CAST and TRY_CAST: integers, text, timestamps and addresses need Trino's rules."""
    to, tries, value = node.args["to"], isinstance(node, exp.TryCast), node.this
    kind = to.this.name.lower()
    if kind in _CASTS:
        return _call(f"af__try_{_CASTS[kind]}" if tries else f"af_{_CASTS[kind]}", value)
    if kind in ("varchar", "text"):
        size = to.expressions[0].name if to.expressions else ""
        text = _call("af_varchar", value)
        return _call("left", text, int(size)) if size else text
    if kind == "ipaddress":
        return _call("af__try_ip", value) if tries else _ip(value)
    if kind == "json":
        return _call("to_json", value)
    if kind in ("timestamp", "timestamptz"):
        to.set("expressions", None)
        if value.is_string:
            value.set("this", re.sub(r" (?=[+-]\d)", "", value.name))
    return node


_CASTS = {"int": "integer"} | {name: name for name in INTEGERS if name != "integer"}


def _gap(node: exp.Expr) -> exp.Expr:
    """date + interval stays a date; nothing else changes."""
    left, right = node.this, node.expression
    name = "af__plus" if isinstance(node, exp.Add) else "af__minus"
    if isinstance(right.unnest(), (exp.Interval, exp.Mul)) and right.find(exp.Interval):
        return _call(name, left, exp.Paren(this=right))
    if isinstance(left.unnest(), exp.Interval) and isinstance(node, exp.Add):
        return _call(name, right, left)
    return node


def _named(node: exp.Expr) -> exp.Expr:
    """A call by name: rewritten, renamed or a macro."""
    name, args = node.name.lower(), node.expressions
    if name.startswith("af_"):
        return node
    if name in CALLS:
        return CALLS[name](args)
    if name in LAMBDA_LISTS:
        return _call(LAMBDA_LISTS[name], _call("list_transform", *args))
    return _call(NATIVE.get(name, f"af_{name}"), *args)


def _extracted(node: exp.Expr) -> exp.Expr:
    """EXTRACT(unit FROM x) is the function of the unit's name."""
    unit = {"dayofweek": "dow", "dayofyear": "doy"}.get(node.this.name.lower(), node.this.name)
    call = _call(unit.lower(), node.expression)
    _check_node(call)
    return _named(call)


def _zoned(node: exp.Expr) -> exp.Expr:
    zone = node.args["zone"]
    if zone.is_string and zone.name.upper() == "UTC":
        return exp.cast(node.this, "timestamptz")
    return _call("af_at_timezone", node.this, zone)


def _trimmed(node: exp.Expr) -> exp.Expr:
    if node.args.get("expression") is None:
        node.set("expression", exp.convert(" \t\n\x0b\x0c\r"))
    return node


def _best(node: exp.Expr) -> exp.Expr:
    """max_by keeps a NULL of the best row, as arg_max_null does; with n there is no such."""
    name = "arg_max" if isinstance(node, exp.ArgMax) else "arg_min"
    count = node.args.get("count")
    more = [count] if count is not None else []
    return _call(name if more else f"{name}_null", node.this, node.expression, *more)


def _unnested(node: exp.Expr) -> exp.Expr:
    """UNNEST of several arrays, a map (it has two columns) or rows: a lateral subquery."""
    arrays, alias, ordinal = node.expressions, node.args.get("alias"), node.args.get("offset")
    width = len(alias.columns) if alias is not None else 1
    if len(arrays) == 1 and width < 2:
        return node
    items: list[exp.Expr] = [_call("unnest", array) for array in arrays]
    if len(arrays) == 1 and width == 2 and not arrays[0].is_type("array"):
        items = [_call("unnest", _call(f, arrays[0].copy())) for f in ("map_keys", "map_values")]
    elif len(arrays) == 1:
        depth = exp.PropertyEQ(this=exp.to_identifier("max_depth"), expression=exp.convert(2))
        items = [_call("unnest", arrays[0], depth)]
    if isinstance(ordinal, exp.Expr) and alias is not None:
        sizes = [CALLS["cardinality"]([array.copy()]) for array in arrays]
        end = exp.Add(this=_call("greatest", *sizes), expression=exp.convert(1))
        items.append(_call("unnest", _call("range", 1, end)))
        alias.append("columns", ordinal)
    return exp.Subquery(this=exp.Select(expressions=items), alias=alias)


_SUBSTRING = ("this", "start", "length")
RULES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Anonymous: _named,
    exp.Div: lambda n: _call("af__div", n.this, n.expression),
    exp.Add: _gap,
    exp.Sub: _gap,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Bracket: lambda n: _call("af__at", n.this, *n.expressions),
    exp.Ceil: lambda n: _call("af__ceil", n.this),
    exp.Floor: lambda n: _call("af__floor", n.this),
    exp.Substring: lambda n: _call("af_substr", *filter(None, map(n.args.get, _SUBSTRING))),
    exp.Extract: _extracted,
    exp.AtTimeZone: _zoned,
    exp.Trim: _trimmed,
    exp.ApproxDistinct: lambda n: exp.Count(this=exp.Distinct(expressions=[n.this])),
    exp.ApproxQuantile: lambda n: _call("quantile_disc", n.this, n.args["quantile"]),
    exp.CountIf: lambda n: exp.Count(this=exp.Case().when(n.this.copy(), "1")),
    exp.ArgMax: _best,
    exp.ArgMin: _best,
    exp.Struct: lambda n: _call("row", *n.expressions),
    exp.Unnest: _unnested,
}


def _outermost(node: exp.Expr) -> exp.Expr:
    """The whole of an aggregate: with its FILTER, IGNORE NULLS and OVER."""
    while isinstance(node.parent, (exp.Filter, exp.Window, exp.IgnoreNulls)) and (
        node.arg_key == "this"
    ):
        node = node.parent
    return node


def _type_aggregates(tree: exp.Query) -> None:
    """sum of integers is a bigint, avg of decimals is rounded, map_agg makes a map."""
    for node in list(tree.find_all(exp.Sum, exp.Avg, exp.Anonymous)):
        whole = _outermost(node)
        if isinstance(node, exp.Anonymous):
            if node.meta.get("map_agg"):
                _wrap(whole, "af__map")
            continue
        node.meta["sample"] = True
        sample = whole.copy()
        inner = next(n for n in sample.walk() if n.meta.get("sample"))
        node.meta.pop("sample")
        most = exp.Max(this=inner.this)
        sample = most if inner is sample else (inner.replace(most), sample)[1]
        _wrap(whole, "af__sum" if isinstance(node, exp.Sum) else "af__avg", sample)


def _unwrap_tries(tree: exp.Query) -> None:
    """TRY around aggregates, which DuckDB forbids: the division and casts in it turn NULL."""
    for node in list(tree.find_all(exp.Try)):
        if not node.find(exp.AggFunc, exp.Window):
            continue
        for inner in list(node.this.walk()):
            if isinstance(inner, exp.Div):
                inner.replace(_call("af__try_div", inner.this, inner.expression))
            elif type(inner) is exp.Cast:
                inner.replace(exp.TryCast(this=inner.this, to=inner.to))
            elif isinstance(inner, exp.Anonymous) and inner.name.lower() not in NATIVE:
                raise BadSql(f"TRY with {inner.name}() of aggregates is not translated for DuckDB")
        node.replace(exp.Paren(this=node.this))


def _name_columns(select: exp.Select) -> None:
    """``_col0``, ``_col1`` ... by position for what has no name of its own."""
    star = False
    for place, item in enumerate(select.expressions):
        if item.is_star:
            star = True
        elif isinstance(item, exp.Dot):
            item.replace(exp.alias_(item.copy(), item.name))
        elif not isinstance(item, (exp.Alias, exp.Column)):
            if star:
                raise BadSql(f"name the column after *: {_shown(item)} AS ...")
            item.replace(exp.alias_(item.copy(), f"_col{place}"))


def _shield_names(select: exp.Select) -> None:
    """Point a column at its one table where DuckDB would else see an alias of that name."""
    source = select.args.get("from_")
    if source is None or select.args.get("joins") or not source.this.alias_or_name:
        return
    names = {item.alias for item in select.expressions if isinstance(item, exp.Alias)}
    clauses = [*select.expressions, *map(select.args.get, ("where", "group", "having"))]
    for column in [c for clause in clauses for c in _own_columns(clause)]:
        if not column.table and column.name in names:
            column.set("table", exp.to_identifier(source.this.alias_or_name))


def _rewrite(tree: exp.Query) -> None:
    for name in tree.find_all(exp.Identifier):
        name.set("this", name.this.lower())
    for select in list(tree.find_all(exp.Select)):
        _name_columns(select)
        _shield_names(select)
    _unwrap_tries(tree)
    for node in reversed(list(tree.dfs())):
        if (rule := RULES.get(type(node))) and (new := rule(node)) is not node:
            node.replace(new)
    _type_aggregates(tree)


_SURPRISES = (AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What sqlglot's untyped trees raise for text such as ``ceil()`` that its parser let pass."""


def to_duckdb(sql: str, schema: Schema | None = None) -> str:
    """One Athena SELECT as a DuckDB statement of the same meaning, for after ``SETUP``.

    With ``schema`` the types of columns are known, and more of what Athena refuses is
    refused here. Raises BadSql with the reason.
    """
    tree = _parse(sql)
    try:
        _check_types(_typed(tree, schema or {}))
        annotate_types(tree, expression_metadata=_METADATA, dialect=_AthenaDml)
        addresses = any(kind.this == exp.DType.IPADDRESS for kind in tree.find_all(exp.DataType))
        _rewrite(tree)
        text = tree.sql("duckdb", identify=True, normalize_functions=False,
                        unsupported_level=ErrorLevel.RAISE)  # fmt: skip
    except (SqlglotError, *_SURPRISES) as error:
        raise BadSql(f"this is not translated for DuckDB: {_first_line(error)}") from None
    return f"SELECT af__out(COLUMNS(*)) FROM ({text})" if addresses else text
