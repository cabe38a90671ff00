"""Table specs: what Athena takes for a table, and how a table remembers what it is."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_layout import DAILY_KEY, HIVE_KEY, REGIONS
from test_logformat import formats

from athena_flow.errors import BadFormat, BadSetting, ForeignTable, TableDiffers
from athena_flow.layout import DAILY, LAYOUTS, Partition, layout_named
from athena_flow.logformat import DEFAULT, parse_format
from athena_flow.settings import ROWS, load
from athena_flow.shape import table_spec
from athena_flow.table import (
    Projection,
    TableSpec,
    before_root,
    check_same,
    differences,
    properties,
    s3_location,
    spec_from_properties,
)

SPEC = TableSpec("flow_logs", "vpc_flow_logs", "s3://bucket/prefix/", DEFAULT, DAILY)

names = st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True)
locations = st.builds(
    lambda bucket, folders: f"s3://{bucket}/" + "".join(f"{folder}/" for folder in folders),
    st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", fullmatch=True),
    st.lists(
        st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/*"), min_size=1),
        max_size=3,
    ),
)
projections = st.builds(
    Projection,
    start=st.dates(date(1000, 1, 1), date(9999, 12, 31)),
    regions=st.lists(st.sampled_from(REGIONS), min_size=1, unique=True).map(tuple),
    accounts=st.lists(st.from_regex(r"[0-9]{12}", fullmatch=True), max_size=30, unique=True).map(
        tuple
    ),
)
layouts = st.sampled_from(
    [
        *LAYOUTS.values(),
        layout_named(HIVE_KEY.replace("aws-service=", "service=")),
        layout_named(DAILY_KEY.replace("AWSLogs/", "AWSLogs/o-abcdefghij/")),
    ]
)
kinds = st.sampled_from([("text", 1), ("text", 0), ("parquet", 1)])
"""File types, each with the header lines that it can have."""
specs = st.tuples(st.none() | projections, kinds).flatmap(
    lambda drawn: st.builds(
        TableSpec,
        database=names,
        name=names,
        location=locations,
        format=formats,
        layout=layouts,
        file_type=st.just(drawn[1][0]),
        partitions=st.just("projection" if drawn[0] else "explicit"),
        projection=st.just(drawn[0]),
        header_lines=st.just(drawn[1][1]),
    )
)
"""Any table that `init-table` can make."""


def test_a_spec_says_what_others_need() -> None:
    """Title, quoted name, own location, columns and keys follow from the spec."""
    assert SPEC.title == "flow_logs.vpc_flow_logs"
    assert SPEC.sql.text == '"flow_logs"."vpc_flow_logs"'
    assert SPEC.root == "s3://bucket/prefix/AWSLogs/"
    assert SPEC.columns[:2] == (("version", "int"), ("account_id", "string"))
    assert len(SPEC.columns) == 14
    assert SPEC.keys == (
        ("aws_account_id", "string"),
        ("aws_region", "string"),
        ("date", "string"),
    )


def test_a_partition_has_its_place() -> None:
    """The location of a partition is its folder below what stands before AWSLogs/."""
    partition = DAILY.parse(DAILY_KEY)
    assert partition is not None
    assert SPEC.place(partition) == (
        "s3://bucket/prefix/AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/11/20/"
    )
    assert SPEC.place(partition).startswith(SPEC.root)


@settings(deadline=None, max_examples=100)
@given(specs)
def test_keys_never_hide_a_column(spec: TableSpec) -> None:
    """No partition key has the name of a data column: a text table must keep its columns all."""
    columns = [name for name, _ in spec.columns]
    keys = [name for name, _ in spec.keys]
    assert len({*columns, *keys}) == len(columns) + len(keys)
    assert columns == [f.column for f in spec.format.fields]


def test_a_newer_field_named_as_a_key_is_refused() -> None:
    """Should AWS add a field called date, the table says so instead of breaking later."""
    with pytest.raises(BadFormat, match="partition key is called date already"):
        replace(SPEC, format=parse_format("version date", allow_unknown=True))


@pytest.mark.parametrize("what", ["database", "name"])
@pytest.mark.parametrize("text", ["a", "0", "_", "flow_logs_2026", "a" * 255])
def test_good_names(what: str, text: str) -> None:
    """Lower-case letters, digits and underscores, up to 255 of them."""
    assert text in replace(SPEC, **{what: text}).title


@pytest.mark.parametrize("what", ["database", "name"])
@pytest.mark.parametrize(
    "text",
    [
        *("", "A", "Flow", "flow-logs", "flow logs", "flow.logs", "a" * 256, "x;", "x`", 'x"'),
        *("a\n", " a", "\u0661", "\u00e4"),
    ],
)
def test_bad_names(what: str, text: str) -> None:
    """Any other name is refused with the rule, before anything is sent."""
    with pytest.raises(BadSetting, match="is no") as caught:
        replace(SPEC, **{what: text})
    assert repr(text) in str(caught.value)
    assert "lower-case" in (caught.value.hint or "")


@pytest.mark.parametrize("location", ["", "s3://bucket", "s3://bucket/x", "s3://b//x/", "/a//b/"])
def test_bad_locations_of_a_spec(location: str) -> None:
    """A location ends in one slash and has no empty folder."""
    with pytest.raises(BadSetting, match="must end in /"):
        replace(SPEC, location=location)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("s3://bucket", "s3://bucket/"),
        ("s3://bucket/", "s3://bucket/"),
        ("s3://my.bucket-1/a/b", "s3://my.bucket-1/a/b/"),
        ("s3://bucket/a/b/", "s3://bucket/a/b/"),
        ("s3://bucket/myAWSLogs/", "s3://bucket/myAWSLogs/"),
    ],
)
def test_good_s3_locations(text: str, location: str) -> None:
    """A final slash may be left out."""
    assert s3_location(text) == location


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "s3://bucket/"),
        ("bucket/prefix/", "s3://bucket/prefix/"),
        ("/var/log/", "s3://bucket/prefix/"),
        ("s3a://bucket/", "s3://"),
        ("https://bucket.s3.amazonaws.com/", "s3://"),
        ("s3://", "s3://"),
        ("s3:///x/", "s3://"),
        ("s3://Bucket/", "s3://"),
        ("s3://b/", "s3://"),
        ("s3://bucket//x/", "s3://"),
        ("s3://bucket/x//y/", "s3://"),
        ("s3://bucket/x//", "s3://"),
        ("s3://bucket/x\ny/", "s3://"),
        ("s3://bucket/*/", "s3://"),
        ("arn:aws:s3:::bucket/prefix/", "write s3://bucket/prefix/"),
        ("arn:aws-cn:s3:::bucket", "write s3://bucket/"),
        ("s3://bucket/prefix/AWSLogs/", "write s3://bucket/prefix/ "),
        ("s3://bucket/AWSLogs", "write s3://bucket/ "),
        ("s3://bucket/AWSLogs/123456789012/vpcflowlogs/", "--account"),
    ],
)
def test_bad_s3_locations(text: str, hint: str) -> None:
    """Athena takes no ARN, wildcard or //, and the hint says what was meant."""
    with pytest.raises(BadSetting, match="location") as caught:
        s3_location(text)
    assert hint in (caught.value.hint or "")


