"""The body of a saved query: Jinja in its sandbox, with values and ``{% if %}`` and no more.

Every ``{{ x }}`` becomes a quoted literal: only `sqltext.Sql`, which core code alone can make,
passes unquoted. Anything that computes is refused, because a template cannot be tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from athena_flow.errors import BadQuery, did_you_mean
from athena_flow.sqltext import Sql, literal

if TYPE_CHECKING:
    from jinja2 import nodes

HAS = "has_"
"""``{% if has_tcp_flags %}``: has the format the field tcp-flags?"""

_PLAIN_NODES = {
    *("Template", "Output", "TemplateData", "Name", "If", "Compare", "Operand"),
    *("Const", "Not", "And", "Or", "Test", "Tuple", "List"),
}
_MARK = "athena_flow_value_7d1e"
"""Stands for a value; no table and no column is called so."""
_QUOTED = (
    "a {{ value }} stands inside quotes or a comment, or touches a word:"
    " write it alone, it is quoted already"
)


def faults(body: str, given: Collection[str], declared: Collection[str]) -> Iterator[str]:
    """What the body does that it may not, and what it uses and nobody declares, or the reverse.

    ``given`` are the names that it has to use; ``declared`` its parameters and ``has_`` names.
    """
    from jinja2 import TemplateSyntaxError, nodes

    try:
        template = _environment(literal).parse(body)
    except TemplateSyntaxError as error:
        yield f"line {error.lineno}: {error.message}"
        return
    for node in _all_nodes(template):
        kind = type(node).__name__
        if kind not in _PLAIN_NODES or (isinstance(node, nodes.Test) and node.name != "none"):
            yield (
                f"line {node.lineno or 1}: {kind} in the template:"
                " a body may hold {{ name }} and {% if %}, nothing that computes"
            )
            return
    marked, count = re.subn(r"\{\{.*?\}\}", _MARK, body, flags=re.DOTALL)
    if not _stand_alone(re.sub(r"\{[%#].*?[%#]\}", " ", marked, flags=re.DOTALL), count):
        yield _QUOTED
    used = {node.name for node in template.find_all(nodes.Name)}
    known = {*given, *declared}
    for name in sorted(used - known):
        if name.startswith(HAS):
            column = name.removeprefix(HAS)
            yield f"{name} asks for a field that is not under [improves]: {column}"
        else:
            yield f"{{{{ {name} }}}} is used but not declared{did_you_mean(name, known)}"
    for name in sorted(known - used):
        if name in given:
            yield "{{ " + name + " }} is missing"
        elif name.startswith(HAS):
            column = name.removeprefix(HAS)
            yield f"improves: {column}: no {{% if {name} %}} stands in the body"
        else:
            yield f"parameter {name!r} is declared but not used"


def tested(body: str) -> Mapping[str, tuple[object, ...]]:
    """The names that an ``{% if %}`` looks at, each with the constants it is compared with."""
    from jinja2 import nodes

    found: dict[str, tuple[object, ...]] = {}
    for condition in _environment(literal).parse(body).find_all(nodes.If):
        tests = [condition.test]
        for node in (n for test in tests for n in _all_nodes(test)):
            if isinstance(node, nodes.Name):
                found.setdefault(node.name, ())
        for compare in (n for test in tests for n in _all_nodes(test)):
            if isinstance(compare, nodes.Compare):
                inside = list(_all_nodes(compare))
                constants = tuple(n.value for n in inside if isinstance(n, nodes.Const))
                for node in inside:
                    if isinstance(node, nodes.Name):
                        found[node.name] += constants
    return found


def render(body: str, context: Mapping[str, object], where: object) -> str:
    """The body with its values as literals.

    Raises BadQuery, naming ``where``, when one would stand inside quotes or a comment, where it
    could end them, and ValueError for a value that no literal can hold.
    """
    marked, values = _compiled(body)
    shown: str = marked.render(context)
    if not _stand_alone(shown, shown.count(_MARK)):
        raise BadQuery(f"{where}: {_QUOTED}")
    sql: str = values.render(context)
    return sql


@cache
def _compiled(body: str) -> tuple[Any, Any]:
    """The body as Jinja's code: with a mark for each value, and with the values as literals."""
    marked = _environment(lambda value: _MARK).from_string(body)
    return marked, _environment(literal).from_string(body)


def _all_nodes(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all_nodes(child)


def _environment(write: Callable[[object], str]) -> Any:  # jinja2 costs start-up time
    """Jinja in its sandbox; ``write`` says what stands in the SQL for a value."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        finalize=lambda value: value.text if isinstance(value, Sql) else write(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def _stand_alone(marked: str, count: int) -> bool:
    """Is each of ``count`` marks a word of its own in this SQL, outside quotes and comments?"""
    from sqlglot.dialects.trino import Trino
    from sqlglot.errors import TokenError

    try:
        tokens = Trino().tokenize(marked)
    except TokenError:
        return False
    return count == sum(t.text == _MARK and marked[t.start : t.end + 1] == _MARK for t in tokens)
