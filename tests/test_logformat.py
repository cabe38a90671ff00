"""Log formats: whatever people have in hand is read to the same ordered fields, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.errors import BadFormat, UnknownField
from athena_flow.fields import NAMES, TGW, TGW_DEFAULT, VPC, VPC_DEFAULT
from athena_flow.logformat import (
    DEFAULT,
    LogFormat,
    format_of,
    from_names,
    has_default_shape,
    is_header,
    parse_format,
    union,
)

SHORT = ["version", "account-id", "pkt-srcaddr", "log-status"]
"""What every spelling below says."""

_orders = st.sampled_from([VPC, TGW]).flatmap(
    lambda rows: st.lists(st.sampled_from(rows), min_size=1, unique=True)
)
formats = _orders.map(lambda rows: parse_format(" ".join(f.name for f in rows)))
"""Any ordered subset of the fields of one kind of log."""


def _names(text: str) -> list[str]:
    return [f.name for f in parse_format(text).fields]


@pytest.mark.parametrize("text", ["default", " default\n"])
def test_the_default_preset(text: str) -> None:
    """The word default stands for AWS's fourteen fields."""
    assert parse_format(text) == LogFormat(VPC_DEFAULT) == DEFAULT


def test_the_transit_gateway_preset() -> None:
    """The word default-tgw stands for all Transit Gateway fields, as Transit Gateway fields."""
    found = parse_format("default-tgw")
    assert found.fields == TGW_DEFAULT
    assert found.kind == "tgw"


