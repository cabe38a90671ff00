"""The demo tree: AWS's shape, nothing from the future, and the planted events really in it."""

from __future__ import annotations

import gzip
import ipaddress
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from athena_flow import demo
from athena_flow.demo import ALL_FIELDS, Demo, Event, Planted, Record, write_demo
from athena_flow.fields import VPC
from athena_flow.layout import DAILY, LAYOUTS, Layout, Partition
from athena_flow.logformat import DEFAULT, parse_format

NOW = datetime(2026, 11, 21, 11, 50, 30, tzinfo=UTC)
FLOW = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "action")
NAMES = [f.name for f in VPC]
STAMP = re.compile(r"_(\d{8}T\d{4}Z)_[0-9a-f]{8}\.log\.gz$")

each_event = pytest.mark.parametrize("name", [f.name for f in fields(Planted)])


def _files(root: Path) -> dict[str, list[str]]:
    found = sorted(p for p in root.rglob("*") if p.is_file())
    return {
        p.relative_to(root).as_posix(): gzip.decompress(p.read_bytes()).decode().splitlines()
        for p in found
    }


def _records(rows: Iterable[list[str]]) -> Iterator[Record]:
    for text in rows:
        names = text[0].split(" ")
        yield from (dict(zip(names, row.split(" "), strict=True)) for row in text[1:])


def _bytes(root: Path) -> dict[Path, bytes]:
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*.gz")}


def _slot(key: str) -> datetime:
    match = STAMP.search(key)
    assert match
    return datetime.strptime(match[1], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Demo]:
    root = tmp_path_factory.mktemp("demo")
    return root, write_demo(root, NOW)


@pytest.fixture(scope="module")
def texts(tree: tuple[Path, Demo]) -> dict[str, list[str]]:
    return _files(tree[0])


@pytest.fixture(scope="module")
def found(texts: dict[str, list[str]]) -> list[Record]:
    return list(_records(texts.values()))


def test_the_same_seed_and_clock_give_the_same_bytes(tmp_path: Path) -> None:
    """Two runs write identical files, so a test or a README may quote their rows."""
    first, second = (write_demo(tmp_path / name, NOW, days=1) for name in "ab")
    assert first == second
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b") != {}


def test_another_seed_gives_other_traffic_at_the_same_keys(tmp_path: Path) -> None:
    """The seed varies the traffic, neither the interfaces nor the planted events."""
    first, second = (write_demo(tmp_path / str(n), NOW, seed=n, days=1) for n in (1, 2))
    one, two = _bytes(tmp_path / "1"), _bytes(tmp_path / "2")
    assert one.keys() == two.keys()
    assert all(one[key] != two[key] for key in one)
    assert first.planted == second.planted


def test_no_name_and_no_time_in_the_gzip_header(tree: tuple[Path, Demo]) -> None:
    """Flags and mtime of the gzip header are zero: else the bytes would change by the second."""
    assert {content[3:8] for content in _bytes(tree[0]).values()} == {bytes(5)}


def test_what_is_returned_is_what_was_written(
    tree: tuple[Path, Demo], texts: dict[str, list[str]], found: list[Record]
) -> None:
    """Files, records and compressed bytes are counted, and of the size that was asked for."""
    root, written = tree
    assert written.files == len(texts)
    assert written.records == len(found)
    assert written.size_bytes == sum(len(content) for content in _bytes(root).values())
    assert 40_000 <= written.records <= 60_000
    assert written.size_bytes < 5_000_000


def test_every_file_has_the_header_and_full_rows(texts: dict[str, list[str]]) -> None:
    """Every line has as many values as the header, none of them empty."""
    for text in texts.values():
        assert text[0] == ALL_FIELDS.header
        assert len(text) > 3
        assert {len([v for v in row.split(" ") if v]) for row in text} == {54}


def test_every_key_is_one_of_the_daily_layout(texts: dict[str, list[str]]) -> None:
    """Keys parse back to an account, region and day: 2 x 2 x 7 of them, today included."""
    places = {key: DAILY.parse(key) for key in texts}
    for key, place in places.items():
        assert place
        assert place.start == _slot(key).replace(hour=0, minute=0)
        assert key.rpartition("/")[2].startswith(f"{place.account}_vpcflowlogs_{place.region}_fl-")
    assert len(set(places.values())) == 28
    assert max(place.start for place in places.values() if place) == NOW.replace(
        hour=0, minute=0, second=0
    )


