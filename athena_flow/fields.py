"""The one table of AWS flow-log fields: 54 of VPC flow logs, 36 of Transit Gateway flow logs.

Log formats, DDL, Glue columns, the local reader and the README's field table all loop over
FIELDS, so adding a field is adding one row here and nothing elsewhere. This module holds facts
about fields and the lookup of a field by its name. No I/O, no SQL, no parsing may enter it; it
imports ``errors`` and nothing else of the package.

The facts come from AWS's two record pages as read in 2026 (``Field.source`` gives the page) and,
up to version 5, from the CREATE TABLE statements of the Athena User Guide; AWS publishes no DDL
for later fields or for Transit Gateway, so there the Athena type follows the Parquet type. The
sentences are ours. They end up as column comments in Hive DDL and as cells of a Markdown table:
plain ASCII, at most 200 characters, without quotes, backslash, semicolon, pipe or final stop.

A text log writes ``-`` for whatever does not apply or could not be computed, in any field. In a
string column that stays ``-``, in a number column Athena reads it as NULL. The sentences say so
where AWS documents a case that matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from athena_flow.errors import UnknownField, did_you_mean

Kind = Literal["vpc", "tgw"]
"""Whose flow log a field belongs to: a VPC's (also a subnet's or an ENI's) or a Transit Gateway's.
"""

LABEL: Mapping[Kind, str] = {"vpc": "VPC", "tgw": "Transit Gateway"}
"""Each kind for people."""

_SOURCE: Mapping[Kind, str] = {
    "vpc": "https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html",
    "tgw": "https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field that a flow log can be told to write.

    ``name`` is AWS's spelling (``pkt-srcaddr``), ``version`` the flow-log version that added the
    field, ``athena_type`` the Hive spelling (``int``, ``bigint``, ``string``), ``parquet_type``
    the type in AWS's own Parquet files (``INT_32``, ``INT_64``, ``STRING``), and ``doc`` one
    sentence with unit and values, safe inside a quoted SQL comment.
    """

    name: str
    kind: Kind
    version: int
    athena_type: str
    parquet_type: str
    doc: str

    @property
    def column(self) -> str:
        """The name as a table column: AWS writes ``pkt_srcaddr`` in its DDL and Parquet files."""
        return self.name.replace("-", "_").lower()

    @property
    def source(self) -> str:
        """The AWS page that defines the field."""
        return _SOURCE[self.kind]


def _vpc(name: str, version: int, athena_type: str, parquet_type: str, doc: str) -> Field:
    return Field(name, "vpc", version, athena_type, parquet_type, doc)


def _tgw(name: str, version: int, athena_type: str, parquet_type: str, doc: str) -> Field:
    return Field(name, "tgw", version, athena_type, parquet_type, doc)


