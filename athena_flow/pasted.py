"""Text that people paste -> the text of a log format, or the flow logs that it describes.

``aws ec2 describe-flow-logs`` answers in JSON or YAML; CloudFormation, CDK and Terraform name
the same attributes in spellings of their own. All of them become entries with the API's names
and structure. No field of a flow log is known here, and no value is judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any

from athena_flow.errors import BadFormat

Entry = Mapping[str, Any]
"""An entry of DescribeFlowLogs, as far as it was given; ``LogFormat`` is always a text."""

_WHOLE = "give the answer of aws ec2 describe-flow-logs as it is, or a format alone"
ASK_FOR_ONE = "ask for one: aws ec2 describe-flow-logs --flow-log-ids ID"

_STRAIGHT = str.maketrans("\u201c\u201d\u2018\u2019", "\"\"''")
_CONTINUED = re.compile(r"\\\n")
_ESCAPE = re.compile(r"""\\+(?=[${}"'`])""")
_BLOCK_COMMENT = re.compile(r"(?s)/\*.*?\*/")
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))(?:#|//)[^\n]*$")
_HEREDOC = re.compile(r"""(?sm)<<[-~]?["']?(\w+)["']?[ \t]*\n(.*?)^[ \t]*\1\b""")
_LIST_DASHES = re.compile(r"(?m)^[ \t]*(?:-[ \t]+)+")

_ATTRIBUTE = re.compile(
    r"""(?m)^([ \t]*)(-[ \t]+)?[{(]?[ \t]*["']?([A-Za-z][A-Za-z_-]*)["']?[ \t]*[:=](?![:=])"""
)
_BLOCK = re.compile(r"(?m)^([ \t]*)[^\n$]*\{[ \t]*$")
_WORD = re.compile(r"\w")
_FORMAT = "LogFormat"
_OPTIONS = ("FileFormat", "HiveCompatiblePartitions", "PerHourPartition")
_KEYS = {key.lower(): key for key in ("FlowLogId", "LogDestinationType", "LogDestination")}
_KEYS |= {key.lower(): key for key in _OPTIONS}
"""What an attribute is called in lower case and without hyphens or underscores."""
_SPELLINGS = "|".join(re.sub("(?<=[a-z])(?=[A-Z])", "[-_]?", key) for key in _KEYS.values())
_VALUE = re.compile(
    rf"""(?mi)(?<![\w-])({_SPELLINGS})["']?[ \t]*[:=][ \t]*"""
    r"""(?:"([^"\n]*)"|'([^'\n]*)'|([^\n]*?)(?=[ \t]*,?[ \t]*(?:\}|$)|,[ \t]))"""
)
"""An attribute of one line other than the format, wherever it stands."""
_OF_TAGS = {"key", "value", "resourcetype", "tagkeys"}
"""The keys of lists within an entry."""


def plain(text: str) -> str:
    """Without comments, a shell's or Terraform's escapes, and Windows' and typographers' marks."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTINUED.sub("", text.translate(_STRAIGHT))
    text = _BLOCK_COMMENT.sub(" ", _ESCAPE.sub("", text))
    return _COMMENT.sub("", text)


def unwrapped(text: str) -> str:
    """`plain` text out of its heredoc, and without the dashes of a YAML list."""
    return _LIST_DASHES.sub("", _HEREDOC.sub(r"\2", text))


def entries(text: str) -> tuple[Entry, ...] | None:
    """The flow logs that a text describes, one at least; None when it is no such text.

    Raises BadFormat for JSON that is none, for a flow log without a LogFormat, and for an
    answer that holds no flow log.
    """
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "[") and ('"LogFormat"' in text or '"FlowLogs"' in text):
        found = tuple(_from_json(text))
    else:
        text = plain(text)
        lines = _lines(text)
        if not any(line.name == _bare(_FORMAT) for line in lines):
            return None
        found = tuple(_from_attributes(text, lines))
    for entry in found:
        if not isinstance(entry.get(_FORMAT), str):
            raise BadFormat(
                f"log format: {entry.get('FlowLogId') or 'an entry'} has no LogFormat", hint=_WHOLE
            )
    return found


def _from_json(text: str) -> Iterator[Entry]:
    """An answer of DescribeFlowLogs, a list of its entries, or one entry."""
    try:
        answer = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadFormat(f"log format: no JSON: {error}", hint=_WHOLE) from None
    listed = answer.get("FlowLogs", [answer]) if isinstance(answer, dict) else answer
    if listed == []:
        raise BadFormat(
            "log format: the answer holds no flow log",
            hint="aws ec2 describe-flow-logs sees those of one account and --region",
        )
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise BadFormat("log format: the JSON is no answer of DescribeFlowLogs", hint=_WHOLE)
    yield from listed


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that begins an attribute, or a block without a name that matters."""

    start: int
    indent: int
    item: bool
    """Is it an element of a list?"""
    key: str
    """As it is written; empty for a block."""
    name: str
    """In lower case and without hyphens or underscores."""
    end: int
    """Where its value begins."""


def _lines(text: str) -> list[_Line]:
    found = [
        _Line(m.start(), len(m[1]), bool(m[2]), m[3], _bare(m[3]), m.end())
        for m in _ATTRIBUTE.finditer(text)
    ]
    at = {line.start for line in found}
    blocks = [
        _Line(m.start(), len(m[1]), False, "", "", m.end())
        for m in _BLOCK.finditer(text)
        if m.start() not in at
    ]
    return sorted(found + blocks, key=lambda line: line.start)


def _bare(key: str) -> str:
    return re.sub("[-_]", "", key).lower()


def _from_attributes(text: str, lines: Sequence[_Line]) -> Iterator[Entry]:
    """Lines of ``key: value`` or ``key = value``; ``- key: value`` begins another flow log."""
    before = [word for word in text[: lines[0].start].split() if _WORD.search(word)]
    if before:
        raise BadFormat(
            f"log format: {before[0]!r} stands before {lines[0].key or 'a block'}", hint=_WHOLE
        )
    items = [line for line in lines if line.item and line.name not in _OF_TAGS]
    outermost = min((line.indent for line in items), default=0)
    starts = [0, *(line.start for line in items if line.indent == outermost)]
    for first, last in pairwise([*starts, len(text)]):
        entry: dict[str, Any] = {}
        options: dict[str, str] = {}
        for key, value in _pairs(text[:last], first, lines):
            held = options if key in _OPTIONS else entry
            if key in held:
                raise BadFormat(
                    f"log format: {key} stands there twice", hint="give one flow log alone"
                )
            held[key] = value
        if entry or options:
            yield entry | {"DestinationOptions": options}


def _pairs(text: str, first: int, lines: Sequence[_Line]) -> Iterator[tuple[str, str]]:
    """The attributes from ``first`` to the end of the text, by the API's names."""
    for line, after in zip_longest(lines, lines[1:]):
        if line.name == _bare(_FORMAT) and first <= line.start < len(text):
            value = text[line.end : after.start if after else None]
            if after:
                _check_ended(line, value, after)
            yield _FORMAT, value
    for match in _VALUE.finditer(text, first):
        yield _KEYS[_bare(match[1])], match[2] or match[3] or match[4] or ""


def _check_ended(line: _Line, value: str, after: _Line) -> None:
    """Raises BadFormat when the line after a format is still part of it."""
    indents = [len(row) - len(row.lstrip()) for row in value.split("\n")[1:] if _WORD.search(row)]
    beside = not after.item and after.indent <= line.indent
    if indents and after.indent >= min(indents) and not beside:
        raise BadFormat(
            f"log format: {after.key or 'a block'!r} stands within {line.key}", hint=_WHOLE
        )
