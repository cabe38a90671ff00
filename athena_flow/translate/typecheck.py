"""The types of expressions, and the refusal of what Athena would not compare.

Athena casts next to nothing by itself, where DuckDB casts in silence and has an answer. Only
families of types are compared: within one of them both engines agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from athena_flow.errors import BadSql
from athena_flow.translate.grammar import AthenaDml, shown

Schema: TypeAlias = Mapping[str, Mapping[str, str]]
"""Table (``name`` or ``db.name``) -> column -> Athena type."""

_FAMILIES = {
    "text": "VARCHAR TEXT CHAR", "boolean": "BOOLEAN", "IP address": "IPADDRESS UINT128",
    "number": "TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL",
    "date or time": "DATE TIMESTAMP TIMESTAMPTZ TIMESTAMPNTZ", "interval": "INTERVAL",
}  # fmt: skip
_FAMILY = {name: family for family, names in _FAMILIES.items() for name in names.split()}

_RETURNS = {
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
_RETURN = {name: kind for kind, names in _RETURNS.items() for name in names.split()}
_SAME_AS = {"date_trunc": 1, "date_add": 2, "abs": 0, "round": 0, "arbitrary": 0}
"""Function -> which of its arguments has the type of its value."""


def _annotate_call(annotator: object, node: exp.Expr) -> exp.Expr:
    """Give an ``Anonymous`` call the type that Athena's function of that name returns."""
    name, args = node.name.lower(), node.expressions
    if name in _SAME_AS and len(args) > _SAME_AS[name]:
        node.type = args[_SAME_AS[name]].type
    else:
        node.type = exp.DataType.build(_RETURN.get(name, "UNKNOWN"))
    return node


_METADATA = {**AthenaDml.EXPRESSION_METADATA, exp.Anonymous: {"annotator": _annotate_call}}


def _typed(tree: exp.Query, schema: Schema) -> exp.Query:
    """A copy of ``tree`` that knows its types; columns only if the schema has all tables."""
    copy = tree.copy()
    found = {
        name.lower(): {column.lower(): kind for column, kind in columns.items()}
        for name, columns in schema.items()
    }
    short = {name.rpartition(".")[2]: name for name in found}
    ctes = {cte.alias_or_name.lower() for cte in copy.find_all(exp.CTE)}
    whole = True
    for table in list(copy.find_all(exp.Table)):
        db, name = table.db.lower(), table.name.lower()
        if not db and name in ctes:
            continue
        full = ".".join(filter(None, (db, name)))
        key = full if full in found else short.get(name, "")
        whole = whole and bool(key)
        alias = table.alias_or_name
        table.replace(exp.table_(exp.to_identifier(key or full, quoted=True), alias=alias))
    nested: dict[str, object] = {f'"{name}"': columns for name, columns in found.items()}
    if whole:
        copy = qualify(copy, dialect=AthenaDml, schema=nested, expand_alias_refs=False,
                       validate_qualify_columns=False)  # fmt: skip
        _check_aliases(copy)
    return annotate(copy, nested)


def annotate(tree: exp.Query, columns: dict[str, object] | None = None) -> exp.Query:
    """Give the expressions in ``tree`` their types, as far as they are known."""
    return annotate_types(tree, columns, expression_metadata=_METADATA, dialect=AthenaDml)


def family(node: object) -> str:
    """The family of an annotated expression's type; empty if that is not known."""
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


def check_types(tree: exp.Query, schema: Schema) -> None:
    """Refuse what Athena refuses and DuckDB would cast in silence."""
    for node in _typed(tree, schema).walk():
        _check_mixture(node)
        _check_truths(node)
        _check_columns(node)
        _check_operators(node)


def _check_mixture(node: exp.Expr) -> None:
    families = dict.fromkeys(family(part) for part in _operands(node))
    families.pop("", None)
    if len(families) > 1 and not isinstance(node.parent, exp.Case):
        raise BadSql(f"{' and '.join(families)} do not mix in {shown(node)}; Athena wants a CAST")


def _check_truths(node: exp.Expr) -> None:
    """Refuse numbers and text as truth values."""
    if isinstance(node, (exp.Where, exp.Having, exp.And, exp.Or, exp.Not)):
        for part in (node.this, node.args.get("expression")):
            if isinstance(part, exp.Expr) and family(part) not in ("", "boolean"):
                raise BadSql(f"{shown(part)} is not a boolean")


def _check_columns(node: exp.Expr) -> None:
    """Refuse UNION of different families."""
    if isinstance(node, exp.SetOperation):
        for left, right in zip(node.left.selects, node.right.selects, strict=False):
            if len({family(left), family(right)} - {""}) > 1:
                raise BadSql(f"{type(node).__name__.upper()} of {family(left)} and "
                             f"{family(right)} in one column; Athena wants a CAST")  # fmt: skip


def _check_operators(node: exp.Expr) -> None:
    """Refuse arithmetic on text, the difference of two dates, and text joined to no text."""
    sides = [family(part) for part in (node.args.get("this"), node.args.get("expression"))]
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)) and "text" in sides:
        raise BadSql(f"arithmetic on text needs a CAST in Athena: {shown(node)}")
    if isinstance(node, exp.Sub) and sides == ["date or time"] * 2:
        raise BadSql(f"write date_diff(unit, from, to) for {shown(node)}")
    joined = sides if isinstance(node, exp.DPipe) else []
    if isinstance(node, exp.Concat):
        joined = [family(part) for part in node.expressions]
    if any(side not in ("", "text") for side in joined):
        raise BadSql(f"only text can be joined to text in Athena: {shown(node)}")


def _check_aliases(tree: exp.Query) -> None:
    """Refuse an output name in GROUP BY, WHERE or HAVING; needs a qualified tree.

    There each column is named after itself: such a name means the column.
    """
    for select in list(tree.find_all(exp.Select)):
        items = {item.alias: item.this for item in select.selects if isinstance(item, exp.Alias)}
        for clause in ("GROUP BY", "WHERE", "HAVING"):
            for column in list(own_columns(select.args.get(clause.lower().partition(" ")[0]))):
                if column.table or column.name not in items:
                    continue
                item = items[column.name]
                if not isinstance(item, exp.Column) or item.name != column.name:
                    raise BadSql(
                        f"Athena does not see the alias {column.name} in {clause}; "
                        "repeat the expression"
                    )
                column.replace(item.copy())


def own_columns(clause: exp.Expr | None) -> Iterator[exp.Column]:
    """The columns of a clause, without those of subqueries in it."""
    for node in clause.walk(prune=lambda n: isinstance(n, exp.Query)) if clause else ():
        if isinstance(node, exp.Column):
            yield node
