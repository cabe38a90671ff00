"""Log formats: whatever people have in hand is read to the same ordered fields, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_flow.errors import BadFormat, UnknownField
from athena_flow.fields import BY_NAME, NAMES, TGW, TGW_DEFAULT, VPC, VPC_DEFAULT
from athena_flow.logformat import (
    DEFAULT,
    LogFormat,
    check_one_kind,
    format_of,
    from_names,
    has_default_shape,
    header_format,
    is_header,
    parse_format,
    union,
)

SHORT = ["version", "account-id", "pkt-srcaddr", "log-status"]
"""What every spelling below says."""

MORE = sorted({f.name for f in VPC + TGW})
VPC_ALONE = sorted({f.name for f in VPC} - {f.name for f in TGW})
TGW_ALONE = sorted({f.name for f in TGW} - {f.name for f in VPC})

_orders = st.sampled_from([VPC, TGW]).flatmap(
    lambda rows: st.lists(st.sampled_from(rows), min_size=1, unique=True)
)
formats = _orders.map(lambda rows: parse_format(" ".join(f.name for f in rows)))
"""Any ordered subset of the fields of one kind of log."""
mixed_formats = (
    st.tuples(
        st.sampled_from(VPC_ALONE), st.sampled_from(TGW_ALONE), st.sets(st.sampled_from(MORE))
    )
    .flatmap(lambda some: st.permutations(sorted({some[0], some[1], *some[2]})))
    .map(lambda names: parse_format(" ".join(names)))
)
"""Fields of both kinds of log in any order, as a table over both may have them."""


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
    "terraform attribute": 'log_format = "$${version} $${account-id} $${pkt-srcaddr}'
    ' $${log-status}"',
    "terraform attribute, aligned": """
      log_format               = "$${version} $${account-id} $${pkt-srcaddr} $${log-status}"
    """,
    "terraform heredoc": "log_format = <<EOT\n$${version} $${account-id}\n$${pkt-srcaddr}"
    " $${log-status}\nEOT\n",
    "terraform indented heredoc": """log_format = <<-EOT
        $${version} $${account-id}
        $${pkt-srcaddr} $${log-status}
      EOT
    """,
    "terraform chomp": 'log_format = chomp(<<-"EOT"\n  $${version} $${account-id} $${pkt-srcaddr}'
    " $${log-status}\n  EOT\n  )",
    "heredoc alone": "<<EOT\n${version} ${account-id} ${pkt-srcaddr} ${log-status}\nEOT",
    "yaml key": "LogFormat: ${version} ${account-id} ${pkt-srcaddr} ${log-status}",
    "yaml key, quoted": "LogFormat: '${version} ${account-id} ${pkt-srcaddr} ${log-status}'",
    "yaml key, folded": "log_format: >-\n  ${version} ${account-id}\n"
    "  ${pkt-srcaddr} ${log-status}\n",
    "yaml key, wrapped": "  LogFormat: ${version} ${account-id}\n    ${pkt-srcaddr}\n"
    "    ${log-status}\n",
    "yaml key of names": "log_format: version account-id pkt-srcaddr log-status",
    "yaml list": "- ${version}\n- ${account-id}\n- ${pkt-srcaddr}\n- ${log-status}\n",
    "yaml list of names": "  - version\n  - account-id # whose\n  - pkt-srcaddr\n  - 'log-status'",
    "yaml key of a list": "log_format:\n- ${version}\n- ${account-id}\n- ${pkt-srcaddr}\n"
    "- ${log-status}\ntraffic: ALL\n",
    "cloudformation sub": "LogFormat: !Sub '${!version} ${!account-id} ${!pkt-srcaddr}"
    " ${!log-status}'",
    "cloudformation join": "LogFormat: !Join\n  - ' '\n  - - ${version}\n    - ${account-id}\n"
    "    - ${pkt-srcaddr}\n    - ${log-status}\n",
    "json line": '  "LogFormat": "${version} ${account-id} ${pkt-srcaddr} ${log-status}",\n',
    "python argument": "LogFormat='${version} ${account-id} ${pkt-srcaddr} ${log-status}',",
    "javascript property": "logFormat: `${version} ${account-id} ${pkt-srcaddr} ${log-status}`,",
    "block comments": "/* the default\n and more */ ${version} /* whose */ ${account-id}"
    " ${pkt-srcaddr} ${log-status} /**/",
    "shell continuations": "${version} ${account-id} \\\n  ${pkt-srcaddr} \\\n  ${log-status}",
    "curly double quotes": "\u201c${version} ${account-id} ${pkt-srcaddr} ${log-status}\u201d",
    "curly single quotes": "\u2018${version} ${account-id} ${pkt-srcaddr} ${log-status}\u2019",
    "escaped braces": r"\$\{version\} \$\{account-id\} \$\{pkt-srcaddr\} \$\{log-status\}",
    "escaped quotes": r"\"${version} ${account-id} ${pkt-srcaddr} ${log-status}\"",
    "upper case": "${VERSION} ${ACCOUNT-ID} ${PKT-SRCADDR} ${LOG-STATUS}",
    "upper-case columns": "VERSION ACCOUNT_ID PKT_SRCADDR LOG_STATUS",
    "mixed case": "${Version} ${Account-Id} ${pkt-SrcAddr} ${Log-status}",
    "windows line ends": "${version} ${account-id}\r\n${pkt-srcaddr} # whose\r\n${log-status}\r\n",
    "windows header line": "version account-id pkt-srcaddr log-status\r\n",
    "windows heredoc": "log_format = <<EOT\r\n${version} ${account-id} ${pkt-srcaddr}"
    " ${log-status}\r\nEOT\r\n",
    "byte order mark": "\ufeff${version} ${account-id} ${pkt-srcaddr} ${log-status}",
    "markdown block": "```\n${version} ${account-id} ${pkt-srcaddr} ${log-status}\n```",
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


ENTRY = {
    "CreationTime": "2026-03-01T12:00:00.000Z",
    "FlowLogId": "fl-0a",
    "LogDestination": "arn:aws:s3:::logs/net/",
    "LogFormat": "${version} ${account-id} ${pkt-srcaddr} ${log-status}",
    "Tags": [{"Key": "purpose", "Value": "who: talks # to whom"}],
}
ANSWERS = {
    "whole answer": {"FlowLogs": [ENTRY], "ResponseMetadata": {}},
    "one entry": ENTRY,
    "list of entries": [ENTRY],
    "entries of one format": [ENTRY, ENTRY | {"FlowLogId": "fl-0b"}],
    "one format, spelled twice": [ENTRY, {"LogFormat": " ".join(SHORT)}],
    "the format alone": {"LogFormat": ENTRY["LogFormat"]},
}


@pytest.mark.parametrize("indent", [None, 4])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_of_describe_flow_logs(answer: object, indent: int | None, end: str) -> None:
    """The API's answer, or a piece of it, is the format that it holds."""
    assert _names(json.dumps(answer, indent=indent).replace("\n", end)) == SHORT


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ('{"FlowLogs": []}', "holds no flow log"),
        ('{"FlowLogs": {}}', "no answer of DescribeFlowLogs"),
        ('["LogFormat"]', "no answer of DescribeFlowLogs"),
        ('{"FlowLogs": [{"FlowLogId": "fl-0a"}]}', "fl-0a has no LogFormat"),
        ('{"FlowLogs": [{"LogFormat": null}]}', "an entry has no LogFormat"),
        ('{"FlowLogs": [{"LogFormat": "${end}"', "no JSON"),
        ("LogDestination: arn:aws:s3:::a\n- LogFormat: ${end}", "an entry has no LogFormat"),
        ("- LogFormat: ${end}\n- LogFormat: ${start}", "2 formats, those of ?; ?"),
    ],
)
def test_an_answer_without_one_format(answer: str, message: str) -> None:
    """What is wrong with it, and what to ask for instead."""
    with pytest.raises(BadFormat) as caught:
        parse_format(answer)
    assert message in str(caught.value)
    assert "aws ec2 describe-flow-logs" in (caught.value.hint or "")


