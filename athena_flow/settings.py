"""Settings: flag > environment > athena-flow.toml > default, from one table of them.

Each field of `Settings` is one flag (``--log-format``), one variable
(``ATHENA_FLOW_LOG_FORMAT``) and one key of the file (``log_format``). The command line is
built from this table, so that a flag has the same name and help everywhere.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from athena_flow.errors import BadSetting, did_you_mean

FILE_NAME = "athena-flow.toml"
ENVIRONMENT = "ATHENA_FLOW_"
OTHER_VARIABLES = {ENVIRONMENT + name for name in ("NOW", "CACHE", "TRINO_PASSWORD")}
"""A clock to go by, where heavy test groups keep their downloads, and a secret: no settings."""


OFF = "off"
"""What --ledger and --sizes say for no such file."""


def _setting(help_: str, metavar: str = "TEXT", short: str = "") -> Any:  # as dataclasses.field
    return field(default=None, metadata={"help": help_, "metavar": metavar, "short": short})


def _switch(help_: str) -> Any:  # as dataclasses.field
    return field(default=False, metadata={"help": help_})


def _several(help_: str, metavar: str = "TEXT", short: str = "") -> Any:  # as above
    return field(default=(), metadata={"help": help_, "metavar": metavar, "short": short})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for, still as text; None where nothing was said."""

    config: str | None = _setting(f"settings file; default: nearest {FILE_NAME} upwards", "FILE")
    engine: str | None = _setting(
        "where queries run: athena, duckdb on this machine, or trino; default athena", "ENGINE"
    )
    logs: str | None = _setting(
        "a directory of logs as it is, with no set-up; or s3://bucket/prefix/, which ingest"
        " fetches and run then reads from the store",
        "DIR",
    )
    database: str | None = _setting("database; default flow_logs", "NAME")
    table: str | None = _setting("table; default vpc_flow_logs", "NAME")
    location: str | None = _setting(
        "what stands before AWSLogs/: s3://bucket/prefix/, or a directory for duckdb", "URI"
    )
    log_format: str | None = _setting(
        "'${version} ${srcaddr} ...', a header line, default, default-tgw or auto", "TEXT"
    )
    layout: str | None = _setting(
        "daily, hourly, hive-daily, hive-hourly, a real key, or auto; default daily", "NAME"
    )
    file_type: str | None = _setting("text, parquet or auto; default text", "TYPE")
    header_lines: str | None = _setting(
        "header lines of each text file: 1, or 0 where they were taken away; default 1", "N"
    )
    partitions: str | None = _setting("explicit or projection; default explicit", "MODE")
    account: tuple[str, ...] = _several("only this account; repeatable", "ID")
    region: tuple[str, ...] = _several("only logs of this region; repeatable", "REGION")
    since: str | None = _setting("start: 7d, 24h, 2026-11-01, 2026-11-01T10:00Z, today", "TIME")
    until: str | None = _setting("end, not included; default now", "TIME")
    late: str | None = _setting(
        "also look in folders dated up to this after the end, for records filed late", "SPAN"
    )
    ahead: str | None = _setting("also register the days to come within this span", "SPAN")
    via: str | None = _setting(
        "how partitions are added: glue, or sql (ALTER TABLE); default glue", "WAY"
    )
    before: str | None = _setting("drop what ends before this: 400d, 2025-11-01", "TIME")
    fix: bool = _switch("mend the locations of partitions that are registered elsewhere")
    yes: bool = _switch("do it without asking, also over a budget")
    param: tuple[str, ...] = _several("a parameter of the query; repeatable", "K=V", "-p")
    sql: str | None = _setting("a statement of your own, from a file or, as -, from input", "FILE")
    explain_plan: bool = _switch("ask the engine's planner too, which is free")
    queries_dir: str | None = _setting("a folder of your own *.sql queries", "DIR")
    unlock: bool = _switch("say which fields would unlock which queries")
    inventory: str | None = _setting(
        "a listing of the bucket, in place of the network: what aws s3 ls --recursive prints, or"
        " an S3 inventory (CSV, Parquet or its manifest.json)",
        "FILE",
    )
    sample: str | None = _setting(
        "read this many footers of Parquet files, and add the sampling error; default 200", "N"
    )
    exact: bool = _switch("read all footers of Parquet files")
    sizes: str | None = _setting(
        "where sizes of partitions older than 3 days are kept, or off; default"
        " athena-flow/sizes.sqlite of the user's cache directory",
        "FILE",
    )
    max_cost: str | None = _setting("refuse to run above this many USD", "USD")
    max_scan: str | None = _setting("refuse to run above this size, such as 10GB", "SIZE")
    max_cost_per_day: str | None = _setting(
        "refuse to run when the day's runs (UTC) would come to more than this", "USD"
    )
    max_scan_per_day: str | None = _setting("the same for the bytes of a day", "SIZE")
    require_window: bool = _switch("refuse to read a partitioned table without saying when")
    ledger: str | None = _setting(
        "where runs are written down, or off; default athena-flow/ledger.sqlite of the"
        " user's state directory",
        "FILE",
    )
    provisioned: bool = _switch("queries run on provisioned capacity: no price by the byte")
    advice: bool = _switch("say what would make it cheaper, measured on a few of your own objects")
    refresh: bool = _switch("read AWS's price list, and keep what it says")
    price_per_tb: str | None = _setting("USD per TB scanned, instead of the price table's", "USD")
    workgroup: str | None = _setting("Athena workgroup", "NAME")
    output_location: str | None = _setting("where Athena writes results: s3://...", "URI")
    trino_host: str | None = _setting("where your Trino is", "NAME")
    trino_port: str | None = _setting("its port; default 8080, with TLS 443", "NUMBER")
    trino_catalog: str | None = _setting("its Hive catalog over your Glue; default hive", "NAME")
    trino_user: str | None = _setting(
        "as whom to ask it; a password goes into ATHENA_FLOW_TRINO_PASSWORD", "NAME"
    )
    trino_tls: bool = _switch("ask it by TLS")
    trino_ca: str | None = _setting("certificates to trust, as PEM; implies --trino-tls", "FILE")
    profile: str | None = _setting("AWS profile", "NAME")
    aws_region: str | None = _setting(
        "where Athena and Glue are; default from AWS's own settings, else us-east-1", "REGION"
    )
    endpoint_url: str | None = _setting("another endpoint for every AWS service", "URL")
    catalog: str | None = _setting(
        "the local catalog's file, for duckdb; default .athena-flow/catalog.sqlite", "FILE"
    )
    store: str | None = _setting(
        "the folder of the local Parquet store; default .athena-flow/store", "DIR"
    )
    no_store: bool = _switch("read the logs themselves, whatever the local store holds of them")
    cache_size: str | None = _setting(
        "the most that downloads take up on disk while they wait to be read; default 2GB", "SIZE"
    )
    skip_bad_files: bool = _switch("leave out files that cannot be read, and name them in a note")
    replace: bool = _switch("make an existing table anew, with the partitions it has")
    write: bool = _switch(
        "keep what was found: athena-flow.toml of discover, NAME.expected.csv of queries test"
    )
    allow_unknown: bool = _switch("keep fields that AWS may have added since, as text columns")
    dry_run: bool = _switch("print what would be done, and do nothing")
    as_: str | None = _setting("table, csv, json, ndjson or parquet; default table", "FORM")
    output: str | None = _setting("write to this file instead of standard output", "FILE", "-o")
    quiet: bool = _switch("no progress, no notes")
    verbose: bool = _switch("the SQL, the number of AWS calls and, on an error, where it came from")

    folder: Path = field(default_factory=Path.cwd, metadata={"derived": True})
    """Where the settings file lies, else the current one: paths in that file start here."""