SPELLINGS = {
    "aws": "${version} ${account-id} ${pkt-srcaddr} ${log-status}",
    "header line": "version account-id pkt-srcaddr log-status",
    "header line with its end": "version account-id pkt-srcaddr log-status\n",
    "parquet columns": "version account_id pkt_srcaddr log_status",
    "underscores": "${version} ${account_id} ${pkt_srcaddr} ${log_status}",
    "terraform": "$${version} $${account-id} $${pkt-srcaddr} $${log-status}",
    "backslash": "\\${version} \\${account-id} \\${pkt-srcaddr} \\${log-status}",
    "both": "$\\${version} $\\${account-id} $\\${pkt-srcaddr} $\\${log-status}",
    "backslash dollar": "\\$${version} \\$${account-id} \\$${pkt-srcaddr} \\$${log-status}",
    "double quotes": '"${version} ${account-id} ${pkt-srcaddr} ${log-status}"',
    "single quotes": "'${version} ${account-id} ${pkt-srcaddr} ${log-status}'",
    "back-ticks": "`${version} ${account-id} ${pkt-srcaddr} ${log-status}`",
    "in braces": "{`${version} ${account-id} ${pkt-srcaddr} ${log-status}`}",
    "several spaces": "${version}  ${account-id}\t${pkt-srcaddr}   ${log-status}",
    "several lines": "${version}\n${account-id}\n  ${pkt-srcaddr}\n${log-status}\n",
    "yaml folded": ">\n  ${version} ${account-id}\n  ${pkt-srcaddr} ${log-status}\n",
    "yaml folded and stripped": ">-\n  ${version}\n  ${account-id}\n  ${pkt-srcaddr}\n"
    "  ${log-status}",
    "yaml literal": "|\n  ${version}\n  ${account-id}\n  ${pkt-srcaddr}\n  ${log-status}\n",
    "commas": "${version}, ${account-id}, ${pkt-srcaddr}, ${log-status}",
    "names with commas": "version, account-id, pkt-srcaddr, log-status",
    "column list in back-ticks": "`version`, `account_id`, `pkt_srcaddr`, `log_status`",
    "list of strings": '["${version}", "${account-id}", "${pkt-srcaddr}", "${log-status}"]',
    "list of names": "['version', 'account-id', 'pkt-srcaddr', 'log-status']",
    "terraform join": """join(" ", [
        "$${version}",     # version 2
        "$${account-id}",
        # the address in the packet
        "$${pkt-srcaddr}", // version 3
        "$${log-status}",
      ])""",
    "commented names": """
        version      # version 2
        account-id
        # bytes is left out
        pkt-srcaddr  // version 3
        log-status
    """,
    "metric filter": "[version, account_id, pkt_srcaddr, log_status]",
    "metric filter with conditions": '[version = "2", account_id, pkt_srcaddr="10.*", log_status]',
    "metric filter with operators": "[version>=2, account_id != 1, pkt_srcaddr<>x, log_status]",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_spelling_is_the_same_format(text: str) -> None:
    """The marks of AWS, Terraform, shells, YAML, lists and filters around names change nothing."""
    assert _names(text) == SHORT


def test_a_metric_filter_may_leave_fields_out_at_the_front() -> None:
    """An ellipsis stands for unknown fields, and a text table is positional: that is no format."""
    with pytest.raises((BadFormat, UnknownField)) as caught:
        parse_format("[..., action = REJECT]")
    assert "..." in str(caught.value)


def test_order_is_kept() -> None:
    """Text columns are positional, so the order is the user's and never AWS's."""
    assert _names("end start version") == ["end", "start", "version"]


def test_both_spellings_come_back() -> None:
    """A format gives AWS's spelling, the header of its files and the columns of its table."""
    found = parse_format("log_status pkt_srcaddr end")
    assert found.text == "${log-status} ${pkt-srcaddr} ${end}"
    assert found.header == "log-status pkt-srcaddr end"
    assert found.columns == ("log_status", "pkt_srcaddr", "end")
    assert "pkt_srcaddr" in found
    assert "pkt-srcaddr" not in found


@settings(deadline=None, max_examples=200)
@given(formats)
def test_a_format_is_read_back(fmt: LogFormat) -> None:
    """What a format says of itself, in either spelling, is the format again."""
    assert parse_format(fmt.header) == fmt
    assert parse_format(fmt.text) == fmt
    assert parse_format(" ".join(fmt.columns)) == fmt
    assert parse_format(fmt.text.replace("$", "$$")) == fmt


@settings(deadline=None, max_examples=100)
@given(formats)
def test_a_header_is_recognised(fmt: LogFormat) -> None:
    """The first line of a delivered file is a header, and says the file's own format."""
    assert is_header(fmt.header)
    assert [f.name for f in format_of(fmt.header, DEFAULT).fields] == [f.name for f in fmt.fields]


def test_all_unknown_fields_are_named_at_once() -> None:
    """Each unknown name is listed once with the nearest that there is, in one error."""
    with pytest.raises(UnknownField) as caught:
        parse_format("${scraddr} ${version} ${windowend} ${scraddr} ${tcpflags}")
    message = str(caught.value)
    assert message.count("scraddr (nearest: srcaddr)") == 1
    assert "tcpflags (nearest: tcp-flags)" in message
    assert "windowend (nearest: end)" in message
    assert "version (" not in message
    assert "\n" not in message


def test_one_unknown_field_is_singular() -> None:
    """The message speaks of one field when it is one."""
    with pytest.raises(UnknownField) as caught:
        parse_format("version scraddr")
    assert str(caught.value) == "log format: AWS has no field scraddr (nearest: srcaddr)"


def test_all_repeated_fields_are_named_at_once() -> None:
    """AWS writes a field once; every repeated one is in the same error, beside the unknown."""
    with pytest.raises(UnknownField, match="no field foo") as caught:
        parse_format("end start foo end start version")
    assert "repeated: end, start" in str(caught.value)


def test_spelling_does_not_hide_a_repetition() -> None:
    """A hyphen and an underscore are one name."""
    with pytest.raises(UnknownField, match="repeated: account-id"):
        parse_format("account-id account_id")


@pytest.mark.parametrize("text", ["", " ", "\n", "''", "[]", "{}", "# only a comment", ">-\n"])
def test_an_empty_format_is_refused(text: str) -> None:
    """A format has one field at least, and the hint says how one is written."""
    with pytest.raises(BadFormat, match="empty") as caught:
        parse_format(text)
    assert "${version} ${srcaddr}" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["${}", "${ }", "${version} ${}"])
def test_an_empty_placeholder_is_refused(text: str) -> None:
    """A placeholder without a name is a slip, in an error of the request."""
    with pytest.raises((BadFormat, UnknownField)):
        parse_format(text)


@pytest.mark.parametrize(
    "text",
    [
        "${version}${srcaddr}",
        "${version} srcaddr",
        "version ${srcaddr}",
        "${version} ${srcaddr",
        "log_format = ${version}",
        "version src;addr",
        "10.0.0.1 10.0.0.2",
        "version/srcaddr",
    ],
)
def test_what_is_no_format_is_refused(text: str) -> None:
    """Nothing is guessed or left out: a column too few would shift every other one."""
    with pytest.raises(BadFormat, match="log format"):
        parse_format(text)


def test_names_are_case_sensitive_but_explained() -> None:
    """AWS spells fields in lower case; another case is refused with the right spelling."""
    with pytest.raises(UnknownField, match=r"SrcAddr \(nearest: srcaddr\)"):
        parse_format("${SrcAddr}")


