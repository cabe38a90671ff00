"""Names that others gave: AWS's own queries, and the techniques of MITRE ATT&CK."""

from __future__ import annotations

import pytest

from athena_flow.query import find, library

LIBRARY = library()

CONSOLE = {
    "VpcFlowLogsAcceptedTraffic": "tcp-traffic",
    "VpcFlowLogsAdminPortTraffic": "sensitive-port-traffic",
    "VpcFlowLogsIPv4Traffic": "bytes-by-ip-version",
    "VpcFlowLogsIPv6Traffic": "bytes-by-ip-version",
    "VpcFlowLogsRejectedTCPTraffic": "tcp-traffic",
    "VpcFlowLogsRejectedTraffic": "rejected-traffic",
    "VpcFlowLogsSshRdpTraffic": "ssh-rdp-traffic",
    "VpcFlowLogsTopTalkers": "top-talkers",
    "VpcFlowLogsTopTalkersPacketLevel": "top-talkers-packet-level",
    "VpcFlowLogsTopTalkingInstances": "top-instances",
    "VpcFlowLogsTopTalkingSubnets": "top-subnets",
    "VpcFlowLogsTopTCPTraffic": "traffic-involving-ip",
    "VpcFlowLogsTotalBytesTransferred": "top-pairs",
    "VpcFlowLogsTotalBytesTransferredPacketLevel": "top-pairs-packet-level",
    "VpcFlowLogsTrafficFrmSrcAddr": "traffic-from-source",
    "VpcFlowLogsTrafficToDstAddr": "traffic-to-destination",
}
"""The 16 queries of the console's Athena integration, and ours.

Source: VPC User Guide, "Query flow logs using Amazon Athena", "Predefined queries".
"""

TECHNIQUES = {
    "T1018": "Remote System Discovery",
    "T1021": "Remote Services",
    "T1021.001": "Remote Desktop Protocol",
    "T1021.002": "SMB/Windows Admin Shares",
    "T1021.004": "SSH",
    "T1021.005": "VNC",
    "T1021.006": "Windows Remote Management",
    "T1029": "Scheduled Transfer",
    "T1041": "Exfiltration Over C2 Channel",
    "T1046": "Network Service Discovery",
    "T1048": "Exfiltration Over Alternative Protocol",
    "T1071": "Application Layer Protocol",
    "T1071.004": "DNS",
    "T1095": "Non-Application Layer Protocol",
    "T1110": "Brute Force",
    "T1110.001": "Password Guessing",
    "T1133": "External Remote Services",
    "T1190": "Exploit Public-Facing Application",
    "T1496.001": "Compute Hijacking",
    "T1498": "Network Denial of Service",
    "T1498.001": "Direct Network Flood",
    "T1499.001": "OS Exhaustion Flood",
    "T1567": "Exfiltration Over Web Service",
    "T1572": "Protocol Tunneling",
    "T1595": "Active Scanning",
    "T1595.001": "Scanning IP Blocks",
    "T1686.001": "Cloud Firewall",
}
"""Those that queries name, as ATT&CK v19 (April 2026) calls them; it took back T1562 and below."""


@pytest.mark.parametrize("name", CONSOLE)
def test_awss_names_are_found(name: str) -> None:
    """Who knows a query of the console finds ours under that name, whatever its case."""
    assert find(name, LIBRARY).name == CONSOLE[name]
    assert find(name.lower(), LIBRARY).name == CONSOLE[name]


def test_every_technique_is_one() -> None:
    """A query names techniques that exist, each checked by hand against ATT&CK."""
    named = {technique for query in LIBRARY.values() for technique in query.attack}
    assert named <= TECHNIQUES.keys()
