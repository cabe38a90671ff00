-- title = "What answers to the public, by host and port"
-- group = "exposure"
-- description = """
-- Every port of your hosts on which packets from public addresses were let in. It is the list of
-- what you offer to the world, as the traffic knows it."""
-- read = """
-- One row for each host, protocol and port, that with the most different sources first. A port
-- with one or two sources is hardly a public service: narrow its security group."""
-- caveats = [
--   "From a port below 1024 to one above comes an answer, at a NAT gateway say: it is left out.",
--   "Accepted says that the packets got through, not that anything listened.",
--   "A port that nobody tried in the window is not in the list, however open it is.",
--   "Without flow-direction only private destinations count as yours: name others in inside.",
-- ]
-- attack = ["T1133", "T1190"]
-- requires = [
--   "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "bytes",
--   "start", "end",
-- ]
-- [improves]
-- flow_direction = "tells what comes in, so public IPv6 hosts of yours count, and a flow once"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["1-32767"]
-- doc = "the destination ports that count"
-- [params.inside]
-- type = "cidr"
-- many = true
-- doc = "public networks of your own, such as your IPv6 ones"
-- [params.min_sources]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "distinct public sources from which on a port is shown"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH services AS (
  SELECT
    dstaddr,
    protocol,
    dstport,
    count(DISTINCT interface_id) AS interfaces,
    count(DISTINCT srcaddr) AS sources,
    count(*) AS flows,
    coalesce(sum(bytes), 0) AS bytes,
    min("start") AS first_second,
    max("end") AS last_second
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
    AND protocol IN (6, 17)
    AND NOT is_private(srcaddr)
    AND dstaddr <> '-'
    AND in_ports(dstport, {{ ports }})
    AND NOT (srcport < 1024 AND dstport >= 1024)
    {% if has_flow_direction %}
    AND flow_direction = 'ingress'
    {% elif inside %}
    AND (is_private(dstaddr) OR in_cidr(dstaddr, {{ inside }}))
    {% else %}
    AND is_private(dstaddr)
    {% endif %}
    {% if inside %}
    AND NOT in_cidr(srcaddr, {{ inside }})
    {% endif %}
    {% if has_tcp_flags %}
    AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
    {% endif %}
  GROUP BY dstaddr, protocol, dstport
)
SELECT
  dstaddr,
  protocol_name(protocol) AS protocol,
  dstport,
  port_name(dstport) AS service,
  interfaces,
  sources,
  flows,
  bytes,
  CAST(from_unixtime(first_second) AS timestamp) AS first_seen,
  CAST(from_unixtime(last_second) AS timestamp) AS last_seen
FROM services
WHERE sources >= {{ min_sources }}
ORDER BY sources DESC, flows DESC, dstaddr, protocol, dstport
LIMIT {{ limit }}