def test_a_folder_may_not_reach_into_the_tree() -> None:
    """What stands before AWSLogs/ is asked for, of directories as of buckets."""
    assert before_root("/data/logs/") == "/data/logs/"
    with pytest.raises(BadSetting, match="reaches into AWSLogs/"):
        before_root("/data/AWSLogs/123456789012/")


@settings(deadline=None, max_examples=150)
@given(specs)
def test_a_table_remembers_itself(spec: TableSpec) -> None:
    """The spec comes back from the properties alone, among those of others."""
    kept = {**properties(spec), "transient_lastDdlTime": "1763719507", "classification": "csv"}
    assert spec_from_properties(spec.database, spec.name, kept) == spec


def test_properties_hold_no_dollar() -> None:
    """Shells, Terraform and Hive's own substitution eat dollars, so the format has none."""
    found = properties(SPEC)
    assert "$" not in "".join(found.values())
    assert found["athena_flow.log_format"] == DEFAULT.header


SKIP = "skip.header.line.count"


def test_a_header_line_is_skipped_in_text_only() -> None:
    """Hive would drop the first row of each Parquet file; without header lines none is skipped."""
    assert properties(SPEC)[SKIP] == "1"
    assert SKIP not in properties(replace(SPEC, file_type="parquet"))
    assert SKIP not in properties(replace(SPEC, header_lines=0))


def test_header_lines_are_remembered_as_engines_count_them() -> None:
    """A table made before 0 could be asked for has 1; one that was altered is what it does."""
    before = {
        SKIP: "1",
        "athena_flow.location": "s3://bucket/prefix/",
        "athena_flow.layout": "daily",
        "athena_flow.file_type": "text",
        "athena_flow.partitions": "explicit",
        "athena_flow.log_format": DEFAULT.header,
    }
    assert spec_from_properties(SPEC.database, SPEC.name, before) == SPEC
    for altered in ({**before, SKIP: "0"}, {k: v for k, v in before.items() if k != SKIP}):
        found = spec_from_properties(SPEC.database, SPEC.name, altered)
        assert found == replace(SPEC, header_lines=0)
    parquet = {**before, "athena_flow.file_type": "parquet", SKIP: "0"}
    found = spec_from_properties(SPEC.database, SPEC.name, parquet)
    assert found == replace(SPEC, file_type="parquet")