def test_vpc_and_transit_gateway_fields_do_not_mix() -> None:
    """One flow log is of one kind, and the error names the fields of each."""
    with pytest.raises(BadFormat, match="not both") as caught:
        parse_format("version action tgw-id vpc-id tgw-src-eni srcaddr")
    message = str(caught.value)
    assert "action, vpc-id" in message
    assert "tgw-id, tgw-src-eni" in message


def test_the_kind_follows_from_the_fields() -> None:
    """A field that both kinds have takes the kind of its neighbours, and is VPC alone."""
    assert parse_format("srcaddr tgw-id").kind == "tgw"
    assert {f.kind for f in parse_format("srcaddr tgw-id").fields} == {"tgw"}
    assert {f.kind for f in parse_format("srcaddr end").fields} == {"vpc"}


def test_a_newer_field_is_kept_in_its_place() -> None:
    """A file may hold a field that AWS has added since: it is a string column where it stands."""
    found = parse_format("version new-thing srcaddr", allow_unknown=True)
    assert [(f.column, f.athena_type) for f in found.fields] == [
        ("version", "int"),
        ("new_thing", "string"),
        ("srcaddr", "string"),
    ]
    assert parse_format(found.text, allow_unknown=True) == found
    with pytest.raises(UnknownField, match="repeated"):
        parse_format("x-y version x-y", allow_unknown=True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("version account-id interface-id srcaddr", True),
        ("version brand-new-field", True),
        ("end", True),
        ("", False),
        ("-", False),
        ("2 123456789012 eni-0a 10.0.0.1 10.0.0.2 0 0 1 4 336 1 2 ACCEPT OK", False),
        ("brand-new-field", False),
    ],
)
def test_a_header_is_told_from_a_record(line: str, expected: bool) -> None:
    """By its words: a record holds addresses, numbers and dashes, a header names of fields."""
    assert is_header(line) is expected


RECORD = "2 123456789012 eni-0a 10.0.0.1 10.0.0.2 1 2 6 4 336 1763719507 1763719567 ACCEPT OK"
NODATA = "2 123456789012 eni-0a - - - - - - - 1763719507 1763719567 - NODATA"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (RECORD, True),
        (NODATA, True),
        (RECORD.replace("123456789012", "unknown"), True),
        (RECORD + " extra", False),
        (RECORD.removesuffix(" OK"), False),
        (RECORD.replace("1763719507", "-"), False),
        ("", False),
    ],
)
def test_the_shape_of_the_default_format(line: str, expected: bool) -> None:
    """A file without a header may be in the default format only if its records look so."""
    assert has_default_shape(line) is expected


def test_a_file_says_its_own_format() -> None:
    """A header wins over the table; without one it is the table's, or the default by shape."""
    table = parse_format("srcaddr dstaddr")
    assert format_of("end start", table) == parse_format("end start")
    assert format_of("10.0.0.1 10.0.0.2", table) == table
    assert format_of(RECORD, table) == DEFAULT
    alphabetical = parse_format(" ".join(sorted(DEFAULT.header.split())))
    assert format_of(RECORD, alphabetical) == alphabetical


def test_a_union_holds_every_field_once() -> None:
    """Several formats together are their fields in the order of first appearance."""
    found = union([parse_format("end start"), parse_format("version start"), parse_format("bytes")])
    assert found.header == "end start version bytes"


def test_names_are_taken_as_a_list() -> None:
    """The columns of a Parquet file are a format as well."""
    assert from_names(["pkt_srcaddr", "end"]).header == "pkt-srcaddr end"
    with pytest.raises(BadFormat, match="empty"):
        from_names([])


def test_every_real_format_is_read_or_named(shared: Path) -> None:
    """54 strings that people wrote: each gives its fields in order, or all its unknown names."""
    entries = json.loads((shared / "data/formats.json").read_text("utf-8"))
    assert len(entries) == 54
    wrong = []
    for entry in entries:
        expected = [name.replace("_", "-") for name in entry["fields"]]
        unknown = [name.replace("_", "-") for name in entry["unknown_fields"]]
        try:
            found = _names(entry["format"])
        except UnknownField as error:
            said = {word for word in str(error).replace(",", " ").split() if word not in NAMES}
            fine = bool(unknown) and set(unknown) <= said
        else:
            fine = not unknown and found == expected
        if not fine:
            wrong.append(entry["format"])
    assert wrong == []