def test_every_record_ends_in_the_slot_of_its_file(texts: dict[str, list[str]]) -> None:
    """``end`` lies in the 5 minutes from the file's time, and so in the day of its folder."""
    for key, text in texts.items():
        slot = _slot(key)
        assert slot.minute % 5 == 0
        first = int(slot.timestamp())
        for record in _records([text]):
            assert first <= int(record["end"]) < first + 300, key
            assert 20 <= int(record["end"]) - int(record["start"]) <= 60


def test_every_record_is_of_its_folder(texts: dict[str, list[str]]) -> None:
    """Account and region in the records are those of the path."""
    for key, text in texts.items():
        place = DAILY.parse(key)
        assert place
        own = {(r["account-id"], r["region"]) for r in _records([text])}
        assert own == {(place.account, place.region)}


def test_nothing_is_after_now(found: list[Record]) -> None:
    """Today's records end before the clock's time, and the last file is not long ago."""
    last = max(int(record["end"]) for record in found)
    assert NOW - timedelta(hours=4) < datetime.fromtimestamp(last, UTC) < NOW


def test_all_kinds_of_rows_are_there(found: list[Record]) -> None:
    """Each value that a saved query could ask for occurs."""

    def values(name: str) -> set[str]:
        return {record[name] for record in found}

    assert values("version") == {"11"}
    assert values("action") == {"ACCEPT", "REJECT", "-"}
    assert values("log-status") == {"OK", "NODATA", "SKIPDATA"}
    assert values("type") == {"IPv4", "IPv6", "-"}
    assert values("protocol") == {"1", "6", "17", "58", "-"}
    assert {"0", "1", "2", "3", "18", "19", "-"} <= values("tcp-flags")
    assert values("flow-direction") == {"ingress", "egress", "-"}
    assert values("traffic-path") == {"1", "3", "7", "8", "-"}
    assert {"S3", "DYNAMODB", "AMAZON", "-"} == values("pkt-dst-aws-service")
    assert values("pkt-src-aws-service") == values("pkt-dst-aws-service")
    assert values("encryption-status") == {"0", "1", "2", "3", "-"}
    assert values("reject-reason") == {"BPA", "-"}
    assert values("sublocation-type") == {"outpost", "-"}
    kinds = {"nat_gateway", "regional_nat_gateway", "vpc_endpoint", "-"}
    assert values("interface-type") == values("next-hop-interface-type") == kinds
    assert {"use1-az1", "use1-az2", "use1-az3", "euw1-az1"} <= values("az-id")
    assert {"web%2D1", "db%2D1", "-"} <= values("instance-tag")
    assert {"shop%20front", "R%26D", "donn%C3%A9es"} <= values("interface-tag-2")


def test_rows_without_data_say_nothing_of_a_flow(found: list[Record]) -> None:
    """NODATA and SKIPDATA rows hold ``-`` wherever a flow would speak; other rows do not."""
    hollow = [f.name for f in VPC if f.name.startswith(("pkt-", "flow-", "traffic-", "next-"))]
    for record in found:
        if record["log-status"] == "OK":
            assert all(record[name] != "-" for name in FLOW if name != "bytes")
        else:
            assert {record[name] for name in (*FLOW, "tcp-flags", "type", *hollow)} == {"-"}
            assert record["interface-id"].startswith("eni-")


def test_only_rows_that_bpa_rejected_lack_bytes(found: list[Record]) -> None:
    """VPC Block Public Access records no bytes, and only a rejection has a reason."""
    for record in found:
        if record["log-status"] == "OK":
            assert (record["bytes"] == "-") == (record["reject-reason"] == "BPA")
        if record["reject-reason"] != "-":
            assert record["action"] == "REJECT"


def test_records_agree_with_themselves(found: list[Record]) -> None:
    """A path belongs to egress, ICMP has no ports, flags belong to TCP, addresses are one type."""
    for record in (r for r in found if r["log-status"] == "OK"):
        assert (record["traffic-path"] == "-") == (record["flow-direction"] == "ingress")
        assert (record["srcport"] == "0") == (record["protocol"] in ("1", "58"))
        assert record["protocol"] == "6" or record["tcp-flags"] == "0"
        for name in ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"):
            address = ipaddress.ip_address(record[name])
            assert str(address) == record[name]
            assert record["type"] == f"IPv{address.version}"