ROWS = {f.name: f for f in fields(Settings) if not f.metadata.get("derived")}
"""Each setting's dataclass field by its name."""


def flag(name: str) -> str:
    """``log_format`` -> ``--log-format``, ``as_`` -> ``--as``."""
    return "--" + name.rstrip("_").replace("_", "-")


def as_flags(s: Settings, names: Iterable[str], *left_out: str) -> tuple[str, ...]:
    """These settings as they are given on a command line, without those that say nothing.

    Values ``left_out`` say nothing either.
    """
    words: list[str] = []
    for name in names:
        value = getattr(s, name)
        if value is True:
            words.append(flag(name))
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str) and one not in left_out:
                words += (flag(name), one)
    return tuple(words)


def load(flags: Mapping[str, Any], environment: Mapping[str, str], current: Path) -> Settings:
    """Puts the three sources together. Raises BadSetting for a file that is wrong.

    A flag may be the list of all that was said of it: only a list may have several.
    """
    flags = {name: _once(name, said) for name, said in flags.items()}
    named = flags.get("config") or environment.get(ENVIRONMENT + "CONFIG")
    file = _named(Path(expanded(named, "--config"))) if named else _nearest(current)
    from_file = _read(file) if file else {}
    _check_variables(environment)
    found: dict[str, Any] = {}
    for name in ROWS:
        key = name.rstrip("_")
        said = flags.get(name)
        variable = environment.get(ENVIRONMENT + key.upper())
        if said == "" or (isinstance(said, list) and "" in said):
            raise BadSetting(f"{flag(name)} is empty", hint="an unset shell variable?")
        where = flag(name)
        if said:
            found[name] = tuple(said) if isinstance(said, list) else said
        elif variable:
            where = ENVIRONMENT + key.upper()
            found[name] = _typed(name, _from_text(name, variable), where)
        elif key in from_file:
            where = f"{file}: {key}"
            found[name] = _typed(name, from_file[key], where)
        if name in found and name in _PATHS:
            found[name] = expanded(found[name], where)
    return Settings(**found, folder=file.parent.resolve() if file else current)


