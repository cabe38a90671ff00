-- title = "Connections begun and never made"
-- group = "detect"
-- description = """
-- Sources whose TCP flows have SYN alone of all flags: the handshake was not finished. Scanners
-- leave it so on purpose, floods fill a server's queue with it, and firewalls cause it too."""
-- read = """
-- The most flows first. Rejected ones are knocks at closed doors; accepted ones reached a host that
-- did not answer, or whose answer did not come back. Many packets to one port are a flood."""
-- caveats = [
--   "The first interval of a long connection may have SYN alone: so data does not count.",
--   "A server that is down makes honest clients look like this.",
-- ]
-- aliases = ["half-open-connections", "syn-scan", "syn-flood"]
-- attack = ["T1046", "T1499.001"]
-- requires = [
--   "srcaddr", "dstaddr", "dstport", "protocol", "action", "packets", "bytes", "tcp_flags",
--   "start", "end",
-- ]
-- [improves]
-- flow_direction = "leaves out what hosts of yours send, so a flow is counted once"
-- [params.min_flows]
-- type = "int"
-- default = 20
-- min = 1
-- doc = "flows from which on a source is shown"
-- [params.max_packet_size]
-- type = "int"
-- default = 80
-- min = 1
-- doc = "mean bytes of a packet up to which a flow holds no data"
-- [params.action]
-- type = "choice"
-- choices = ["any", "accept", "reject"]
-- default = "any"
-- doc = "only what was accepted, or only what was rejected"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "sources to leave out"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  count_if(action = 'REJECT') AS rejected,
  coalesce(sum(packets), 0) AS packets,
  count(DISTINCT IF(dstaddr <> '-', dstaddr)) AS hosts,
  count(DISTINCT dstport) AS ports,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND protocol = 6
  AND tcp_flags = 2
  AND (bytes IS NULL OR bytes <= packets * {{ max_packet_size }})
  AND srcaddr <> '-'
{% if action == "accept" %}
  AND action = 'ACCEPT'
{% endif %}
{% if action == "reject" %}
  AND action = 'REJECT'
{% endif %}
{% if ignore %}
  AND NOT in_cidr(srcaddr, {{ ignore }})
{% endif %}
{% if has_flow_direction %}
  AND flow_direction = 'ingress'
{% endif %}
GROUP BY srcaddr
HAVING count(*) >= {{ min_flows }}
ORDER BY flows DESC, srcaddr
LIMIT {{ limit }}