def test_flow_logs_of_several_formats_are_named() -> None:
    """Those alike stand together."""
    answer = [ENTRY, ENTRY | {"FlowLogId": "fl-0b", "LogFormat": "${end}"}]
    with pytest.raises(BadFormat, match="2 formats, those of fl-0a, fl-0c; fl-0b"):
        parse_format(json.dumps([*answer, ENTRY | {"FlowLogId": "fl-0c"}]))


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
@given(formats | mixed_formats)
def test_a_format_is_read_back(fmt: LogFormat) -> None:
    """What a format says of itself, in either spelling, is the format again."""
    assert parse_format(fmt.header) == fmt
    assert parse_format(fmt.text) == fmt
    assert parse_format(" ".join(fmt.columns)) == fmt
    assert parse_format(fmt.text.replace("$", "$$")) == fmt
    assert parse_format(fmt.header.upper()) == fmt
    assert parse_format(f"LogFormat: {fmt.text}") == fmt
    assert parse_format(json.dumps({"LogFormat": fmt.text})) == fmt


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


EMPTY = {
    *("", " ", "\n", "\r\n", "''", "\u201c\u201d", "[]", "{}", "# only a comment", "/* one */"),
    *(">-\n", "LogFormat:", "LogFormat: ''", 'log_format = ""', "log_format = <<EOT\nEOT"),
    *('{"LogFormat": ""}', '{"FlowLogs": [{"LogFormat": " "}]}', "- \n- ", "\\\n"),
}


