"""Statements made at random, of all that a FROM can hold, for the proof that pruning loses no row.

A statement is made once and written in two ways: as it is, with its WITH queries, and with each
of them written out where it is read, so that each scan has a table name of its own. Answers are
compared on the second, and both must prune alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

TEXT_KEYS = {"aws_account_id": "code", "aws_region": "text", "date": "day", "hour": "code"}
TYPED_KEYS = {"day": "date", "hr": "int"}
DATA = {"srcaddr": "text", "bytes": "int", "end": "int"}
TABLES = {"s": {**DATA, **TEXT_KEYS}, "d": {**DATA, **TYPED_KEYS}}
"""``s`` has string keys, ``d`` typed ones; ``day`` and ``code`` are text that is a date, digits."""

VALUES = {
    "text": ["'eu-west-1'", "'us-east-1'", "'10.0.0.1'", "'2026-11-20'", "'07'", "'eu-%'", "''"],
    "day": ["'2026-11-18'", "'2026-11-19'", "'2026-11-20'", "'2026-11-21'", "'2026-11'", "'x'"],
    "code": ["'111111111111'", "'222222222222'", "'07'", "'00'", "'7'", "'12'"],
    "int": ["-1", "0", "3", "7", "12", "20"],
    "date": ["DATE '2026-11-18'", "DATE '2026-11-19'", "DATE '2026-11-20'", "DATE '2026-11-21'"],
}
OPERATORS = ["=", "<>", "<", "<=", ">", ">="]
PATTERNS = ["'2026%'", "'%-20'", "'%'", "'_7'", "'eu-_est-1'", "'%1%'"]
RENAMES = ["date", "hour", "day", "bytes", "srcaddr", "order", "x", "Y"]


@dataclass
class Writing:
    """One way of writing a statement out."""

    inline: bool
    tables: int = 0
    names: list[str] = field(default_factory=list)

    def table(self, kind: str) -> str:
        self.tables += 1
        self.names.append(f"{kind}{self.tables}")
        return self.names[-1]


Text = Callable[[Writing], str]
Column = tuple[str, str]
"""Name and kind."""


@dataclass(frozen=True)
class Query:
    columns: tuple[Column, ...]
    text: Text


@dataclass(frozen=True)
class Item:
    """Something in a FROM."""

    alias: str
    columns: tuple[Column, ...]
    text: Text


def quoted(name: str) -> str:
    return f'"{name}"'


class Maker:
    """Makes statements from a source of choices."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = 0
        self.nulls = False
        """Has the FROM that was made last an outer join?"""

    def statement(self) -> Query:
        """Half of them are a condition on a query, the others of any shape."""
        query = self.query(self.random.choice([1, 1, 2]), {}, ())
        about = [(quoted(name), kind) for name, kind in unique(query.columns)]
        if not about or self.often(2):
            return query
        said = self.condition(about, 2)
        return Query(query.columns, lambda w: f"SELECT * FROM ({query.text(w)}) AS z WHERE {said}")

    def often(self, of: int) -> bool:
        """Once in so many times."""
        return self.random.randrange(of) == 0

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    # ---------------------------------------------------------------- queries

    def query(self, depth: int, env: dict[str, Query], outer: Sequence[Column]) -> Query:
        """A query; ``outer`` are columns (qualified) that it may speak of."""
        own: dict[str, Query] = {}
        for _ in range(self.random.randrange(3) if depth and self.often(2) else 0):
            name = self.random.choice(["c", "c", "e"])
            if name not in own:
                own[name] = self.query(depth - 1, {**env, **own}, ())
        inner = {**env, **own}
        if depth and self.often(4):
            body = self.set_operation(depth - 1, inner, outer)
        else:
            body = self.select(depth, inner, outer)
        body = self.limited(body)
        if not own:
            return body

        def text(w: Writing) -> str:
            if w.inline:
                return body.text(w)
            ctes = ", ".join(f"{name} AS ({q.text(w)})" for name, q in own.items())
            return f"WITH {ctes} {body.text(w)}"

        return Query(body.columns, text)

    def limited(self, query: Query) -> Query:
        """Now and then the first rows alone, in an order that leaves no choice."""
        if not self.often(5):
            return query
        places = ", ".join(str(n + 1) for n in range(len(query.columns)))
        offset = f" OFFSET {self.random.randrange(4)}" if self.often(3) else ""
        limit = f" LIMIT {self.random.randrange(1, 6)}" if not self.often(6) else ""
        return Query(
            query.columns,
            lambda w: f"SELECT * FROM ({query.text(w)}) AS q ORDER BY {places}{offset}{limit}",
        )

    def set_operation(self, depth: int, env: dict[str, Query], outer: Sequence[Column]) -> Query:
        left = self.select(depth, env, outer)
        columns = tuple((self.random.choice([n, "z"]), kind) for n, kind in left.columns)
        right = self.select(depth, env, outer, [kind for _, kind in columns])
        kind = self.random.choice(["UNION ALL", "UNION ALL", "UNION", "INTERSECT", "EXCEPT"])
        return Query(left.columns, lambda w: f"({left.text(w)}) {kind} ({right.text(w)})")

    def select(
        self,
        depth: int,
        env: dict[str, Query],
        outer: Sequence[Column],
        kinds: Sequence[str] | None = None,
    ) -> Query:
        source, items = self.source(depth, env)
        visible = [(f"{i.alias}.{quoted(n)}", k) for i in items for n, k in unique(i.columns)]
        if not visible:
            return self.select(0, {}, outer, kinds)
        if len(items) == 1 and self.often(2):
            visible = [(quoted(n), k) for n, k in unique(items[0].columns)]
        where = self.where(visible, depth, outer)
        if kinds is None and self.often(3):
            return self.grouped(source, visible, where)
        if kinds is None and self.often(3):
            return self.starred(source, items, where)
        columns = self.columns(visible, kinds)
        distinct = "DISTINCT " if self.often(6) else ""
        windows = [] if kinds is not None or not self.often(6) else [self.window(visible)]
        listed = ", ".join(f"{e} AS {quoted(n)}" for e, n, _ in [*columns, *windows])
        return Query(
            tuple((n, k) for _, n, k in [*columns, *windows]),
            lambda w: f"SELECT {distinct}{listed} FROM {source(w)}{where(w)}",
        )

    def starred(self, source: Text, items: Sequence[Item], where: Text) -> Query:
        """All columns, of everything or of one item."""
        picked = [self.random.choice(items)] if len(items) > 1 and self.often(2) else items
        star = f"{picked[0].alias}.*" if len(picked) < len(items) else "*"
        columns = tuple(column for item in picked for column in item.columns)
        return Query(columns, lambda w: f"SELECT {star} FROM {source(w)}{where(w)}")

    def grouped(self, source: Text, visible: Sequence[Column], where: Text) -> Query:
        """Groups, with HAVING now and then, some of them with totals."""
        keys = self.columns(visible, None)[: self.random.randrange(4)]
        number = [c for c, k in visible if k == "int"]
        counted = self.random.choice(["count(*)", *(f"sum({c})" for c in number)])
        biggest = self.random.choice([c for c, k in visible if k != "date"] or ["1"])
        aggregates = [(counted, "n", "int"), (f"max({biggest})", "m", "text")]
        if biggest in number:
            aggregates.pop()
        listed = ", ".join(f"{e} AS {quoted(n)}" for e, n, _ in [*keys, *aggregates])
        by = ", ".join(str(n + 1) if self.often(2) else e for n, (e, _, _) in enumerate(keys))
        if keys and self.often(5):
            by = f"ROLLUP ({', '.join(e for e, _, _ in keys)})"
        clause = f" GROUP BY {by}" if keys else ""
        if keys and self.often(2):
            about = [(e, k) for e, _, k in keys if e in dict(visible)]
            having = [self.condition(about, 1)] if about and self.often(2) else []
            having += ["count(*) > 1"] if self.often(3) else []
            clause += f" HAVING {' AND '.join(having)}" if having else ""
        return Query(
            tuple((n, k) for _, n, k in [*keys, *aggregates]),
            lambda w: f"SELECT {listed} FROM {source(w)}{where(w)}{clause}",
        )

    def columns(
        self, visible: Sequence[Column], kinds: Sequence[str] | None
    ) -> list[tuple[str, str, str]]:
        """Expressions, the names that they get, and their kinds."""
        if kinds is None:
            kinds = [self.random.choice(visible)[1] for _ in range(self.random.randrange(1, 5))]
        found = []
        for number, kind in enumerate(kinds):
            fit = [c for c, k in visible if k == kind]
            expression = self.random.choice(fit) if fit else self.random.choice(VALUES[kind])
            if fit and kind in ("text", "code") and self.often(5):
                expression, kind = f"concat({expression}, '')", kind
            elif fit and kind == "day" and self.often(6):
                expression = f"substr({expression}, 1, 10)"
            name = self.random.choice(RENAMES) if self.often(2) else expression.split('"')[-2:][0]
            taken = [n.lower() for _, n, _ in found]
            if not name.isidentifier() or name.lower() in taken:
                name = f"k{number}"
            found.append((expression, name, kind))
        return found

    def window(self, visible: Sequence[Column]) -> tuple[str, str, str]:
        by = self.random.choice(visible)[0]
        of = self.random.choice(visible)[0]
        part = f"PARTITION BY {by}" if self.often(2) else ""
        call = self.random.choice(
            [f"rank() OVER ({part} ORDER BY {of})", f"count(*) OVER ({part})"]
        )
        return call, "w", "int"

    # ---------------------------------------------------------------- FROM

    def source(self, depth: int, env: dict[str, Query]) -> tuple[Text, list[Item]]:
        first = self.item(depth, env)
        texts: list[Text] = [first.text]
        items, nulls = [first], False
        for _ in range(self.random.choice([0, 0, 1, 1, 2]) if depth else 0):
            if self.often(6):
                items.append(self.unnested(items))
                texts.append(lambda w, item=items[-1]: f" CROSS JOIN {item.text(w)}")
                continue
            item = self.item(depth, env)
            self.nulls = False
            texts.append(self.joined(items, item))
            items.append(item)
            nulls = nulls or self.nulls
        self.nulls = nulls
        return lambda w: "".join(text(w) for text in texts), items

    def joined(self, left: Sequence[Item], right: Item) -> Text:
        kind = self.random.choice(
            ["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ","]
        )
        self.nulls = kind.split()[0] in ("LEFT", "RIGHT", "FULL")
        if kind == "," or kind == "CROSS JOIN":
            return lambda w: f"{', ' if kind == ',' else f' {kind} '}{right.text(w)}"
        shared = {n for n, _ in unique(left[0].columns)} & {n for n, _ in unique(right.columns)}
        if len(left) == 1 and shared and self.often(8):
            name = self.random.choice(sorted(shared))
            if dict(left[0].columns)[name] == dict(right.columns)[name]:
                return lambda w: f" {kind} {right.text(w)} USING ({quoted(name)})"
        mine = [(f"{i.alias}.{quoted(n)}", k) for i in left for n, k in unique(i.columns)]
        yours = [(f"{right.alias}.{quoted(n)}", k) for n, k in unique(right.columns)]
        pairs = [(a, b) for a, k in mine for b, other in yours if k == other]
        if not pairs:
            return lambda w: f" CROSS JOIN {right.text(w)}"
        alike = [(a, b) for a, b in pairs if a.partition(".")[2] == b.partition(".")[2]]
        a, b = self.random.choice(pairs if not alike or self.often(3) else alike)
        terms = [f"{a} = {b}"]
        for _ in range(self.random.choice([0, 1, 1, 2])):
            about = self.random.choice([mine, yours, yours, [*mine, *yours]])
            terms.append(self.condition(about, 2))
        return lambda w: f" {kind} {right.text(w)} ON {' AND '.join(terms)}"

    def unnested(self, left: Sequence[Item]) -> Item:
        text = [f"{i.alias}.{quoted(n)}" for i in left for n, k in unique(i.columns) if k == "text"]
        values = ", ".join([*text[:1], "'eu-west-1'", "'2026-11-20'"])
        alias = self.name("u")
        name = self.random.choice(["v", "date", "aws_region"])
        return Item(
            alias,
            ((name, "text"),),
            lambda w: f"UNNEST(ARRAY[{values}]) AS {alias} ({quoted(name)})",
        )

    def item(self, depth: int, env: dict[str, Query]) -> Item:
        alias = self.name("a")
        if env and self.often(2):
            name = self.random.choice(sorted(env))
            query = env[name]
            named = self.random.choice([name, name.upper(), quoted(name)])
            return Item(
                alias,
                query.columns,
                lambda w: f"({query.text(w)}) AS {alias}" if w.inline else f"{named} AS {alias}",
            )
        if depth and self.often(2):
            inner = self.query(depth - 1, env, ())
            columns, listed = inner.columns, ""
            if self.often(5):
                columns = tuple((f"r{n}", k) for n, (_, k) in enumerate(columns))
                if self.often(2):
                    columns = (("date", columns[0][1]), *columns[1:])
                listed = f" ({', '.join(quoted(n) for n, _ in columns)})"
            return Item(alias, columns, lambda w: f"({inner.text(w)}) AS {alias}{listed}")
        kind = self.random.choice(["s", "s", "d"])
        base = list(TABLES[kind].items())
        if self.often(10):
            names = [n for n, _ in base]
            self.random.shuffle(names)
            columns = tuple((n, k) for n, (_, k) in zip(names, base, strict=True))
            listed = ", ".join(quoted(n) for n in names)
            return Item(alias, columns, lambda w: f"{w.table(kind)} AS {alias} ({listed})")
        return Item(alias, tuple(base), lambda w: f"{w.table(kind)} AS {alias}")

    # ---------------------------------------------------------------- conditions

    def where(self, visible: Sequence[Column], depth: int, outer: Sequence[Column]) -> Text:
        terms: list[Text] = []
        for _ in range(self.random.choice([0, 0, 1, 1, 1, 2])):
            said = self.condition(visible, 3)
            terms.append(lambda w, said=said: said)
        if self.nulls and self.often(2):
            column, kind = self.random.choice(visible)
            value, operator = self.random.choice(VALUES[kind]), self.random.choice(OPERATORS)
            forms = [
                f"{column} IS NULL",
                f"coalesce({column}, {value}) = {value}",
                f"({column} IS NULL OR {column} {operator} {value})",
                f"NOT coalesce({column} {operator} {value}, false)",
            ]
            null = self.random.choice(forms)
            terms.append(lambda w: null)
        if outer and visible:
            pairs = [(a, b) for a, k in visible for b, other in outer if k == other]
            if pairs:
                a, b = self.random.choice(pairs)
                terms.append(lambda w: f"{a} = {b}")
        if depth and self.often(6):
            terms.append(self.subquery(visible))
        if not terms:
            return lambda w: ""
        glue = " OR " if len(terms) > 1 and self.often(8) else " AND "
        return lambda w: " WHERE " + glue.join(f"({text(w)})" for text in terms)

    def subquery(self, visible: Sequence[Column]) -> Text:
        """EXISTS, IN or a comparison with a subquery, negated or beside an OR now and then."""
        alias, kind = self.name("b"), self.random.choice(["s", "d"])
        inner = [(f"{alias}.{quoted(n)}", k) for n, k in TABLES[kind].items()]
        said = self.condition(inner, 3)
        ref, of = self.random.choice(visible)
        pairs = [c for c, k in inner if k == of]
        about = self.random.choice(pairs) if pairs else None
        correlated = ref.count(".") == 1
        form = self.random.randrange(3) if about else 3
        other = self.condition(visible, 1)
        wrap = self.random.choice(["{}", "{}", "NOT ({})", f"({{}} OR {other})"])
        same = self.random.choice(pairs) if pairs else None

        def text(w: Writing) -> str:
            place = f"{w.table(kind)} AS {alias}"
            if form == 0:
                return f"{ref} IN (SELECT {about} FROM {place} WHERE {said})"
            if form == 1:
                return f"{ref} = (SELECT max({about}) FROM {place} WHERE {said})"
            link = f" AND {same} = {ref}" if same and correlated else ""
            return f"EXISTS (SELECT * FROM {place} WHERE {said}{link})"

        return lambda w: wrap.format(text(w))

    def condition(self, about: Sequence[Column], leaves: int) -> str:
        if leaves <= 1 or self.often(2):
            return self.leaf(about)
        left = self.condition(about, leaves // 2)
        right = self.condition(about, leaves - leaves // 2)
        form = self.random.choice(
            ["({} AND {})", "({} OR {})", "NOT ({} AND {})", "NOT ({} OR {})", "NOT NOT ({} OR {})"]
        )
        return form.format(left, right)

    def leaf(self, about: Sequence[Column]) -> str:
        column, kind = self.random.choice(about)
        one, two = (self.random.choice(VALUES[kind]) for _ in range(2))
        operator = self.random.choice(OPERATORS)
        if self.often(6):
            rare = [
                f"{column} NOT IN ({one}, {two}, NULL)",
                f"{column} IS NULL",
                f"coalesce({column}, {two}) {operator} {one}",
                f"CASE WHEN {column} {operator} {one} THEN 1 ELSE 0 END = 1",
                f"({column} {operator} {one}) = ({column} {operator} {two})",
            ]
            return self.random.choice(rare)
        forms = [
            f"{column} {operator} {one}",
            f"{one} {operator} {column}",
            f"{column} IN ({one}, {two})",
            f"{column} NOT IN ({one}, {two})",
            f"{column} BETWEEN {min(one, two)} AND {max(one, two)}",
            f"{column} NOT BETWEEN {one} AND {two}",
            f"{column} IS NOT NULL",
            f"NOT {column} {operator} {one}",
        ]
        if kind in ("text", "day", "code"):
            forms += [
                f"{column} LIKE {self.random.choice(PATTERNS)}",
                f"{column} NOT LIKE {self.random.choice(PATTERNS)}",
                f"substr({column}, 1, 7) {operator} {one}",
                f"concat({column}, '0') {operator} {one}",
                f"{column} || 'a' {operator} {one}",
                f"length({column}) > 7",
            ]
        if kind == "day":
            day = self.random.choice(VALUES["date"])
            forms += [
                f"date_parse({column}, '%Y-%m-%d') {operator} {day}",
                f"CAST({column} AS date) {operator} {day}",
                f"date({column}) {operator} current_date - interval '1' day",
                f"{column} >= date_format(current_date - interval '1' day, '%Y-%m-%d')",
                f"{column} {operator} CAST(date_add('day', -1, current_date) AS varchar)",
                f"from_iso8601_date({column}) BETWEEN date_add('day', -2, current_date) AND {day}",
                f"date_diff('day', date({column}), {day}) {operator} 0",
                f"date_parse({column}, '%Y-%m-%d') > current_timestamp - interval '30' hour",
                f"{column} = date_format(current_timestamp, '%Y-%m-%d')",
            ]
        if kind == "date":
            forms += [
                f"CAST({column} AS varchar) LIKE '2026-11-2%'",
                f"date_format({column}, '%Y-%m-%d') {operator} '2026-11-20'",
                f"{column} {operator} current_date",
                f"{column} >= current_date - interval '1' day",
                f"day({column}) {operator} 20",
                f"date_trunc('month', {column}) = DATE '2026-11-01'",
                f"{column} BETWEEN date_add('day', -1, current_date) AND current_date",
            ]
        if kind == "int":
            forms += [f"{column} + 1 {operator} {one}", f"{column} * 2 {operator} {one}"]
        if kind == "code":
            forms += [f"CAST({column} AS bigint) {operator} 7"]
        mates = [c for c, k in about if k == kind and c != column]
        if mates:
            forms += [f"{column} {operator} {self.random.choice(mates)}"]
        return self.random.choice(forms)


def unique(columns: Sequence[Column]) -> list[Column]:
    """Those whose name is that of one column alone."""
    names = [n.lower() for n, _ in columns]
    return [(n, k) for n, k in columns if names.count(n.lower()) == 1]
