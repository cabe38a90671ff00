-- title = "From one host of yours to many, to log in"
-- group = "detect"
-- description = """
-- Private hosts that reached the administration ports of many other private hosts. Who is inside
-- one machine goes on to the next, and looks around before."""
-- read = """
-- The most hosts first, one row for each source and hour or other span. Bastions and deployment
-- hosts are here by their work: put them on ignore; nothing else should be."""
-- caveats = [
--   "Public IPv6 addresses of yours are not private: name them in networks.",
--   "ACCEPT says that the packets got through, not that somebody logged in.",
-- ]
-- aliases = ["internal-fan-out"]
-- attack = ["T1021.001", "T1021.002", "T1021.004", "T1021.005", "T1021.006"]
-- requires = ["srcaddr", "dstaddr", "dstport", "protocol", "action", "start", "end"]
-- [improves]
-- flow_direction = "leaves out what hosts of yours send, so a flow is counted once"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["22", "135", "139", "445", "3389", "5900-5901", "5985-5986"]
-- doc = "login ports: by default those of SSH, RPC, SMB, RDP, VNC and WinRM"
-- [params.min_hosts]
-- type = "int"
-- default = 5
-- min = 2
-- doc = "distinct hosts in one span from which on a source is shown"
-- [params.span]
-- type = "duration"
-- default = "1h"
-- doc = "the time within which hosts are counted"
-- [params.networks]
-- type = "ip_or_cidr"
-- many = true
-- doc = "what is inside, in place of all private addresses"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "sources to leave out, such as bastions"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH logins AS (
  SELECT
    srcaddr,
    time_bucket({{ span }}, "end") AS bucket,
    dstaddr,
    dstport,
    action,
    "start" AS began,
    "end" AS ended
  FROM {{ table }}
  WHERE {{ window }}
    AND protocol = 6
    AND srcaddr <> dstaddr
    AND in_ports(dstport, {{ ports }})
    {% if networks %}
    AND in_cidr(srcaddr, {{ networks }})
    AND in_cidr(dstaddr, {{ networks }})
    {% else %}
    AND is_private(srcaddr)
    AND is_private(dstaddr)
    {% endif %}
    {% if ignore %}
    AND NOT in_cidr(srcaddr, {{ ignore }})
    {% endif %}
    {% if has_flow_direction %}
    AND flow_direction = 'ingress'
    {% endif %}
    {% if has_tcp_flags %}
    AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
    {% endif %}
)
SELECT
  srcaddr,
  bucket,
  count(DISTINCT dstaddr) AS hosts,
  count(DISTINCT IF(action = 'ACCEPT', dstaddr)) AS reached,
  count(DISTINCT dstport) AS ports,
  count(*) AS flows,
  CAST(from_unixtime(min(began)) AS timestamp) AS first_seen,
  CAST(from_unixtime(max(ended)) AS timestamp) AS last_seen
FROM logins
GROUP BY srcaddr, bucket
HAVING count(DISTINCT dstaddr) >= {{ min_hosts }}
ORDER BY hosts DESC, reached DESC, srcaddr, bucket
LIMIT {{ limit }}