def _once(name: str, said: Any) -> Any:
    if not isinstance(said, list) or ROWS[name].default == ():
        return said
    if len({*said}) > 1:
        raise BadSetting(
            f"{flag(name)} is given {len(said)} times: {', '.join(said)}", hint="give it once"
        )
    return said[0] if said else None


def expanded(path: str, where: str) -> str:
    """A path with ``~`` and ``~user`` as a shell has them.

    Raises BadSetting where there is no such home; ``where`` is what the path was given for.
    """
    found = os.path.expanduser(path)
    if found.startswith("~"):
        home = path.partition("/")[0]
        raise BadSetting(
            f"{where} {path}: there is no home directory {home}",
            hint=f"write ./{path} for a file of that name",
        )
    return found


def _check_variables(environment: Mapping[str, str]) -> None:
    """Raises BadSetting for a variable of ours that nothing reads: a budget must not be missed."""
    known = {ENVIRONMENT + name.rstrip("_").upper() for name in ROWS} | OTHER_VARIABLES
    for variable in sorted(environment):
        if variable.startswith(ENVIRONMENT) and variable not in known:
            key = variable.removeprefix(ENVIRONMENT).lower()
            near = did_you_mean(key, {name.rstrip("_") for name in ROWS})
            raise BadSetting(f"unknown variable {variable}{near}")


def _named(file: Path) -> Path:
    if not file.is_file():
        raise BadSetting(f"--config {file}: no such file")
    return file


def _nearest(current: Path) -> Path | None:
    for folder in (current, *current.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{file}: {error}") from None
    known = {name.rstrip("_") for name in ROWS} - {"config"}
    read = {key.replace("-", "_"): value for key, value in found.items()}
    unknown = [key + did_you_mean(key, known) for key in read if key not in known]
    if unknown:
        raise BadSetting(f"{file}: unknown: {'; '.join(unknown)}")
    return {key: _beside(file, key, value) for key, value in read.items()}


_PATHS = {
    *("logs", "location", "queries_dir", "catalog", "output", "trino_ca", "sql"),
    *("ledger", "inventory", "sizes", "store", "config"),
}


def _beside(file: Path, key: str, value: Any) -> Any:  # any TOML value
    """A relative path in a settings file starts where the file lies."""
    if key in ("ledger", "sizes") and str(value).lower() == OFF:
        return value
    if key in _PATHS and isinstance(value, str) and "://" not in value and value[:1] != "~":
        return str(file.parent / value)
    return value


def _from_text(name: str, text: str) -> object:
    if ROWS[name].default is False:
        try:
            return {"1": True, "true": True, "0": False, "false": False}[text.lower()]
        except KeyError:
            return text
    if name == "param":
        return text.splitlines()
    return text.replace(",", " ").split() if ROWS[name].default == () else text


def _typed(name: str, value: object, where: str) -> object:
    """The value as the setting's type. Raises BadSetting."""
    default = ROWS[name].default
    if default is False:
        if isinstance(value, bool):
            return value
        raise BadSetting(f"{where} = {value!r} is neither true nor false")
    if default == ():
        items = value if isinstance(value, list) else [value]
        if all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
            return tuple(str(item) for item in items)
        raise BadSetting(f"{where} = {value!r} is no list of texts")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise BadSetting(f"{where} = {value!r} is no text")
