"""Log formats: what people have in hand <-> the ordered fields of a flow log.

People have AWS's ``${version} ${srcaddr}`` with Terraform's, a shell's or YAML's own
marks around it, a list of strings, a metric filter, or the header line of a file. Each is
reduced to names; names are checked against the table of fields, all at once. Columns of a
text table are positional, so order is kept and nothing is guessed or left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from athena_flow.errors import BadFormat, UnknownField, nearest
from athena_flow.fields import FIELDS, NAMES, TGW_DEFAULT, VPC_DEFAULT, Field, Kind, field

PRESETS = {"default": VPC_DEFAULT, "default-tgw": TGW_DEFAULT}
"""Names that stand for a whole format: AWS's defaults for VPC and Transit Gateway logs."""

_PLACEHOLDER = re.compile(r"[\\$]*\$\{([^{}]*)\}")
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))(?:#|//)[^\n]*$")
_WRAPPING = re.compile(r"""join\s*\(\s*["'] ["']\s*,|^\s*[>|][+-]?(?=\s)|[\[\](){}"'`,]""")
_FILTER_TERM = re.compile(r"""\s*["']?([^\s"'=<>!]+)["']?\s*(?:[=<>!].*)?""", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


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
    def kind(self) -> Kind:
        return "tgw" if any(f.kind == "tgw" for f in self.fields) else "vpc"

    def __contains__(self, column: object) -> bool:
        return any(f.column == column for f in self.fields)


DEFAULT = LogFormat(VPC_DEFAULT)


def parse_format(text: str, *, allow_unknown: bool = False) -> LogFormat:
    """Reads a format as people have it; a preset's name stands for the preset.

    ``allow_unknown`` keeps a field that AWS may have added since as a string column in its
    place. Raises BadFormat for text that is no format, UnknownField for names that AWS does
    not have and for repeated ones, all of them in one message.
    """
    preset = PRESETS.get(text.strip())
    if preset:
        return LogFormat(preset)
    if text.lstrip().startswith("{") and '"LogFormat"' in text:
        text = _from_api(text)
    return from_names(_names(text), allow_unknown=allow_unknown)


def is_header(line: str) -> bool:
    """Is this line a header rather than a record? Names of fields, and at least one known.

    By content, not by position: a record holds addresses, numbers and ``-``, and none of
    the words of a header except where a field's value happens to be one.
    """
    words = line.split(" ")
    known = sum(word in NAMES for word in words)
    return known > 0 and known * 2 >= len(words)


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
        return from_names(first_line.split(), allow_unknown=True)
    fits_table = len(first_line.split(" ")) == len(table.fields)
    return DEFAULT if has_default_shape(first_line) and not fits_table else table


def has_default_shape(line: str) -> bool:
    """Does a record look like one of the default format?"""
    return _DEFAULT_RECORD.fullmatch(line) is not None


def union(formats: Iterable[LogFormat]) -> LogFormat:
    """Every field of several formats once, in the order of first appearance."""
    by_column: dict[str, Field] = {}
    for fmt in formats:
        for row in fmt.fields:
            by_column.setdefault(row.column, row)
    return LogFormat(tuple(by_column.values()))


def from_names(names: Sequence[str], *, allow_unknown: bool = False) -> LogFormat:
    """A format from names in order; underscores stand for AWS's hyphens. Raises as parse_format."""
    names = [n.replace("_", "-") for n in names]
    if not names:
        raise BadFormat(
            "the log format is empty",
            hint="write 'default', '${version} ${srcaddr} ...' or a header line",
        )
    odd = [n for n in names if not _NAME.fullmatch(n)]
    if odd:
        raise BadFormat(f"log format: {', '.join(map(repr, odd))}: no name for a field")
    unknown = [n for n in dict.fromkeys(names) if n not in NAMES]
    repeated = [n for n, times in Counter(names).items() if times > 1]
    if repeated or (unknown and not allow_unknown):
        raise UnknownField(_complaint(unknown if not allow_unknown else [], repeated))
    return LogFormat(_resolve(names))


def _resolve(names: Sequence[str]) -> tuple[Field, ...]:
    by_kind: dict[Kind, set[str]] = {"vpc": set(), "tgw": set()}
    for row in FIELDS:
        by_kind[row.kind].add(row.name)
    only_vpc = [n for n in names if n in by_kind["vpc"] - by_kind["tgw"]]
    only_tgw = [n for n in names if n in by_kind["tgw"] - by_kind["vpc"]]
    if only_vpc and only_tgw:
        raise BadFormat(
            "a log holds VPC fields or Transit Gateway fields, not both:"
            f" {', '.join(only_vpc)} against {', '.join(only_tgw)}"
        )
    kind: Kind = "tgw" if only_tgw else "vpc"
    return tuple(
        field(n, kind) if n in by_kind[kind] else _newer_than_this_table(n, kind) for n in names
    )


def _newer_than_this_table(name: str, kind: Kind) -> Field:
    return Field(name, kind, 0, "string", "STRING", "A field that this athena-flow does not know")


def _complaint(unknown: Sequence[str], repeated: Sequence[str]) -> str:
    parts = []
    if unknown:
        listed = ", ".join(f"{n} (nearest: {nearest(n, NAMES)})" for n in unknown)
        parts.append(f"AWS has no field{'s' * (len(unknown) > 1)} {listed}")
    if repeated:
        parts.append(f"repeated: {', '.join(repeated)}")
    return "log format: " + "; ".join(parts)


def _from_api(text: str) -> str:
    """The one format in an answer of DescribeFlowLogs, or in one entry of it."""
    try:
        answer = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadFormat(f"log format: no JSON: {error}") from None
    entries = answer.get("FlowLogs", [answer])
    formats = {entry["LogFormat"]: entry.get("FlowLogId") for entry in entries}
    if len(formats) != 1:
        raise BadFormat(
            f"log format: the answer holds {len(formats)} formats, those of"
            f" {', '.join(str(flow_log) for flow_log in formats.values())}",
            hint="ask for one: aws ec2 describe-flow-logs --flow-log-ids ID",
        )
    return str(*formats)


def _names(text: str) -> list[str]:
    """The bare names in ``text``, whatever is wrapped around them. Raises BadFormat."""
    if "${" in text:
        return _placeholders(text)
    inner = text.strip().strip("`\"'").strip()
    if inner.startswith("[") and inner.endswith("]"):
        return [_filter_term(term) for term in inner[1:-1].split(",") if term.strip()]
    words = _WRAPPING.sub(" ", _COMMENT.sub("", text)).split()
    odd = [word for word in words if not _NAME.fullmatch(word)]
    if odd:
        raise BadFormat(
            f"log format: {odd[0]!r} is no field name",
            hint="write 'default', '${version} ${srcaddr} ...' or a header line",
        )
    return words


def _placeholders(text: str) -> list[str]:
    text = _COMMENT.sub("", text)
    found = list(_PLACEHOLDER.finditer(text))
    between = [text[a.end() : b.start()] for a, b in pairwise(found)]
    if "" in between:
        after = found[between.index("")]
        raise BadFormat(f"log format: no space after {after[0]}")
    around = _PLACEHOLDER.sub(" ", text)
    stray = _WRAPPING.sub(" ", around).split()
    if stray:
        raise BadFormat(
            f"log format: {stray[0]!r} stands outside ${{...}}", hint="every field needs ${...}"
        )
    return [match[1].strip() for match in found]


def _filter_term(term: str) -> str:
    match = _FILTER_TERM.fullmatch(term)
    if not match:
        raise BadFormat(f"log format: {term.strip()!r} is no field name")
    return match[1]