# In AWS's order, VPC first. The order matters: default formats are slices of it.
# fmt: off
FIELDS: tuple[Field, ...] = (
    # version 2: the default format
    _vpc("version", 2, "int", "INT_32",
         "Highest flow-log version among the chosen fields, so 2 for the default format"),
    _vpc("account-id", 2, "string", "STRING",
         "Account that owns the source network interface, 12 digits kept as text, "
         "or the word unknown if an AWS service created the interface"),
    _vpc("interface-id", 2, "string", "STRING",
         "Network interface at which the traffic was recorded (eni-...), "
         "- for flows of a regional NAT gateway"),
    _vpc("srcaddr", 2, "string", "STRING",
         "Source IPv4 or IPv6 address, for egress that of the interface itself "
         "(pkt-srcaddr has the original), - in NODATA and SKIPDATA rows"),
    _vpc("dstaddr", 2, "string", "STRING",
         "Destination IPv4 or IPv6 address, for ingress that of the interface itself "
         "(pkt-dstaddr has the original), - in NODATA and SKIPDATA rows"),
    _vpc("srcport", 2, "int", "INT_32",
         "Source port (0 for ICMP), NULL (logged as -) in NODATA and SKIPDATA rows"),
    _vpc("dstport", 2, "int", "INT_32",
         "Destination port (0 for ICMP), NULL (logged as -) in NODATA and SKIPDATA rows"),
    # bigint over INT_32 on purpose: AWS's own DDL declares bigint, and Athena (Trino) widens
    # INT32 to bigint when it reads Parquet; other readers (Spark) do not.
    _vpc("protocol", 2, "bigint", "INT_32",
         "IANA protocol number (1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6), "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _vpc("packets", 2, "bigint", "INT_64",
         "Packets of the flow within the interval, "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _vpc("bytes", 2, "bigint", "INT_64",
         "Bytes of the flow within the interval, NULL (logged as -) in NODATA and SKIPDATA rows, "
         "not recorded for rejections by VPC Block Public Access"),
    _vpc("start", 2, "bigint", "INT_64",
         "Time of the first packet of the flow within the interval, in Unix seconds, "
         "up to 60 seconds off either way"),
    _vpc("end", 2, "bigint", "INT_64",
         "Time of the last packet of the flow within the interval, in Unix seconds, "
         "up to 60 seconds late"),
    _vpc("action", 2, "string", "STRING",
         "Whether the traffic was let through: ACCEPT or REJECT, - in NODATA and SKIPDATA rows"),
    _vpc("log-status", 2, "string", "STRING",
         "OK, NODATA (the interval had no traffic) or SKIPDATA (AWS lost records of the interval, "
         "one such row may stand for many flows)"),
    # version 3
    _vpc("vpc-id", 3, "string", "STRING",
         "VPC that the network interface is in (vpc-...)"),
    _vpc("subnet-id", 3, "string", "STRING",
         "Subnet that the network interface is in (subnet-...), "
         "- for flows of a regional NAT gateway"),
    _vpc("instance-id", 3, "string", "STRING",
         "Own instance that the interface is attached to (i-...), "
         "- for interfaces that an AWS service requested, such as those of NAT gateways"),
    _vpc("tcp-flags", 3, "int", "INT_32",
         "TCP flags OR-ed over the interval: FIN=1 SYN=2 RST=4 SYN-ACK=18, 0 if none of these "
         "(plain ACK or PSH is not counted), NULL (logged as -) if the combination is invalid"),
    _vpc("type", 3, "string", "STRING",
         "Type of the traffic: IPv4, IPv6 or EFA (Elastic Fabric Adapter)"),
    _vpc("pkt-srcaddr", 3, "string", "STRING",
         "Original source address in the packet, differs from srcaddr where a layer in between "
         "(NAT gateway, EKS node) shows its own"),
    _vpc("pkt-dstaddr", 3, "string", "STRING",
         "Final destination address in the packet, differs from dstaddr where a layer in between "
         "(NAT gateway, EKS node) shows its own"),
    # version 4
    _vpc("region", 4, "string", "STRING",
         "Region that the network interface is in, such as us-east-1"),
    _vpc("az-id", 4, "string", "STRING",
         "Availability Zone ID of the network interface, such as use1-az1, - in a sublocation"),
    _vpc("sublocation-type", 4, "string", "STRING",
         "Kind of sublocation that the network interface is in: wavelength, outpost or localzone, "
         "- if in none"),
    _vpc("sublocation-id", 4, "string", "STRING",
         "ID of the Wavelength Zone, Outpost or Local Zone that the network interface is in, "
         "- if in none"),
    # version 5
    _vpc("pkt-src-aws-service", 5, "string", "STRING",
         "AWS service whose published IP ranges hold pkt-srcaddr, such as AMAZON, EC2 or S3 "
         "(open list, AWS adds to it), only one of them where ranges overlap, - if none"),
    _vpc("pkt-dst-aws-service", 5, "string", "STRING",
         "AWS service whose published IP ranges hold pkt-dstaddr, such as AMAZON, EC2 or S3 "
         "(open list, AWS adds to it), only one of them where ranges overlap, - if none"),
    _vpc("flow-direction", 5, "string", "STRING",
         "Direction of the flow as seen from the network interface: ingress or egress"),
    _vpc("traffic-path", 5, "int", "INT_32",
         "Egress path: 1 same VPC, 2 is 7 or 8, 3 virtual private gateway, 4 peering in region or "
         "5 across, 6 Local or Wavelength Zone, 7 gateway endpoint, 8 internet gateway, "
         "else NULL (logged as -)"),
    # version 7: ECS, only of tasks in awsvpc network mode that the owner of the flow log owns
    _vpc("ecs-cluster-arn", 7, "string", "STRING",
         "ARN of the ECS cluster that the task runs in, - for traffic outside ECS"),
    _vpc("ecs-cluster-name", 7, "string", "STRING",
         "Name of the ECS cluster that the task runs in, - for traffic outside ECS"),
    _vpc("ecs-container-instance-arn", 7, "string", "STRING",
         "ARN of the ECS container instance (EC2) that the task runs on, "
         "- on Fargate and for traffic outside ECS"),
    _vpc("ecs-container-instance-id", 7, "string", "STRING",
         "ID of the ECS container instance (EC2) that the task runs on, "
         "- on Fargate and for traffic outside ECS"),
    _vpc("ecs-container-id", 7, "string", "STRING",
         "Docker runtime ID of the first container of the ECS task, first in the order of events "
         "and not of the console, - for traffic outside ECS"),
    _vpc("ecs-second-container-id", 7, "string", "STRING",
         "Docker runtime ID of the second container of the ECS task, "
         "- if it has only one and for traffic outside ECS"),
    _vpc("ecs-service-name", 7, "string", "STRING",
         "Name of the ECS service that started the task, "
         "- if no service did and for traffic outside ECS"),
    _vpc("ecs-task-definition-arn", 7, "string", "STRING",
         "ARN of the ECS task definition of the task, - for traffic outside ECS"),
    _vpc("ecs-task-arn", 7, "string", "STRING",
         "ARN of the ECS task, - for traffic outside ECS"),
    _vpc("ecs-task-id", 7, "string", "STRING",
         "ID of the ECS task, - for traffic outside ECS"),
    # version 8
    _vpc("reject-reason", 8, "string", "STRING",
         "Cause of a rejection: BPA (VPC Block Public Access) or EC (encryption controls at a VPC "
         "endpoint), - for any other cause"),
    # version 9
    _vpc("resource-id", 9, "string", "STRING",
         "Regional NAT gateway of the flow (nat-...), - for all other traffic"),
    # version 10
    _vpc("encryption-status", 10, "int", "INT_32",
         "Encryption in transit: 0 none, 1 by Nitro, 2 by the application, 3 by both, "
         "NULL (logged as -) if VPC Encryption Controls are off or the status is unknown"),
    # version 11: tags (the flow log needs TagFieldSpecifications), interface type, next hop
    _vpc("instance-tag", 11, "string", "STRING",
         "Value of the first instance tag that the flow log asks for, percent-encoded UTF-8 "
         "(url_decode reads it), - if untagged or tagged by another account"),
    _vpc("instance-tag-2", 11, "string", "STRING",
         "Value of the second instance tag that the flow log asks for, percent-encoded UTF-8 "
         "(url_decode reads it), - if untagged or tagged by another account"),
    _vpc("interface-tag", 11, "string", "STRING",
         "Value of the first network-interface tag that the flow log asks for, percent-encoded "
         "UTF-8 (url_decode reads it), - if untagged or tagged by another account"),
    _vpc("interface-tag-2", 11, "string", "STRING",
         "Value of the second network-interface tag that the flow log asks for, percent-encoded "
         "UTF-8 (url_decode reads it), - if untagged or tagged by another account"),
    _vpc("asg-tag", 11, "string", "STRING",
         "Value of the first Auto Scaling group tag that the flow log asks for, percent-encoded "
         "UTF-8 (url_decode reads it), - if untagged or tagged by another account"),
    _vpc("asg-tag-2", 11, "string", "STRING",
         "Value of the second Auto Scaling group tag that the flow log asks for, percent-encoded "
         "UTF-8 (url_decode reads it), - if untagged or tagged by another account"),
    _vpc("interface-type", 11, "string", "STRING",
         "Type of the recording network interface: nat_gateway, network_load_balancer, "
         "regional_nat_gateway, transit_gateway or vpc_endpoint, - for all others"),
    _vpc("next-hop-interface-id", 11, "string", "STRING",
         "Network interface one hop on, the receiver for egress and the sender for ingress, "
         "- if there is none (internet gateway) or it is in another region or account"),
    _vpc("next-hop-subnet-id", 11, "string", "STRING",
         "Subnet of the next-hop network interface, "
         "- if there is none (internet gateway) or it is in another region or account"),
    _vpc("next-hop-az-id", 11, "string", "STRING",
         "Availability Zone ID of the next-hop network interface, given across accounts too, "
         "- if there is none (internet gateway) or it is in another region"),
    _vpc("next-hop-vpc-id", 11, "string", "STRING",
         "VPC of the next-hop network interface, "
         "- if there is none (internet gateway) or it is in another region or account"),
    _vpc("next-hop-interface-type", 11, "string", "STRING",
         "Type of the next-hop network interface, with the values of interface-type, "
         "- if there is none (internet gateway) or it is in another region or account"),

    # Transit Gateway: the default format is all of them, in this order, versions 2 to 6 mixed.
    # That NODATA and SKIPDATA rows carry - here too, and that a side which is no VPC attachment
    # does, is inferred from the VPC pages and from the general rule; AWS's page shows no such row.
    _tgw("version", 2, "int", "INT_32",
         "Flow-log version of the record"),
    _tgw("resource-type", 6, "string", "STRING",
         "Type of resource that the flow log was created on: TransitGateway "
         "(older AWS pages list TransitGatewayAttachment too)"),
    _tgw("account-id", 2, "string", "STRING",
         "Account that owns the transit gateway, 12 digits kept as text"),
    _tgw("tgw-id", 6, "string", "STRING",
         "Transit gateway at which the traffic was recorded (tgw-...)"),
    _tgw("tgw-attachment-id", 6, "string", "STRING",
         "Transit gateway attachment at which the traffic was recorded (tgw-attach-...)"),
    _tgw("tgw-src-vpc-account-id", 6, "string", "STRING",
         "Account that owns the source VPC, - if the source is no VPC attachment"),
    _tgw("tgw-dst-vpc-account-id", 6, "string", "STRING",
         "Account that owns the destination VPC, - if the destination is no VPC attachment"),
    _tgw("tgw-src-vpc-id", 6, "string", "STRING",
         "Source VPC (vpc-...), - if the source is no VPC attachment"),
    _tgw("tgw-dst-vpc-id", 6, "string", "STRING",
         "Destination VPC (vpc-...), - if the destination is no VPC attachment"),
    _tgw("tgw-src-subnet-id", 6, "string", "STRING",
         "Source subnet (subnet-...), - if the source is no VPC attachment"),
    _tgw("tgw-dst-subnet-id", 6, "string", "STRING",
         "Destination subnet (subnet-...), - if the destination is no VPC attachment"),
    _tgw("tgw-src-eni", 6, "string", "STRING",
         "Network interface of the source attachment (eni-...), "
         "- if the source is no VPC attachment"),
    _tgw("tgw-dst-eni", 6, "string", "STRING",
         "Network interface of the destination attachment (eni-...), "
         "- if the destination is no VPC attachment"),
    _tgw("tgw-src-az-id", 6, "string", "STRING",
         "Availability Zone ID on the source side, such as use1-az1, - in a sublocation"),
    _tgw("tgw-dst-az-id", 6, "string", "STRING",
         "Availability Zone ID on the destination side, such as use1-az1, - if not applicable"),
    _tgw("tgw-pair-attachment-id", 6, "string", "STRING",
         "Attachment at the other end of the flow, the egress or the ingress one "
         "depending on flow-direction, - if not applicable"),
    _tgw("srcaddr", 2, "string", "STRING",
         "Source IPv4 or IPv6 address, - in NODATA and SKIPDATA rows"),
    _tgw("dstaddr", 2, "string", "STRING",
         "Destination IPv4 or IPv6 address, - in NODATA and SKIPDATA rows"),
    _tgw("srcport", 2, "int", "INT_32",
         "Source port, NULL (logged as -) in NODATA and SKIPDATA rows"),
    _tgw("dstport", 2, "int", "INT_32",
         "Destination port, NULL (logged as -) in NODATA and SKIPDATA rows"),
    # bigint as in the VPC table, and for one reason more: AWS's page said INT_64 in 2023 and
    # says INT_32 in 2026; bigint reads both.
    _tgw("protocol", 2, "bigint", "INT_32",
         "IANA protocol number (1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6), "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _tgw("packets", 2, "bigint", "INT_64",
         "Packets of the flow within the interval, "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _tgw("bytes", 2, "bigint", "INT_64",
         "Bytes of the flow within the interval, "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _tgw("start", 2, "bigint", "INT_64",
         "Time of the first packet of the flow within the interval, in Unix seconds, "
         "up to 60 seconds late"),
    _tgw("end", 2, "bigint", "INT_64",
         "Time of the last packet of the flow within the interval, in Unix seconds, "
         "up to 60 seconds late"),
    _tgw("log-status", 2, "string", "STRING",
         "OK, NODATA (the interval had no traffic) or SKIPDATA (AWS lost records of the interval, "
         "one such row may stand for many flows)"),
    _tgw("type", 3, "string", "STRING",
         "Type of the traffic: IPv4, IPv6 or EFA (Elastic Fabric Adapter)"),
    _tgw("packets-lost-no-route", 6, "bigint", "INT_64",
         "Packets dropped because no route was given, "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _tgw("packets-lost-blackhole", 6, "bigint", "INT_64",
         "Packets dropped by a blackhole route, "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _tgw("packets-lost-mtu-exceeded", 6, "bigint", "INT_64",
         "Packets dropped because they were larger than the MTU, "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _tgw("packets-lost-ttl-expired", 6, "bigint", "INT_64",
         "Packets dropped because their time to live ran out, "
         "NULL (logged as -) in NODATA and SKIPDATA rows"),
    _tgw("tcp-flags", 3, "int", "INT_32",
         "TCP flags OR-ed over the interval: FIN=1 SYN=2 RST=4 PSH=8 ACK=16 SYN-ACK=18 URG=32, "
         "0 if there were only ACK packets"),
    _tgw("region", 4, "string", "STRING",
         "Region that the transit gateway is in, such as us-east-1"),
    _tgw("flow-direction", 5, "string", "STRING",
         "Direction of the flow as seen from the transit gateway: ingress or egress"),
    _tgw("pkt-src-aws-service", 5, "string", "STRING",
         "AWS service whose published IP ranges hold srcaddr, such as AMAZON, EC2 or S3 "
         "(open list, AWS adds to it), - if none"),
    _tgw("pkt-dst-aws-service", 5, "string", "STRING",
         "AWS service whose published IP ranges hold dstaddr, such as AMAZON, EC2 or S3 "
         "(open list, AWS adds to it), - if none"),
)
# fmt: on

VPC: tuple[Field, ...] = tuple(f for f in FIELDS if f.kind == "vpc")
"""Every VPC field, in AWS's order."""

TGW: tuple[Field, ...] = tuple(f for f in FIELDS if f.kind == "tgw")
"""Every Transit Gateway field, in AWS's order."""

VPC_DEFAULT: tuple[Field, ...] = tuple(f for f in VPC if f.version == 2)
"""What a VPC flow log writes if no format is asked for: the version 2 fields, in AWS's order."""

TGW_DEFAULT: tuple[Field, ...] = TGW
"""What a Transit Gateway flow log writes if no format is asked for: every field."""

BY_NAME: Mapping[Kind, Mapping[str, Field]] = {
    "vpc": {f.name: f for f in VPC},
    "tgw": {f.name: f for f in TGW},
}
"""Kind and AWS name -> field, for those who collect unknown names instead of raising at once."""

NAMES: frozenset[str] = frozenset(f.name for f in FIELDS)
"""Every field name, of both kinds."""

COLUMNS: Mapping[str, str] = {f.column: f.name for f in FIELDS}
"""Column -> AWS's name, of both kinds: ``pkt_srcaddr`` -> ``pkt-srcaddr``."""


def field(name: str, kind: Kind = "vpc") -> Field:
    """The field of that AWS name; UnknownField says which names are near, or whose it is."""
    found = BY_NAME[kind].get(name)
    if found is not None:
        return found
    message = f"{LABEL[kind]} flow logs have no field {name}"
    other: Kind = "tgw" if kind == "vpc" else "vpc"
    if name in BY_NAME[other]:
        raise UnknownField(f"{message}, {LABEL[other]} flow logs do")
    raise UnknownField(message + did_you_mean(name, BY_NAME[kind]))
