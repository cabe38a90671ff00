"""What numbers in a record are called, written out again: protocols, ports, TCP flags."""

from __future__ import annotations

from collections.abc import Iterable

_PROTOCOLS = {
    **{1: "ICMP", 2: "IGMP", 4: "IPv4", 6: "TCP", 17: "UDP", 41: "IPv6", 47: "GRE", 50: "ESP"},
    **{51: "AH", 58: "ICMPv6", 88: "EIGRP", 89: "OSPF", 103: "PIM", 112: "VRRP", 115: "L2TP"},
    **{132: "SCTP"},
}
_PORTS = {
    **{20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "dns", 67: "dhcp"},
    **{68: "dhcp", 69: "tftp", 80: "http", 88: "kerberos", 110: "pop3", 111: "rpcbind"},
    **{123: "ntp", 135: "msrpc", 137: "netbios-ns", 138: "netbios-dgm", 139: "netbios-ssn"},
    **{143: "imap", 161: "snmp", 162: "snmptrap", 179: "bgp", 389: "ldap", 443: "https"},
    **{445: "smb", 464: "kpasswd", 465: "smtps", 500: "isakmp", 514: "syslog", 587: "submission"},
    **{636: "ldaps", 853: "dns-over-tls", 873: "rsync", 990: "ftps", 993: "imaps", 995: "pop3s"},
    **{1080: "socks", 1194: "openvpn", 1433: "mssql", 1434: "mssql-monitor", 1521: "oracle"},
    **{1723: "pptp", 1883: "mqtt", 1900: "ssdp", 2049: "nfs", 2181: "zookeeper", 2375: "docker"},
    **{2376: "docker-tls", 2379: "etcd", 2380: "etcd-peer", 3128: "squid", 3306: "mysql"},
    **{3389: "rdp", 4500: "ipsec-nat-t", 5060: "sip", 5061: "sips", 5353: "mdns"},
    **{5432: "postgresql", 5439: "redshift", 5601: "kibana", 5671: "amqps", 5672: "amqp"},
    **{5900: "vnc", 5985: "winrm", 5986: "winrm-tls", 6379: "redis", 6443: "kubernetes-api"},
    **{6667: "irc", 7000: "cassandra", 7001: "cassandra-tls", 8000: "http-alt", 8080: "http-alt"},
    **{8086: "influxdb", 8088: "http-alt", 8182: "neptune", 8443: "https-alt", 8883: "mqtts"},
    **{8888: "http-alt", 9042: "cassandra-cql", 9090: "prometheus", 9092: "kafka"},
    **{9100: "node-exporter", 9200: "elasticsearch", 9300: "elasticsearch-transport"},
    **{9418: "git", 10250: "kubelet", 11211: "memcached", 27017: "mongodb"},
    **{27018: "mongodb-shard", 27019: "mongodb-config", 50000: "db2", 51820: "wireguard"},
}
_FLAGS = {2: "SYN", 16: "ACK", 8: "PSH", 32: "URG", 64: "ECE", 128: "CWR", 1: "FIN", 4: "RST"}


def protocol_name(number: int | None) -> str | None:
    return None if number is None else _PROTOCOLS.get(number, str(number))


def port_name(port: int) -> str:
    return _PORTS.get(port, str(port))


def flag_names(values: Iterable[int | None]) -> str | None:
    """All flags that are set in any of the values; None where nothing is known."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    names = [name for bit, name in _FLAGS.items() if any(value & bit for value in known)]
    return "+".join(names) or "none"