def test_nat_shows_in_the_packet_addresses(found: list[Record]) -> None:
    """Packet and flow address differ at zonal NAT gateways; regional ones have no interface."""
    differ = [
        r for r in found if (r["srcaddr"], r["dstaddr"]) != (r["pkt-srcaddr"], r["pkt-dstaddr"])
    ]
    assert {r["interface-type"] for r in differ} == {"nat_gateway"}
    assert {r["flow-direction"] for r in differ} == {"ingress", "egress"}
    for record in found:
        regional = record["interface-type"] == "regional_nat_gateway"
        assert regional == record["resource-id"].startswith("nat-")
        assert regional == (record["interface-id"] == "-")


def test_internal_flows_are_seen_at_both_interfaces(found: list[Record]) -> None:
    """A flow within the VPC is in the log twice, leaving one interface and entering another."""
    tuple_of = ("srcaddr", "dstaddr", "srcport", "dstport", "start", "end", "bytes")
    ways: dict[tuple[str, ...], list[str]] = {}
    for record in found:
        if record["dstport"] == "5432":
            key = tuple(record[name] for name in tuple_of)
            ways.setdefault(key, []).append(record["flow-direction"])
    assert len(ways) > 100
    assert {tuple(sorted(seen)) for seen in ways.values()} == {("egress", "ingress")}


def test_only_tasks_have_ecs_fields(found: list[Record]) -> None:
    """Cluster and task are named at a task's interface and nowhere else."""
    for record in found:
        task = record["interface-tag"].startswith("task%2D")
        assert task == (record["ecs-task-arn"] != "-") == (record["ecs-cluster-name"] == "shop")


def test_days_have_a_shape(texts: dict[str, list[str]]) -> None:
    """There is more traffic at 14:00 than at 02:00 UTC."""
    sizes: dict[int, list[int]] = {2: [], 14: []}
    for key, text in texts.items():
        if (hour := _slot(key)).hour in sizes and hour.minute == 0:
            sizes[hour.hour].append(len(text))
    assert max(sizes[2]) < min(sizes[14])


def _of(event: Event, records: Iterable[Record]) -> list[Record]:
    """The records of an event, found by the addresses and ports that it names."""
    return [
        r
        for r in records
        if r["srcaddr"] == event.source
        and r["dstaddr"] in event.targets
        and r["dstport"] != "-"
        and int(r["dstport"]) in event.ports
    ]


@each_event
def test_planted_facts_are_in_the_files(
    name: str, tree: tuple[Path, Demo], found: list[Record]
) -> None:
    """What an event claims is what its records in the files add up to."""
    event: Event = getattr(tree[1].planted, name)
    records = _of(event, found)
    ends = [datetime.fromtimestamp(int(r["end"]), UTC) for r in records]
    assert event == Event(
        account=records[0]["account-id"],
        region=records[0]["region"],
        source=records[0]["srcaddr"],
        targets=tuple(sorted({r["dstaddr"] for r in records})),
        ports=tuple(sorted({int(r["dstport"]) for r in records})),
        start=min(ends),
        end=max(ends) + timedelta(seconds=1),
        accepted=sum(r["action"] == "ACCEPT" for r in records),
        rejected=sum(r["action"] == "REJECT" for r in records),
        size_bytes=sum(int(r["bytes"]) for r in records),
    )
    assert {(r["account-id"], r["region"]) for r in records} == {(event.account, event.region)}


@each_event
def test_planted_events_are_well_inside_any_week(name: str, tree: tuple[Path, Demo]) -> None:
    """Each lies within one of the two days before today."""
    event: Event = getattr(tree[1].planted, name)
    ago = NOW.date() - event.start.date()
    assert ago in (timedelta(days=1), timedelta(days=2))
    assert (event.end - timedelta(seconds=1)).date() == event.start.date()


def test_the_scanners_do_nothing_else(tree: tuple[Path, Demo], found: list[Record]) -> None:
    """Counting a scanner's records by source alone finds the event and no more."""
    planted = tree[1].planted
    for event in (planted.ssh_scan, planted.port_scan, planted.rdp):
        sent = sum(record["srcaddr"] == event.source for record in found)
        assert sent == event.accepted + event.rejected


