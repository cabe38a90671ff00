"""A user's template cannot reach Python: the ways in which others' sandboxes were left.

What a body may hold is checked when its file is read. The renderer is tried without that check
too, as a second wall.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2.exceptions import TemplateError

from athena_flow import template
from athena_flow.errors import BadQuery
from athena_flow.query import parse_query
from athena_flow.sqltext import Sql

HEADER = """\
-- title = "A title"
-- requires = ["srcaddr"]
-- [params.x]
-- type = "string"
-- required = true
-- doc = "x"
-- [params.many]
-- type = "string"
-- many = true
-- doc = "more"

"""
BODY = (
    "SELECT srcaddr FROM {{ table }} WHERE {{ window }} AND srcaddr = {{ x }}"
    " AND srcaddr IN {{ many }} "
)

COSTLY = ["9 ** 9 ** 9 ** 9", "'a' * 10 ** 9", "range(10 ** 9)|list"]
"""What costs time and memory, so that only the check is tried."""
EXPRESSIONS = [
    # attributes and items, by every spelling
    "x.__class__",
    "x['__class__']",
    "x['__cla' ~ 's__']",
    "x|attr('__class__')",
    "x|attr('\\x5f\\x5fclass\\x5f\\x5f')",
    "''.__class__.__mro__[1].__subclasses__()",
    "().__class__.__base__.__subclasses__()",
    "[].__class__",
    "{}.__class__",
    "many[0]",
    "many.index",
    "table.text",
    "table.__init__.__globals__",
    "window.__class__",
    "(x,).__class__",
    # functions and objects that Jinja brings along
    "lipsum.__globals__['os'].popen('id').read()",
    "lipsum.__globals__.os.system('id')",
    "cycler.__init__.__globals__.os.popen('id').read()",
    "joiner.__init__.__globals__",
    "namespace.__init__.__globals__",
    "range.__class__",
    "dict(a=1)",
    "self.__init__.__globals__.__builtins__",
    "self._TemplateReference__context",
    "loop",
    "caller()",
    "super()",
    "varargs",
    "kwargs",
    "undefined.__class__",
    "request.application.__globals__",
    "config.items()",
    "g.pop.__globals__",
    "url_for.__globals__",
    "get_flashed_messages.__globals__",
    "__builtins__",
    "__import__('os').system('id')",
    "open('/etc/passwd').read()",
    "eval('1')",
    "print(1)",
    # formats and filters
    "'{0.__class__}'.format(x)",
    "'{a.__class__.__init__.__globals__}'.format_map({'a': x})",
    "'%s' % x",
    "'%s'|format(x)",
    "x|map('upper')",
    "[x]|map(attribute='__class__')|list",
    "many|join('')",
    "x|safe",
    "x|e",
    "x|tojson",
    "x|xmlattr",
    "x|string",
    "many|groupby('__class__')",
    "many|sort(attribute='__class__')",
    "x|pprint",
    "(x|list)[0]",
    # what computes
    *COSTLY,
    "x ~ x",
    "x + x",
    "-x",
    "x[::-1]",
    "x if x else x",
    "x is sameas(x)",
    "x is defined",
    "x is callable",
    "1 if x",
    "{'a': x}",
    "{x: 1}",
    "await x",
]
STATEMENTS = [
    "{% for i in many %}{{ i }}{% endfor %}",
    "{% for i in range(10 ** 9) %}{% endfor %}",
    "{% for k in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "{% set y = x %}",
    "{% set table = x %}",
    "{% set ns = namespace(a=1) %}",
    "{% set y %}x{% endset %}",
    "{% with y = x %}{% endwith %}",
    "{% macro m() %}{% endmacro %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% include '/etc/passwd' %}",
    "{% include x %}",
    "{% import 'os' as os %}",
    "{% from 'os' import system %}",
    "{% extends 'base' %}",
    "{% extends x %}",
    "{% block b %}{% endblock %}",
    "{% autoescape false %}{% endautoescape %}",
    "{% do x.append(1) %}",
    "{% print(x) %}",
    "{% break %}",
    "{% debug %}",
    "{% trans %}x{% endtrans %}",
    "{% python %}import os{% endpython %}",
    "{% if x.__class__ %}{% endif %}",
    "{% if x|attr('__class__') %}{% endif %}",
    "{% if ''.__class__.__mro__ %}{% endif %}",
    "{% if lipsum.__globals__.os.system('id') %}{% endif %}",
    "{% if many.append(1) %}{% endif %}",
    "{% if 9 ** 9 ** 9 ** 9 %}{% endif %}",
    "{% if x is divisibleby 2 %}{% endif %}",
    "{% if x is eq 'a' %}{% endif %}",
    "{% if range(3) %}{% endif %}",
    "{% if x %}{% elif x.upper() %}{% endif %}",
    "# for i in many\n# endfor\n{{ i }}",
    "${ x.__class__ }",
    "<% import os %>",
    "<?python import os ?>",
]


def _parsed(extra: str) -> str:
    query = parse_query(f"{HEADER}{BODY}{extra}\n", Path("own.sql"))
    return query.body


@pytest.mark.parametrize(
    "body", [*(f"AND srcaddr = {{{{ {e} }}}}" for e in EXPRESSIONS), *STATEMENTS]
)
def test_a_template_that_computes_is_no_query(body: str) -> None:
    """Attributes, items, calls, filters, operators, loops, imports and assignments are refused
    when the file is read, whatever they are made of; nothing of them is run to find out."""
    assert _parsed("")
    with pytest.raises(BadQuery, match=r"own\.sql"):
        _parsed(body)


@pytest.mark.parametrize("snippet", [e for e in EXPRESSIONS if e not in COSTLY])
def test_the_renderer_gives_no_python_away(snippet: str) -> None:
    """Rendered without the check, an expression fails or is a literal without an object's name."""
    values = {"x": "text", "many": ("a", "b"), "table": Sql('"t"'), "window": Sql("TRUE")}
    try:
        sql = template.render(f"SELECT {{{{ {snippet} }}}}", values, "x.sql")
    except (BadQuery, TemplateError, TypeError, ValueError, NameError, AttributeError):
        return
    for secret in ("<class", "<function", "<module", "<built-in", "0x", "root:", "uid="):
        assert secret not in sql, sql


def test_a_template_has_no_names_but_its_own() -> None:
    """Neither Python's nor Jinja's names are there: the name is undefined, not an object."""
    for name in ("os", "sys", "__builtins__", "__name__", "environment", "context", "request"):
        with pytest.raises(BadQuery, match="is used but not declared"):
            _parsed(f"AND srcaddr = {{{{ {name} }}}}")
        with pytest.raises(TypeError, match="StrictUndefined"):
            template.render(f"SELECT {{{{ {name} }}}}", {}, "x.sql")
