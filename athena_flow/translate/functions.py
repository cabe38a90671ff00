"""Which of Athena's functions are known, and which way each of them is translated."""

from __future__ import annotations

from athena_flow.translate.macros import macro_arities


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PARSED = words(
    """count sum avg min max count_if arbitrary any_value array_agg approx_distinct
    approx_percentile coalesce nullif if try greatest least concat filter transform map row
    first_value last_value nth_value lag lead ntile row_number substr substring mod max_by
    min_by listagg trim position extract ceil ceiling floor"""
)
"""Functions that sqlglot parses to a node of its own and writes rightly for DuckDB."""

NATIVE = {
    name: name
    for name in words(
        """abs exp ln log log2 log10 sqrt cbrt power pow pi degrees radians sin cos tan asin acos
        atan atan2 round rank dense_rank percent_rank cume_dist stddev stddev_samp stddev_pop
        variance var_samp var_pop corr covar_pop covar_samp bool_and bool_or lower upper length
        translate lpad rpad chr starts_with concat_ws reverse year month day hour minute second
        quarter map_keys map_values map_entries grouping flatten from_hex to_base64 from_base64
        now histogram regexp_extract_all"""
    )
} | {
    "every": "bool_and", "truncate": "trunc", "codepoint": "unicode", "strpos": "instr",
    "is_nan": "isnan", "is_infinite": "isinf", "is_finite": "isfinite", "to_hex": "hex",
    "day_of_month": "day", "day_of_year": "dayofyear", "doy": "dayofyear",
    "week": "weekofyear", "week_of_year": "weekofyear", "year_of_week": "isoyear",
    "yow": "isoyear", "day_of_week": "isodow", "dow": "isodow", "last_day_of_month": "last_day",
    "regexp_like": "regexp_matches", "regexp_split": "regexp_split_to_array",
    "levenshtein_distance": "levenshtein",
    "from_utf8": "decode", "to_utf8": "encode", "zip": "list_zip",
    "bitwise_and_agg": "bit_and", "bitwise_or_agg": "bit_or",
    "to_unixtime": "epoch", "bitwise_xor": "xor",
}  # fmt: skip
"""Athena function -> the DuckDB function of the same meaning and arguments."""

LAMBDA_LISTS = {"any_match": "af__any", "all_match": "af__all", "none_match": "af__none"}
"""Functions of an array and a predicate -> the macro that takes the predicate's values."""

ARITIES = macro_arities() | {
    name: set(counts)
    for names, counts in (
        ("e nan infinity current_timezone", [0]),
        ("""cardinality set_agg md5 sha1 sha256 date from_iso8601_date from_iso8601_timestamp
         json_parse bitwise_not array_sort to_iso8601""", [1]),
        ("""date_format date_parse format_datetime parse_datetime json_extract
         json_extract_scalar contains map_agg bitwise_and bitwise_or at_timezone""", [2]),
        ("from_unixtime", [1, 2]),
        ("regexp_replace sequence array_join", [2, 3]),
        ("reduce", [4]),
        ("format", range(1, 100)),
    )
    for name in names.split()
}  # fmt: skip
"""How many arguments a function takes that is a macro or rewritten in ``calls``."""
