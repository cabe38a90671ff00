"""Log formats: what people have in hand <-> the ordered fields of a flow log.

People have AWS's ``${version} ${srcaddr}`` with Terraform's, a shell's or YAML's own
marks around it, a list of strings, a metric filter, the header line of a file, or the
attributes of a flow log. Each is reduced to names; names are checked against the table of
fields, all at once. Columns of a text table are positional, so order is kept and nothing is
guessed or left out.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from athena_flow.errors import BadFormat, UnknownField
from athena_flow.fields import BY_NAME, LABEL, NAMES, TGW_DEFAULT, VPC_DEFAULT, Field, Kind
from athena_flow.names import field_of_column
from athena_flow.pasted import ASK_FOR_ONE, entries, plain, unwrapped

PRESETS = {"default": VPC_DEFAULT, "default-tgw": TGW_DEFAULT}
"""Names that stand for a whole format: AWS's defaults for VPC and Transit Gateway logs."""

_HOW = "write 'default', '${version} ${srcaddr} ...' (a shell wants single quotes) or a header line"

_PLACEHOLDER = re.compile(r"\$+\{!?([^{}]*)\}")
_WRAPPING = re.compile(
    r"""join\s*\(\s*["'] ["']\s*,|(?:chomp|trimspace)\s*\(|(?:!|Fn::)(?:Sub|Join)\b:?"""
    r"""|^\s*[>|][0-9+-]*(?=\s)|[\[\](){}"'`,]"""
)
_FILTER_TERM = re.compile(r"""\s*["']?([^\s"'=<>!]+)["']?\s*(?:[=<>!].*)?""", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_LIKE_A_FIELD = re.compile(r"[a-z][a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_QUOTES = "`\"'"
_BARE = {name.replace("-", ""): name for name in sorted(NAMES)}
_SHORTENED = (("source", "src"), ("dest(ination)?", "dst"), ("(address|ip)$", "addr"))
"""Words of other people's names, as AWS shortens them."""
ALIKE = 0.5
"""How like a field an unknown name must be, of 1, to be told it: ``windowend`` and ``end``."""
_TAILS = frozenset(name.partition("-")[2] for name in NAMES if "-" in name)
"""What a shell makes of ``"${account-id}"``: the value of ``account``, or ``id`` without one."""


@dataclass(frozen=True, slots=True)
class LogFormat:
    """The fields of one flow log, in the order in which its records hold them."""

    fields: tuple[Field, ...]

    @property
    def text(self) -> str:
        """AWS's spelling, as the API takes it: ``${version} ${account-id} ...``."""
        return " ".join(f"${{{f.name}}}" for f in self.fields)

    @property
    def header(self) -> str:
        """The first line of a delivered text file: ``version account-id ...``."""
        return " ".join(f.name for f in self.fields)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f.column for f in self.fields)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Whose flow logs have these fields, VPC first; both for a Parquet table over both."""
        return tuple(k for k in LABEL if any(f.kind == k for f in self.fields)) or ("vpc",)

    @property
    def kind(self) -> Kind | Literal["vpc+tgw"]:
        """The kinds in one word, for scripts."""
        return "vpc+tgw" if len(self.kinds) > 1 else self.kinds[0]

    @property
    def kind_title(self) -> str:
        """The kinds for people: ``VPC``, ``VPC and Transit Gateway``."""
        return " and ".join(LABEL[kind] for kind in self.kinds)

    def __contains__(self, column: object) -> bool:
        return any(f.column == column for f in self.fields)


DEFAULT = LogFormat(VPC_DEFAULT)


def parse_format(text: str, *, allow_unknown: bool = False) -> LogFormat:
    """Reads a format as people have it; a preset's name stands for the preset.

    Of attributes that describe a flow log (the JSON of DescribeFlowLogs, a template), only
    the format is read. ``allow_unknown`` keeps a field that AWS may have added since as a
    string column in its place. Raises BadFormat for text that is no format, UnknownField for
    names that AWS does not have and for repeated ones, all of them in one message.
    """
    described = entries(text)
    if described is None:
        return _read(text, allow_unknown)
    ids: dict[LogFormat, list[str]] = {}
    for entry in described:
        log_format = _read(entry["LogFormat"], allow_unknown)
        ids.setdefault(log_format, []).append(str(entry.get("FlowLogId", "?")))
    return only_format(ids)


def only_format(found: Mapping[LogFormat, Sequence[str]]) -> LogFormat:
    """The format of an answer, by the ids of the flow logs that have it. Raises BadFormat."""
    if len(found) != 1:
        listed = "; ".join(", ".join(ids) for ids in found.values())
        raise BadFormat(
            f"log format: the answer holds {len(found)} formats, those of {listed}",
            hint=ASK_FOR_ONE,
        )
    return next(iter(found))


def _read(text: str, allow_unknown: bool) -> LogFormat:
    text = unwrapped(plain(text))
    preset = PRESETS.get(text.strip().strip(_QUOTES).lower())
    if preset:
        return LogFormat(preset)
    return from_names(_names(text), allow_unknown=allow_unknown, any_case=True)


def is_header(line: str) -> bool:
    """Is this line a header rather than a record? Names of fields, and at least one known.

    By content, not by position: a record holds addresses, numbers and ``-``, and none of
    the words of a header except where a field's value happens to be one.
    """
    words = line.split(" ")
    known = sum(word in NAMES for word in words)
    return known > 0 and known * 2 >= len(words)


def is_json(line: str) -> bool:
    """Is it the begin of another kind of log, such as CloudTrail's?"""
    return line.lstrip().startswith(("{", "["))


_DEFAULT_RECORD = re.compile(
    r"\d+ (?:\d{1,12}|unknown) \S+ (?:\S+ ){7}\d+ \d+ \S+ (?:OK|NODATA|SKIPDATA)", re.ASCII
)


def format_of(first_line: str, table: LogFormat) -> LogFormat:
    """The format of a text file, by its first line.

    A header says it, also when it names fields newer than this package. A file without one
    is in the table's format, or in the default format when it has that shape and the
    table's it cannot have.
    """
    if is_header(first_line):
        return header_format(first_line)
    fits_table = len(first_line.split(" ")) == len(table.fields)
    return DEFAULT if has_default_shape(first_line) and not fits_table else table


def is_told(first_line: str, wanted: LogFormat | None) -> bool:
    """Is the format of a text file no guess: by its header, its user's word, or its shape?"""
    return wanted is not None or is_header(first_line) or has_default_shape(first_line)


def header_format(line: str) -> LogFormat:
    """The format that a header line says; a field newer than this package is kept in its place.

    Raises BadFormat, also for fields of both kinds, and UnknownField for repeated ones.
    """
    log_format = from_names(line.split(), allow_unknown=True, any_case=True)
    check_one_kind(log_format)
    return log_format


def check_one_kind(log_format: LogFormat) -> None:
    """Raises BadFormat for what no text log holds: VPC and Transit Gateway fields together."""
    if len(log_format.kinds) > 1:
        own = {kind: [f.name for f in log_format.fields if _only(f, kind)] for kind in LABEL}
        raise BadFormat(
            "a log holds VPC fields or Transit Gateway fields, not both:"
            f" {', '.join(own['vpc'])} against {', '.join(own['tgw'])}",
            hint="a Parquet table is read by name and may have both: --file-type parquet",
        )


def has_default_shape(line: str) -> bool:
    """Does a record look like one of the default format?"""
    return _DEFAULT_RECORD.fullmatch(line) is not None


def union(formats: Iterable[LogFormat]) -> LogFormat:
    """Every field of several formats once, in the order of first appearance."""
    by_column: dict[str, str] = {}
    for row in (row for fmt in formats for row in fmt.fields):
        by_column.setdefault(row.column, row.name)
    return LogFormat(_resolve(list(by_column.values())))


def from_names(
    names: Sequence[str], *, allow_unknown: bool = False, any_case: bool = False
) -> LogFormat:
    """A format from names in order; underscores stand for AWS's hyphens. Raises as parse_format.

    ``any_case`` is for names that people wrote. Those of Parquet columns are looked up in
    files again, and stay as they are.
    """
    if not names:
        raise BadFormat("the log format is empty", hint=_HOW)
    odd = [n for n in names if not _NAME.fullmatch(n)]
    if odd:
        raise BadFormat(f"log format: {', '.join(map(repr, odd))}: no name for a field")
    written = [n.replace("_", "-") for n in names]
    names = [n.lower() for n in written] if any_case else written
    spelled = dict(zip(names, written, strict=True))
    unknown = [spelled[n] for n in spelled if n not in NAMES and not allow_unknown]
    repeated = [n for n, times in Counter(names).items() if times > 1]
    if repeated or unknown:
        raise UnknownField(_complaint(unknown, repeated), hint=_hint(unknown))
    return LogFormat(_resolve(names))


def _resolve(names: Sequence[str]) -> tuple[Field, ...]:
    """The fields of these names. One that both kinds have is of its neighbours' kind.

    That is VPC when there are neighbours of both kinds, or of none: by the names alone, so
    that a table remembers its fields by them. The types are the same in both kinds.
    """
    vpc = any(n in BY_NAME["vpc"].keys() - BY_NAME["tgw"].keys() for n in names)
    tgw = any(n in BY_NAME["tgw"].keys() - BY_NAME["vpc"].keys() for n in names)
    kind: Kind = "tgw" if tgw and not vpc else "vpc"
    known = {**BY_NAME["vpc"], **BY_NAME["tgw"], **BY_NAME[kind]}
    return tuple(known[n] if n in known else _newer_than_this_table(n, kind) for n in names)


def _only(row: Field, kind: Kind) -> bool:
    """Does this kind of log have the field, and the other not?"""
    return [k for k in LABEL if row.name in BY_NAME[k]] == [kind]


def _newer_than_this_table(name: str, kind: Kind) -> Field:
    return Field(name, kind, 0, "string", "STRING", "A field that this athena-flow does not know")


def _complaint(unknown: Sequence[str], repeated: Sequence[str]) -> str:
    parts = []
    if unknown:
        near = {n: _nearest(n) for n in unknown}
        listed = ", ".join(f"{n} (nearest: {near[n]})" if near[n] else n for n in unknown)
        parts.append(f"AWS has no field{'s' * (len(unknown) > 1)} {listed}")
    if repeated:
        parts.append(f"repeated: {', '.join(repeated)}")
    return "log format: " + "; ".join(parts)


def _nearest(name: str) -> str | None:
    """The field that is meant: by an old name of its column, else by its letters alone."""
    old = field_of_column(name)
    if old:
        return old
    bare = name.replace("-", "").lower()
    for word, ours in _SHORTENED:
        bare = re.sub(word, ours, bare)
    close = difflib.get_close_matches(bare, _BARE, n=1, cutoff=ALIKE)
    return _BARE[close[0]] if close else None


def _hint(unknown: Sequence[str]) -> str | None:
    if unknown and _TAILS.issuperset(unknown):
        return "a shell takes ${...} in double quotes for its own: put the format in single quotes"
    newer = [n for n in unknown if not field_of_column(n)]
    if newer and all(_LIKE_A_FIELD.fullmatch(n.lower()) for n in newer):
        it, has = ("them", "they stand") if len(newer) > 1 else ("it", "it stands")
        return f"if AWS has added {it} since, --allow-unknown keeps {it} as text where {has}"
    return None


def _names(text: str) -> list[str]:
    """The bare names in ``text``, whatever is wrapped around them. Raises BadFormat."""
    if "${" in text:
        return _placeholders(text)
    inner = text.strip().strip(_QUOTES).strip()
    if inner.startswith("[") and inner.endswith("]"):
        return [_filter_term(term) for term in inner[1:-1].split(",") if term.strip()]
    words = _WRAPPING.sub(" ", text).split()
    odd = [word for word in words if not _NAME.fullmatch(word)]
    if odd:
        raise BadFormat(f"log format: {odd[0]!r} is no field name", hint=_HOW)
    return words


def _placeholders(text: str) -> list[str]:
    found = list(_PLACEHOLDER.finditer(text))
    between = [text[a.end() : b.start()] for a, b in pairwise(found)]
    if "" in between:
        after = found[between.index("")]
        raise BadFormat(f"log format: no space after {after[0]}")
    around = _PLACEHOLDER.sub(" ", text)
    opened = re.search(r"\$+\{\s*[^\s$]*", around)
    if opened:
        raise BadFormat(f"log format: {opened[0]!r} has no closing }}")
    stray = _WRAPPING.sub(" ", around).split()
    if stray:
        raise BadFormat(
            f"log format: {stray[0]!r} stands outside ${{...}}",
            hint="give the format alone, every field in ${...}",
        )
    names = [match[1].strip() for match in found]
    if "" in names:
        raise BadFormat(f"log format: {found[names.index('')][0]!r} names no field")
    return names


def _filter_term(term: str) -> str:
    match = _FILTER_TERM.fullmatch(term)
    if not match:
        raise BadFormat(f"log format: {term.strip()!r} is no field name")
    return match[1]