def test_parquet_has_no_header_lines() -> None:
    """0 of them for Parquet is a slip, and would be forgotten."""
    with pytest.raises(BadSetting, match="no header lines"):
        replace(SPEC, file_type="parquet", header_lines=0)


def test_a_remembered_newer_field_is_read() -> None:
    """A table made by a newer version with a field that AWS added since is still ours."""
    kept = {**properties(SPEC), "athena_flow.log_format": "version brand-new end"}
    assert spec_from_properties("db", "t", kept).columns[1] == ("brand_new", "string")


@pytest.mark.parametrize("found", [{}, {"skip.header.line.count": "1"}, {"EXTERNAL": "TRUE"}])
def test_a_foreign_table_is_refused(found: dict[str, str]) -> None:
    """A table that somebody else made is named, with what to do instead."""
    with pytest.raises(ForeignTable, match=r"table db\.t was not created by athena-flow") as caught:
        spec_from_properties("db", "t", found)
    assert "--table" in (caught.value.hint or "")


@pytest.mark.parametrize("lost", [k for k in properties(SPEC) if k.startswith("athena_flow.")])
def test_a_lost_property_makes_a_table_foreign(lost: str) -> None:
    """Without any one of its properties a table cannot be trusted, and the property is named."""
    kept = {k: v for k, v in properties(SPEC).items() if k != lost}
    with pytest.raises(ForeignTable, match=lost):
        spec_from_properties("db", "t", kept)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("layout", "weekly"),
        ("layout", ""),
        ("file_type", "orc"),
        ("partitions", "magic"),
        ("location", "s3://bucket"),
        ("location", "s3://bucket//x/"),
        ("log_format", ""),
        ("log_format", "version version"),
        ("log_format", "version; DROP"),
        ("log_format", "version date"),
        ("template", "AWSLogs/{nonsense}/"),
        ("partitions", "projection"),
    ],
)
def test_a_spoiled_property_makes_a_table_foreign(key: str, value: str) -> None:
    """A property that this package does not write is a table of someone else, not a bad request."""
    kept = {**properties(SPEC), f"athena_flow.{key}": value}
    with pytest.raises(ForeignTable, match=r"db\.t"):
        spec_from_properties("db", "t", kept)


def test_the_same_table_is_the_same() -> None:
    """A table found again under its name is no conflict."""
    check_same(SPEC, replace(SPEC))


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("location", {"location": "s3://other/"}),
        ("layout", {"layout": LAYOUTS["hourly"]}),
        ("file type", {"file_type": "parquet"}),
        (
            "partitions",
            {
                "partitions": "projection",
                "projection": Projection(date(2026, 1, 1), ("eu-west-1",)),
            },
        ),
        ("number of header lines", {"header_lines": 0}),
        ("log format", {"format": parse_format("version end")}),
    ],
)
def test_another_table_differs_by_name(what: str, change: dict[str, Any]) -> None:
    """A table of that name which is another one is told by its first difference."""
    with pytest.raises(TableDiffers, match=f"exists with another {what}: ") as caught:
        check_same(replace(SPEC, **change), SPEC)
    assert "--table" in (caught.value.hint or "")
    assert "--replace" in (caught.value.hint or "")


def test_every_difference_is_told_at_once() -> None:
    """One line says them all, each as it is there and as it was asked for."""
    other = replace(
        SPEC,
        location="s3://other/",
        layout=layout_named(HIVE_KEY.replace("aws-service=", "service=")),
        header_lines=0,
        format=parse_format("version account-id srcaddr"),
    )
    assert differences(other, SPEC) == [
        "location: s3://other/, not s3://bucket/prefix/",
        f"layout: {other.layout.template}, not daily",
        "number of header lines: 0, not 1",
        "log format: field 3 is srcaddr, not interface-id (only here: interface-id, dstaddr,"
        " srcport, dstport, protocol, packets, bytes, start, end, action, log-status)",
    ]
    assert differences(SPEC, SPEC) == []


def test_differences_of_projections_are_told_by_part() -> None:
    """First day, regions and accounts; that they stand in another order makes no difference."""
    computed = Projection(date(2026, 1, 1), ("eu-west-1", "us-east-1"), ("1" * 12, "2" * 12))
    one = replace(SPEC, partitions="projection", projection=computed)

    def told(**change: Any) -> list[str]:
        return differences(replace(one, projection=replace(computed, **change)), one)

    assert told() == []
    assert told(regions=("us-east-1", "eu-west-1"), accounts=("2" * 12, "1" * 12)) == []
    assert told(start=date(2025, 1, 1)) == ["first day: 2025-01-01, not 2026-01-01"]
    assert told(regions=("us-east-1",)) == [
        "set of regions: us-east-1, not eu-west-1, us-east-1 (only here: eu-west-1)"
    ]
    assert told(accounts=()) == [
        f"set of accounts: whichever a query names, not {'1' * 12}, {'2' * 12}"
    ]
    assert differences(SPEC, one) == ["partitions: explicit, not projection"]


