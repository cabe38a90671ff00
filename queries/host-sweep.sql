-- title = "One source, one port, many hosts"
-- group = "detect"
-- description = """
-- Sources that tried the same port on many of your hosts. A port scan looks at one house's
-- doors; a sweep looks for one weak lock along the street."""
-- read = """
-- The most hosts first. Accepted flows show which of them answered; ask traffic-from-source for
-- their addresses."""
-- caveats = [
--   "Monitors, proxies and load balancers talk to many hosts on one port: put them on ignore.",
--   "A slow sweep stays below min_hosts in a short window: look at a week.",
-- ]
-- aliases = ["horizontal-scan", "address-scan"]
-- attack = ["T1046", "T1018", "T1595.001"]
-- requires = ["srcaddr", "dstaddr", "dstport", "start", "end", "action"]
-- [improves]
-- flow_direction = "leaves out what hosts of yours send, so a flow is counted once"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.min_hosts]
-- type = "int"
-- default = 20
-- min = 2
-- doc = "distinct hosts from which on a source is shown"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["1-32767"]
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
  dstport,
  port_name(dstport) AS service,
  is_private(srcaddr) AS from_private,
  count(DISTINCT dstaddr) AS hosts,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND srcaddr <> '-'
  AND dstaddr <> '-'
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
GROUP BY srcaddr, dstport
HAVING count(DISTINCT dstaddr) >= {{ min_hosts }}
ORDER BY hosts DESC, flows DESC, srcaddr, dstport
LIMIT {{ limit }}
