-- title = "One source, one target, many ports"
-- group = "detect"
-- description = """
-- Pairs of addresses of which one tried many ports of the other. Who looks for an open door
-- knocks at each of them; who has work to do knows its port."""
-- read = """
-- The most ports first. A row with accepted flows found something; its ports are worth a look
-- with traffic-from-source."""
-- caveats = [
--   "A slow scan stays below min_ports in a short window: look at a week.",
--   "Replies go to many ports of a busy client: they are above 32767, and left out by ports.",
-- ]
-- aliases = ["port-enumeration", "vpc-port-scan"]
-- attack = ["T1046"]
-- requires = ["srcaddr", "dstaddr", "dstport", "start", "end", "action"]
-- [improves]
-- flow_direction = "leaves out what hosts of yours send, so a flow is counted once"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.min_ports]
-- type = "int"
-- default = 20
-- min = 2
-- doc = "distinct ports from which on a pair is shown"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["0-32767"]
-- doc = "the destination ports that count"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "sources to leave out, such as scanners of your own"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  dstaddr,
  is_private(srcaddr) AS from_private,
  count(DISTINCT dstport) AS ports,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND srcaddr <> '-'
  AND in_ports(dstport, {{ ports }})
{% if ignore %}
  AND NOT in_cidr(srcaddr, {{ ignore }})
{% endif %}
{% if has_flow_direction %}
  AND flow_direction = 'ingress'
{% endif %}
{% if has_tcp_flags %}
  AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
{% endif %}
GROUP BY srcaddr, dstaddr
HAVING count(DISTINCT dstport) >= {{ min_ports }}
ORDER BY ports DESC, srcaddr, dstaddr
LIMIT {{ limit }}
