"""What the numbers in a record stand for: protocols, ports, TCP flags, traffic paths.

Facts alone, one table each. Protocols and ports are IANA's registries as far as flow logs meet
them; port numbers that IANA gives to nobody, or to somebody whom nobody uses, have the name of
what listens there. Traffic paths are AWS's. A number that is not here is shown as itself.
"""

from __future__ import annotations

from collections.abc import Mapping

PROTOCOLS: Mapping[int, str] = {
    0: "HOPOPT",
    1: "ICMP",
    2: "IGMP",
    4: "IPv4",
    6: "TCP",
    8: "EGP",
    17: "UDP",
    27: "RDP",
    33: "DCCP",
    41: "IPv6",
    43: "IPv6-Route",
    44: "IPv6-Frag",
    46: "RSVP",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    59: "IPv6-NoNxt",
    60: "IPv6-Opts",
    88: "EIGRP",
    89: "OSPF",
    94: "IPIP",
    97: "ETHERIP",
    103: "PIM",
    108: "IPComp",
    112: "VRRP",
    115: "L2TP",
    132: "SCTP",
    136: "UDPLite",
    137: "MPLS-in-IP",
}
"""Source: IANA, Assigned Internet Protocol Numbers; 58 and 89 by the names that AWS and people use
(IANA: IPv6-ICMP, OSPFIGP)."""

OTHER_NAMES: Mapping[str, int] = {"ipv6-icmp": 58, "icmp6": 58, "ospfigp": 89}
"""More names that people write for a protocol, in lower case."""

PORTS: Mapping[int, str] = {
    20: "ftp-data",
    21: "ftp",
    22: "ssh",
    23: "telnet",
    25: "smtp",
    53: "dns",
    67: "dhcp",
    68: "dhcp",
    69: "tftp",
    80: "http",
    88: "kerberos",
    110: "pop3",
    111: "rpcbind",
    123: "ntp",
    135: "msrpc",
    137: "netbios-ns",
    138: "netbios-dgm",
    139: "netbios-ssn",
    143: "imap",
    161: "snmp",
    162: "snmptrap",
    179: "bgp",
    389: "ldap",
    443: "https",
    445: "smb",
    464: "kpasswd",
    465: "smtps",
    500: "isakmp",
    514: "syslog",
    587: "submission",
    636: "ldaps",
    853: "dns-over-tls",
    873: "rsync",
    990: "ftps",
    993: "imaps",
    995: "pop3s",
    1080: "socks",
    1194: "openvpn",
    1433: "mssql",
    1434: "mssql-monitor",
    1521: "oracle",
    1701: "l2tp",
    1723: "pptp",
    1883: "mqtt",
    1900: "ssdp",
    2049: "nfs",
    2181: "zookeeper",
    2375: "docker",
    2376: "docker-tls",
    2379: "etcd",
    2380: "etcd-peer",
    2483: "oracle",
    2484: "oracle-tls",
    3128: "squid",
    3260: "iscsi",
    3268: "ldap-gc",
    3269: "ldaps-gc",
    3306: "mysql",
    3389: "rdp",
    4317: "otlp-grpc",
    4318: "otlp-http",
    4500: "ipsec-nat-t",
    5060: "sip",
    5061: "sips",
    5222: "xmpp",
    5353: "mdns",
    5432: "postgresql",
    5439: "redshift",
    5601: "kibana",
    5671: "amqps",
    5672: "amqp",
    5900: "vnc",
    5985: "winrm",
    5986: "winrm-tls",
    6379: "redis",
    6443: "kubernetes-api",
    6667: "irc",
    7000: "cassandra",
    7001: "cassandra-tls",
    8000: "http-alt",
    8080: "http-alt",
    8086: "influxdb",
    8088: "http-alt",
    8182: "neptune",
    8443: "https-alt",
    8888: "http-alt",
    8883: "mqtts",
    9042: "cassandra-cql",
    9090: "prometheus",
    9092: "kafka",
    9100: "node-exporter",
    9200: "elasticsearch",
    9300: "elasticsearch-transport",
    9418: "git",
    10250: "kubelet",
    11211: "memcached",
    27017: "mongodb",
    27018: "mongodb-shard",
    27019: "mongodb-config",
    50000: "db2",
    51820: "wireguard",
}
"""Source: IANA, Service Name and Transport Protocol Port Number Registry, with common names."""

TCP_FLAGS: Mapping[int, str] = {
    2: "SYN",
    16: "ACK",
    8: "PSH",
    32: "URG",
    64: "ECE",
    128: "CWR",
    1: "FIN",
    4: "RST",
}
"""Bit -> name, as in RFC 9293 and in AWS's pages (SYN-ACK is 18, both bits), in the order in which
a connection sets them."""

TRAFFIC_PATHS: Mapping[int, str] = {
    1: "same VPC",
    2: "internet gateway or gateway endpoint",
    3: "virtual private gateway",
    4: "peering in the region",
    5: "peering across regions",
    6: "Local or Wavelength Zone",
    7: "gateway endpoint",
    8: "internet gateway",
}
"""Source: VPC User Guide, "Flow log records", traffic-path."""

PRIVATE_NETWORKS: tuple[str, ...] = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
)
"""Addresses that stay within a network, a link or a host: RFC 1918, RFC 6598 (shared, used by
carriers and by EKS), RFC 3927 and RFC 4291 (link-local; 169.254 holds AWS's own services), RFC 1122
and RFC 4291 (loopback), RFC 4193 (unique local). Not here, so not private: multicast, the
unspecified address, and what is reserved for documentation or benchmarks, which no real flow has.
"""