def test_the_planted_events_are_what_they_are_called(
    tree: tuple[Path, Demo], found: list[Record]
) -> None:
    """Two logins at the bastion, many ports, tens of GB in an hour, IPv6, a regular interval."""
    planted = tree[1].planted
    let_in = [r for r in _of(planted.ssh_scan, found) if r["action"] == "ACCEPT"]
    assert [r["instance-tag"] for r in let_in] == ["bastion%2D1"] * 2
    assert planted.ssh_scan.ports == (22,)
    assert len(planted.ssh_scan.targets) > 20
    assert (len(planted.port_scan.targets), planted.port_scan.accepted) == (1, 0)
    assert len(planted.port_scan.ports) == planted.port_scan.rejected > 200
    assert planted.rdp.ports == (3389,)
    assert planted.rdp.accepted == 0
    assert ":" in planted.rdp.source
    assert planted.transfer.size_bytes > 20 * 10**9
    assert planted.transfer.end - planted.transfer.start <= timedelta(hours=1)
    ends = sorted(int(r["end"]) for r in _of(planted.beacon, found))
    gaps = {b - a for a, b in zip(ends, ends[1:], strict=False)}
    assert gaps == {demo.BEACON.total_seconds()}


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 21, 0, 3, tzinfo=UTC),
        datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
        datetime(2028, 3, 1, 0, 5, tzinfo=UTC),
        datetime(2027, 1, 1, 6, 1, 2, 3, tzinfo=UTC),
    ],
)
def test_any_moment_will_do(now: datetime, tmp_path: Path) -> None:
    """Just after midnight, on and after a leap day, and at New Year all events are there."""
    planted = write_demo(tmp_path, now, fmt=DEFAULT, days=3).planted
    texts = _files(tmp_path)
    found = list(_records(texts.values()))
    assert all(DAILY.parse(key) for key in texts)
    assert max(int(r["end"]) for r in found) < now.timestamp()
    for event in (getattr(planted, f.name) for f in fields(planted)):
        assert len(_of(event, found)) == event.accepted + event.rejected
    days = {_slot(key).date() for key in texts}
    today = {now.date()} if (now.hour, now.minute) >= (0, 5) else set()
    assert days == today | {(now - timedelta(days=n)).date() for n in (1, 2)}


def test_the_clock_may_be_of_another_zone(tmp_path: Path) -> None:
    """The same moment in another zone gives the same tree: folders are UTC days."""
    east = NOW.astimezone(datetime.strptime("+1400", "%z").tzinfo)
    assert write_demo(tmp_path / "utc", NOW, days=1) == write_demo(tmp_path / "x", east, days=1)
    assert _bytes(tmp_path / "utc") == _bytes(tmp_path / "x")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_can_be_written(layout: Layout, tmp_path: Path) -> None:
    """As a fixture writer it puts files into the partition of their slot."""
    write_demo(tmp_path, NOW, layout=layout, days=1)
    for key in _files(tmp_path):
        place = layout.parse(key)
        assert place
        assert place.start <= _slot(key) < place.start + layout.step


def test_any_format_can_be_written() -> None:
    """A format picks and orders; the version is that of its fields, an unknown field is ``-``."""
    vpc = demo.make_vpc("123456789012", "ap-southeast-2")
    records = list(demo.traffic(vpc, NOW.replace(minute=50, second=0), random.Random(1)))
    header, first, *_ = demo.lines(DEFAULT, records)
    assert header == DEFAULT.header
    assert first.split(" ") == ["2", *(records[0][f.name] for f in DEFAULT.fields[1:])]
    newer = parse_format("action version type next-year", allow_unknown=True)
    shown = list(demo.lines(newer, records))[1]
    assert shown == f"{records[0]['action']} 3 {records[0]['type']} -"
    assert {r["az-id"] for r in records} >= {"apse2-az1", "apse2-az2", "apse2-az3"}


def test_records_have_every_field_and_only_clean_values() -> None:
    """All 54 fields, in AWS's order at that, and no value that would break a text row."""
    vpc = demo.make_vpc("123456789012", "eu-west-1")
    for record in demo.traffic(vpc, NOW.replace(minute=0, second=0), random.Random(2)):
        assert list(record) == NAMES
        assert all(re.fullmatch(r"[\x21-\x7e]+", value) for value in record.values())


def test_the_networks_of_the_demo_do_not_overlap() -> None:
    """Interfaces and private addresses are one VPC's own, so an address tells its VPC."""
    vpcs = [demo.make_vpc(a, r) for a in demo.ACCOUNTS for r in demo.REGIONS]
    ours = [h for vpc in vpcs for hosts in vpc.hosts.values() for h in hosts if h.base]
    owners: dict[str, set[tuple[str, str]]] = {}
    for host in ours:
        for value in (host.address, host.base["interface-id"]):
            own = (host.base["account-id"], host.base["region"])
            owners.setdefault(value, set()).add(own)
    owners.pop("-")
    assert {len(own) for own in owners.values()} == {1}