@pytest.mark.parametrize("text", sorted(EMPTY))
def test_an_empty_format_is_refused(text: str) -> None:
    """A format has one field at least, and the hint says how one is written."""
    with pytest.raises(BadFormat, match="empty") as caught:
        parse_format(text)
    assert "${version} ${srcaddr}" in (caught.value.hint or "")
    assert "single quotes" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["${}", "${ }", "${version} ${}", "${!}"])
def test_an_empty_placeholder_is_refused(text: str) -> None:
    """A placeholder without a name is a slip, in an error of the request."""
    with pytest.raises(BadFormat, match="names no field"):
        parse_format(text)


@pytest.mark.parametrize(
    "text",
    [
        "${version}${srcaddr}",
        "${version} srcaddr",
        "version ${srcaddr}",
        "${version} ${srcaddr",
        "log_format = local.format",
        "log_format = ${version} and more",
        "${version} \\\n${srcaddr",
        "${version}\\\n${srcaddr}",
        "<<EOT\n${version}",
        "log_format:\n  - srcaddr\n  - name: dstaddr\n",
        "log_format: >-\n  ${srcaddr}\n  more: ${dstaddr}\n",
        "${version}\nlog_format: ${srcaddr}",
        "log_format: ${end}\nlog_format: ${end}",
        'log_format = "${end}"\ndestination_options { file_format = "parquet" }',
        "aws ec2 create-flow-logs --log-format '${version} ${srcaddr}'",
        "version src;addr",
        "10.0.0.1 10.0.0.2",
        "version/srcaddr",
    ],
)
def test_what_is_no_format_is_refused(text: str) -> None:
    """Nothing is guessed or left out: a column too few would shift every other one."""
    with pytest.raises(BadFormat, match="log format"):
        parse_format(text)


def test_an_unclosed_placeholder_is_named() -> None:
    """Half a name would be half a guess."""
    with pytest.raises(BadFormat, match=r"'\$\{srcaddr' has no closing \}"):
        parse_format("${version} ${srcaddr")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        *(("${srcAddr} ${logstatus}", "log-status"), ("${accountId}", "account-id")),
        *(("PktSrcAddr", "pkt-srcaddr"), ("tcpflags", "tcp-flags"), ("scraddr", "srcaddr")),
        *(("sourceaddress", "srcaddr"), ("destinationaddress", "dstaddr")),
        *(("sourceport", "srcport"), ("destinationport", "dstport"), ("numbytes", "bytes")),
        *(("numpackets", "packets"), ("starttime", "start"), ("endtime", "end")),
        *(("source_port", "srcport"), ("dest_ip", "dstaddr"), ("src-ip", "srcaddr")),
        *(("pkt-source-address", "pkt-srcaddr"), ("tgw-destination-vpc-id", "tgw-dst-vpc-id")),
    ],
)
def test_the_nearest_field_is_the_one_that_is_meant(text: str, field: str) -> None:
    """By letters alone, by the names of AWS's old guide, and by what people write for src."""
    with pytest.raises(UnknownField) as caught:
        parse_format(text)
    assert str(caught.value).endswith(f" (nearest: {field})")


def test_an_unknown_name_is_shown_as_it_was_written() -> None:
    """What is searched for in one's own template has one's own case."""
    with pytest.raises(UnknownField, match=r"no field accountId \(nearest"):
        parse_format("${version} ${accountId}")


