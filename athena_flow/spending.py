"""What ``athena-flow prices``, ``costs`` and ``workgroup`` do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from athena_flow import policy, terminal, wire
from athena_flow.errors import BadSetting, NotFound, did_you_mean
from athena_flow.settings import Settings, as_flags

if TYPE_CHECKING:
    from athena_flow.advice import Advice
    from athena_flow.cost import Estimate
    from athena_flow.entries import Entry, Total
    from athena_flow.estimating import Asked
    from athena_flow.ports import Scan
    from athena_flow.workgroup import Ensured

PRICES = ("refresh", "price_per_tb", "aws_region", "endpoint_url")
COSTS = ("since", "until", "ledger")
WORKGROUP = ("max_scan", "workgroup", "output_location", "dry_run", "yes", *wire.AWS_FLAGS)


# ---------------------------------------------------------------- prices


def prices(s: Settings) -> None:
    """Every price that is known; that of the region in force is among them, if only as unknown."""
    from athena_flow import pricelist
    from athena_flow.prices import shipped, unknown

    if s.refresh:
        _refresh(s)
    kept = pricelist.kept(policy.prices_file())
    rows: list[tuple[object, ...]] = [
        (row.region, row.usd, f"{row.day}", row.source, row.kept_in)
        for row in {**shipped(), **kept}.values()
    ]
    here = wire.region(s)
    if here not in {row[0] for row in rows}:
        rows.append((here, None, None, unknown(here), None))
    kinds = (("region", "string"), ("usd_per_tb", "double"), ("date", "string"))
    terminal.print_list(
        s,
        [*kinds, ("source", "string"), ("kept_in", "string")],
        sorted(rows, key=lambda r: str(r[0])),
    )
    if s.price_per_tb:
        terminal.say(s, f"note: with --price-per-tb {s.price_per_tb} none of these is used")


def _refresh(s: Settings) -> None:
    from athena_flow import pricelist
    from athena_flow.prices import from_price_list, table_text

    file = policy.prices_file()
    document, url = pricelist.fetch(s.endpoint_url)
    rows, notes = from_price_list(document, url)
    for note in notes:
        terminal.say(s, f"note: {note}")
    try:
        file.parent.mkdir(0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NotFound(f"cannot write {file}: {error.strerror}") from None
    terminal.write_file(file, table_text(rows))
    terminal.say(s, f"{len(rows)} prices as of {rows[0].day}, kept in {file}")


# ---------------------------------------------------------------- advice


def advice(s: Settings, asked: Asked, found: Estimate, scans: Sequence[Scan]) -> tuple[Advice, ...]:
    """What would make it cheaper. An inventory has sizes, and no objects to look into."""
    from athena_flow import measuring
    from athena_flow.advice import Looking, advise
    from athena_flow.engines.duckdb import as_parquet
    from athena_flow.query import BoundQuery
    from athena_flow.window import Window

    looking = None
    if not s.inventory:
        store = wire.open_store(s)
        looking = Looking(store.read, as_parquet, measuring.footers(store))
    window = asked.window if isinstance(asked, BoundQuery) else Window()
    advised = advise(found, scans, window, looking)
    if not advised:
        terminal.say(s, "note: there is nothing to advise where the size is not known, or nothing")
    return advised


def advice_docs(advised: Sequence[Advice]) -> dict[str, Any]:
    return {
        "advice": [
            {"what": a.what, "bytes": a.size_bytes, "usd": a.usd, "measured": a.measured}
            for a in advised
        ]
    }


def advice_rows(advised: Sequence[Advice]) -> Iterator[tuple[str, str]]:
    from athena_flow.cost import show_bytes, show_usd

    for a in advised:
        size = (
            f"{show_bytes(a.size_bytes)}, {show_usd(a.usd)}: " if a.size_bytes is not None else ""
        )
        yield "instead", f"{size}{a.what} ({a.measured})"


# ---------------------------------------------------------------- costs


def costs(s: Settings) -> None:
    """Sums over the ledger: by query, table and month, and the dearest runs."""
    from athena_flow import entries, output
    from athena_flow.window import parse_window, show

    terminal.only(s, "table", "csv", "json", "ndjson")
    book = policy.ledger(s)
    if book is None:
        raise BadSetting("the ledger is off", hint="leave out --ledger off, or name its file")
    window = parse_window(s.since, s.until, wire.now(), default=None)
    until = window.end if s.until else None  # a run of this very moment counts
    runs = [*book.entries(window.start, until)]
    if window.start:
        terminal.say(s, f"runs since {show(window.start)}")
    everything = entries.total("all", runs)
    groups = {
        "query": entries.by_query(runs),
        "table": entries.by_table(runs),
        "month": entries.by_month(runs),
    }
    best = entries.dearest(runs)
    if s.as_ == "json":
        terminal.data(
            s,
            output.to_json(
                {
                    "ledger": str(book.file),
                    "total": _total_doc(everything),
                    **{f"by_{what}": [_total_doc(t) for t in ts] for what, ts in groups.items()},
                    "dearest": [_entry_doc(e) for e in best],
                }
            ),
        )
    else:
        _print_costs(s, {"all": (everything,), **groups}, best)
    if not runs:
        terminal.say(s, f"no run is written down in {book.file}")
    if everything.unended:
        terminal.say(
            s,
            f"note: {everything.unended:,} without an end, running still or killed:"
            " counted with the estimate",
        )
    free = sum(run.engine != entries.BILLED for run in runs)
    if free:
        terminal.say(s, f"note: {free:,} on other engines than Athena: their bytes count, no money")
    if everything.unknown:
        terminal.say(s, f"note: {everything.unknown:,} of unknown cost, in no sum of money")
    if everything.low:
        terminal.say(s, f"note: {everything.low:,} scanned more than was estimated")


COLUMNS = ("by", "name", "runs", "bytes", "usd", "estimated_bytes", "scanned_bytes", "ratio")
KINDS = ("string", "string", "bigint", "bigint", "double", "bigint", "bigint", "double")


def _print_costs(s: Settings, groups: dict[str, Sequence[Total]], best: Sequence[Entry]) -> None:
    rows: list[tuple[object, ...]] = [
        (by, t.name, t.runs, t.size_bytes, t.usd, t.estimated_bytes, t.scanned_bytes, t.ratio)
        for by, found in groups.items()
        for t in found
    ]
    for e in best:
        ratio = None
        if e.estimated_bytes and e.scanned_bytes is not None:
            ratio = e.scanned_bytes / e.estimated_bytes
        name = f"{e.started:%Y-%m-%d %H:%M} {e.query}"
        usd = e.counted_usd if e.engine == "athena" else 0.0
        rows.append(
            ("run", name, 1, e.counted_bytes, usd, e.estimated_bytes, e.scanned_bytes, ratio)
        )
    columns = list(zip(COLUMNS, KINDS, strict=True))
    terminal.print_rows(s, columns, rows if s.as_ in ("csv", "ndjson") else _for_people(rows))


def _for_people(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[object, ...]]:
    from athena_flow.cost import show_bytes, show_usd

    for by, name, runs, size, usd, estimated, scanned, ratio in rows:
        shown = None if ratio is None else f"{ratio:.2f}"
        sizes = (None if n is None else show_bytes(n) for n in (estimated, scanned))
        yield by, name, runs, show_bytes(size), show_usd(usd), *sizes, shown


def _total_doc(t: Total) -> dict[str, Any]:
    return {
        "name": t.name,
        "runs": t.runs,
        "bytes": t.size_bytes,
        "usd": t.usd,
        "estimated_bytes": t.estimated_bytes,
        "scanned_bytes": t.scanned_bytes,
        "ratio": t.ratio,
        "low_estimates": t.low,
        "unknown": t.unknown,
        "unended": t.unended,
    }


def _entry_doc(e: Entry) -> dict[str, Any]:
    return {
        "started": e.started,
        "query": e.query,
        "tables": list(e.tables),
        "engine": e.engine,
        "region": e.region,
        "outcome": e.outcome,
        "certainty": e.certainty,
        "estimated_bytes": e.estimated_bytes,
        "estimated_usd": e.estimated_usd,
        "scanned_bytes": e.scanned_bytes,
        "usd": e.usd,
        "price_per_tb_usd": e.per_tb_usd,
        "query_id": e.query_id,
        "seconds": e.seconds,
    }


# ---------------------------------------------------------------- workgroups


def workgroup(s: Settings, action: str) -> None:
    """Makes a workgroup, or an existing one's cut-off, as strict as --max-scan."""
    from athena_flow import output
    from athena_flow import workgroup as groups
    from athena_flow.cost import parse_bytes
    from athena_flow.workgroups import AwsWorkgroups

    if action != "ensure":
        near = did_you_mean(action, ["ensure"])
        raise BadSetting(f"workgroup {action!r} is nothing to do{near}", hint="workgroup ensure")
    terminal.only(s, "table", "csv", "json", "ndjson")
    if s.max_scan is None:
        raise BadSetting("--max-scan is missing", hint="say where Athena cuts off: 100GB")
    want = groups.wanted(s.workgroup, parse_bytes(s.max_scan), s.output_location)
    aws = AwsWorkgroups(wire.account_of(s).client("athena"))
    ensured = groups.plan(aws.find(want.name), want, s.yes)
    if not s.dry_run:
        ensured = groups.ensure(ensured, aws, want, s.yes)
    for note in ensured.notes:
        terminal.say(s, f"note: {note}")
    if s.as_ == "json":
        terminal.data(s, output.to_json(_workgroup_doc(ensured, s.dry_run)))
    elif ensured.changes:
        columns = [("setting", "string"), ("before", "string"), ("after", "string")]
        terminal.print_rows(s, columns, [(c.setting, c.before, c.after) for c in ensured.changes])
    terminal.say(s, _told(s, ensured))


def _told(s: Settings, ensured: Ensured) -> str:
    name = ensured.after.name
    if not ensured.changes:
        return f"nothing to change: workgroup {name} is as strict as that"
    done = "created" if ensured.before is None else "updated"
    if s.dry_run:
        return f"workgroup {name} would be {done}"
    use = " ".join(as_flags(s, ("aws_region", "profile")))
    return f"{done} workgroup {name}; use it: athena-flow run --workgroup {name} {use}".rstrip()


def _workgroup_doc(ensured: Ensured, dry_run: bool) -> dict[str, Any]:
    return {
        "workgroup": ensured.after.name,
        "created": ensured.before is None and not dry_run,
        "dry_run": dry_run,
        "bytes_scanned_cutoff_per_query": ensured.after.cutoff_bytes,
        "changes": [
            {"setting": c.setting, "before": c.before, "after": c.after} for c in ensured.changes
        ],
        "notes": list(ensured.notes),
    }