def test_file_names_are_as_aws_writes_them() -> None:
    """Account, region, flow log id, slot and hash, as in a real key."""
    place = Partition("123456789012", "eu-west-1", datetime(2026, 11, 20, 10, 5, tzinfo=UTC))
    key = demo.file_key(DAILY, place)
    shape = re.compile(r"fl-[0-9a-f]{17}|[0-9a-f]{8}(?=\.log)")
    assert shape.sub("x", key) == shape.sub("x", DAILY.example)


# ---------------------------------------------------------------- the second log


@pytest.fixture(scope="module")
def transit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    root = tmp_path_factory.mktemp("transit")
    return root, demo.write_transit(root, NOW)


@pytest.fixture(scope="module")
def transit_rows(transit: tuple[Path, int]) -> list[Record]:
    return list(_records(_files(transit[0]).values()))


def test_the_transit_log_lies_beside_the_first(
    transit: tuple[Path, int], transit_rows: list[Record]
) -> None:
    """All 36 fields in AWS's default order, in the daily layout below a prefix of its own."""
    root, count = transit
    texts = _files(root)
    assert count == len(transit_rows) > 1000
    for key, text in texts.items():
        assert key.startswith("transit/AWSLogs/")
        place = DAILY.parse(key.removeprefix(demo.TRANSIT))
        assert place
        assert text[0] == parse_format("default-tgw").header
        first = int(_slot(key).timestamp())
        for record in _records([text]):
            assert first <= int(record["end"]) < first + 300
            assert (record["account-id"], record["region"]) == (place.account, place.region)
    assert max(int(r["end"]) for r in transit_rows) < NOW.timestamp()


def test_the_transit_log_is_the_same_each_time(transit: tuple[Path, int], tmp_path: Path) -> None:
    """The same clock gives the same bytes, and no file of the first log is touched."""
    demo.write_transit(tmp_path, NOW)
    assert _bytes(tmp_path) == _bytes(transit[0])
    assert not (tmp_path / "AWSLogs").exists()


def test_what_goes_through_is_seen_twice(transit_rows: list[Record]) -> None:
    """A flow comes in at one attachment and leaves at its pair; a lost one only comes in."""
    flows: dict[tuple[str, ...], list[Record]] = {}
    for record in transit_rows:
        if record["log-status"] == "OK":
            key = tuple(record[name] for name in (*FLOW[:-1], "start", "end", "tgw-id"))
            flows.setdefault(key, []).append(record)
    reasons = [n for n in transit_rows[0] if n.startswith("packets-lost-")]
    lost = set()
    for seen in flows.values():
        losses = {name for name in reasons if int(seen[0][name])}
        if losses:
            lost |= losses
            assert [r["flow-direction"] for r in seen] == ["ingress"]
            assert all(r["tgw-pair-attachment-id"] == "-" for r in seen)
        else:
            one, two = seen
            assert [one["flow-direction"], two["flow-direction"]] == ["ingress", "egress"]
            assert one["tgw-attachment-id"] == two["tgw-pair-attachment-id"]
    assert lost == {f"packets-lost-{n}" for n in ("no-route", "blackhole", "mtu-exceeded")}


def test_the_office_has_no_vpc(transit_rows: list[Record]) -> None:
    """Behind a VPN attachment there is no VPC, subnet or interface; idle rows say nothing."""
    office = [r for r in transit_rows if r["srcaddr"].startswith("172.16.4.")]
    assert office
    assert {r["tgw-src-vpc-id"] for r in office} == {"-"}
    assert all(r["tgw-dst-vpc-id"].startswith("vpc-") for r in office)
    idle = [r for r in transit_rows if r["log-status"] == "NODATA"]
    assert idle
    assert {r[name] for r in idle for name in (*FLOW[:-1], "packets-lost-blackhole")} == {"-"}


def test_the_demos_folder_holds_both_logs(tmp_path: Path) -> None:
    """What `athena-flow demo` writes; a second demo begins anew in both."""
    demo.prepare(tmp_path / "x", NOW)
    (tmp_path / "x" / "transit" / "left-over.log").write_text("old")
    demo.prepare(tmp_path / "x", NOW)
    names = {p.name for p in (tmp_path / "x").iterdir()}
    assert names == {"AWSLogs", "transit", "athena-flow.toml"}
    assert not (tmp_path / "x" / "transit" / "left-over.log").exists()