def _asked(command: str, folder: Path) -> TableSpec:
    """What init-table makes of a command, without running it."""
    program, job, *words = shlex.split(command)
    assert (program, job) == ("athena-flow", "init-table")
    flags: dict[str, Any] = {}
    while words:
        name = words.pop(0).removeprefix("--").replace("-", "_")
        if ROWS[name].default is False:
            flags[name] = True
        elif ROWS[name].default == ():
            flags.setdefault(name, []).append(words.pop(0))
        else:
            flags[name] = words.pop(0)
    return table_spec(load(flags, {}, folder))


@settings(deadline=None, max_examples=100)
@given(spec=specs)
def test_the_command_of_a_table_asks_for_it(
    tmp_path_factory: pytest.TempPathFactory, spec: TableSpec
) -> None:
    """Whatever a table is, the command that hints name makes that very table."""
    assume("?" not in spec.location)  # no wildcard is taken on the command line, and no year 9000
    assume(spec.projection is None or spec.projection.start.year < 9000)
    assert _asked(spec.command("--replace"), tmp_path_factory.getbasetemp()) == spec


PROJECTED = replace(
    SPEC,
    partitions="projection",
    projection=Projection(date(2026, 1, 1), ("eu-west-1", "us-gov-west-1")),
)


def test_a_projection_is_configured_for_every_key() -> None:
    """Athena refuses a projected table with a key that has no configuration, or a range too few."""
    spec = replace(PROJECTED, layout=LAYOUTS["hive-hourly"])
    found = {k: v for k, v in properties(spec).items() if not k.startswith("athena_flow.")}
    assert found == {
        "skip.header.line.count": "1",
        "projection.enabled": "true",
        "projection.aws_account_id.type": "injected",
        "projection.aws_region.type": "enum",
        "projection.aws_region.values": "eu-west-1,us-gov-west-1",
        "projection.date.type": "date",
        "projection.date.format": "'year='yyyy'/month='MM'/day='dd",
        "projection.date.range": "year=2026/month=01/day=01,NOW+1DAYS",
        "projection.date.interval": "1",
        "projection.date.interval.unit": "DAYS",
        "projection.hour.type": "integer",
        "projection.hour.range": "00,23",
        "projection.hour.digits": "2",
        "storage.location.template": "s3://bucket/prefix/AWSLogs/aws-account-id=${aws_account_id}/"
        "aws-service=vpcflowlogs/aws-region=${aws_region}/${date}/hour=${hour}/",
    }


@settings(deadline=None, max_examples=100)
@given(specs.filter(lambda spec: spec.projection is not None), st.integers(0, 400))
def test_a_projected_partition_lies_where_it_is(spec: TableSpec, hours: int) -> None:
    """The values put into the storage template are the very folder that AWS delivers to."""
    moment = datetime(2028, 2, 20 + hours // 48, hours % 24, tzinfo=UTC)
    start = moment if "hour" in spec.layout.keys else moment.replace(hour=0)
    partition = Partition("123456789012", "il-central-1", start)
    place = properties(spec)["storage.location.template"].removeprefix(spec.location)
    for key, value in zip(spec.layout.keys, spec.values(partition), strict=True):
        assert f"${{{key}}}" in place
        place = place.replace(f"${{{key}}}", value)
    assert spec.location + place == spec.place(partition)


def test_an_explicit_table_projects_nothing() -> None:
    """With projection.* present the registered partitions would be ignored."""
    assert [k for k in properties(SPEC) if k.startswith(("projection", "storage"))] == []


def test_a_projection_has_regions_and_few_accounts() -> None:
    """Regions are an enum that cannot be empty; AWS speaks of a few dozen values."""
    many = tuple(f"{n:012}" for n in range(31))
    assert Projection(date(2026, 1, 1), ("eu-west-1",), many[:30]).accounts == many[:30]
    with pytest.raises(BadSetting, match="up to 30 accounts, not 31"):
        Projection(date(2026, 1, 1), ("eu-west-1",), many)
    with pytest.raises(BadSetting, match="--region"):
        Projection(date(2026, 1, 1), ())


@pytest.mark.parametrize("change", [{"projection": None}, {"partitions": "explicit"}])
def test_a_projection_goes_with_projected_partitions(change: dict[str, Any]) -> None:
    """One without the other is no table."""
    with pytest.raises(BadSetting, match="projection"):
        replace(PROJECTED, **change)