def test_a_name_unlike_any_other_has_no_nearest() -> None:
    """A wrong guess would be worse than none."""
    with pytest.raises(UnknownField) as caught:
        parse_format("version brand-new end")
    assert str(caught.value) == "log format: AWS has no field brand-new"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("version brand-new", "if AWS has added it since, --allow-unknown"),
        ("version brand-new BRAND_NEWER", "if AWS has added them since, --allow-unknown"),
        ("version tcpflags", None),
        ("version sourceaddress numbytes", None),
        ("version 10", None),
        ("version -", None),
        ("version version", None),
        ("  id id       status", "single quotes"),
        ("version brand-new id", "--allow-unknown"),
    ],
)
def test_the_hint_on_an_unknown_field(text: str, hint: str | None) -> None:
    """A name of a field's shape may be new; one that is a slip, or the shell's, is not."""
    with pytest.raises(UnknownField) as caught:
        parse_format(text)
    assert (hint in (caught.value.hint or "")) if hint else caught.value.hint is None


def test_spelling_and_case_do_not_hide_a_repetition() -> None:
    """A field is the same in any case."""
    with pytest.raises(UnknownField, match="repeated: srcaddr"):
        parse_format("srcaddr SrcAddr")


def test_the_kind_follows_from_the_fields() -> None:
    """A field that both kinds have takes the kind of its neighbours, and is VPC alone."""
    assert parse_format("srcaddr tgw-id").kind == "tgw"
    assert {f.kind for f in parse_format("srcaddr tgw-id").fields} == {"tgw"}
    assert {f.kind for f in parse_format("srcaddr end").fields} == {"vpc"}
    assert parse_format("srcaddr end").kind == "vpc"
    assert parse_format("srcaddr tgw-id").kind_title == "Transit Gateway"


def test_fields_of_both_kinds_are_a_format_of_both() -> None:
    """A Parquet table over logs of both kinds has such, and shared fields go with the VPC's."""
    found = parse_format("version action tgw-id vpc-id tgw-src-eni srcaddr")
    assert found.kind == "vpc+tgw"
    assert found.kinds == ("vpc", "tgw")
    assert found.kind_title == "VPC and Transit Gateway"
    assert LogFormat(()).kind == "vpc"
    assert [f.kind for f in found.fields] == ["vpc", "vpc", "tgw", "vpc", "tgw", "vpc"]


def test_no_text_log_has_fields_of_both_kinds() -> None:
    """Text is read by position, and one flow log is of one kind: the error names the fields."""
    both = parse_format("version action tgw-id vpc-id tgw-src-eni srcaddr")
    with pytest.raises(BadFormat, match="not both") as caught:
        check_one_kind(both)
    message = str(caught.value)
    assert message.endswith(": action, vpc-id against tgw-id, tgw-src-eni")
    assert "--file-type parquet" in (caught.value.hint or "")
    with pytest.raises(BadFormat, match="not both"):
        header_format(both.header)
    with pytest.raises(BadFormat, match="not both"):
        format_of(both.header, DEFAULT)
    check_one_kind(DEFAULT)
    check_one_kind(parse_format("default-tgw"))


@settings(deadline=None, max_examples=100)
@given(st.lists(formats, min_size=1, max_size=4))
def test_a_union_is_what_its_own_names_say(several: list[LogFormat]) -> None:
    """Whatever logs come first, a superset is read back from its header: tables rely on it."""
    found = union(several)
    assert parse_format(found.header) == found
    assert {n for fmt in several for n in fmt.columns} == set(found.columns)
    assert len(set(found.columns)) == len(found.columns)


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


def test_a_column_of_a_union_is_there_once() -> None:
    """Athena knows no case: two spellings of a Parquet column are one column."""
    found = union([from_names(["Thing", "end"], allow_unknown=True), parse_format("end")])
    assert found.columns == ("thing", "end")
    both = [from_names([name], allow_unknown=True) for name in ("Thing", "thing")]
    assert union(both).columns == ("thing",)


def test_shared_fields_have_the_same_types_in_both_kinds() -> None:
    """One column of a superset table reads both logs' Parquet files."""
    shared = BY_NAME["vpc"].keys() & BY_NAME["tgw"].keys()
    assert len(shared) == 18
    for name in shared:
        vpc, tgw = (BY_NAME[kind][name] for kind in ("vpc", "tgw"))
        assert (vpc.athena_type, vpc.parquet_type) == (tgw.athena_type, tgw.parquet_type)


def test_names_are_taken_as_a_list() -> None:
    """The columns of a Parquet file are a format as well."""
    assert from_names(["pkt_srcaddr", "end"]).header == "pkt-srcaddr end"
    with pytest.raises(UnknownField, match=r"SrcAddr \(nearest: srcaddr\)"):
        from_names(["SrcAddr", "end"])
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
