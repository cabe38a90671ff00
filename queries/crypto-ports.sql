-- title = "Hosts that call ports of mining pools"
-- group = "detect"
-- description = """
-- Flows from your hosts to public addresses on the ports of cryptocurrency pools and nodes. Mining
-- on stolen machines is the most common use of a break-in."""
-- read = """
-- The longest contact first. Hours of small, steady flows to one address are a miner; one flow is
-- mostly a chance port."""
-- caveats = [
--   "From a port of yours below 1024 goes an answer to a client: it is left out.",
--   "Pools also listen on 443 and on any other port: an empty answer proves little.",
--   "A port is no proof: 3333 and 4444 have other uses too.",
--   "Without flow-direction a flow from a private to a public address counts as yours.",
-- ]
-- aliases = ["crypto-mining-ports"]
-- attack = ["T1496.001"]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "packets", "bytes", "start",
--   "end",
-- ]
-- [improves]
-- flow_direction = "tells what leaves, so public IPv6 hosts of yours count"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = [
--   "3333-3336", "4444", "5555", "7777", "8332-8333", "9332-9333", "9999", "14433", "14444",
--   "18080-18081", "18332-18333", "30303",
-- ]
-- doc = "destination ports: by default the usual ones of pools (Stratum) and of nodes"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "destinations to leave out"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  dstaddr,
  dstport,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  max("end") - min("start") AS seconds,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND protocol IN (6, 17)
  AND srcaddr <> '-'
  AND NOT is_private(dstaddr)
  AND in_ports(dstport, {{ ports }})
  AND NOT (srcport < 1024 AND dstport >= 1024)
{% if ignore %}
  AND NOT in_cidr(dstaddr, {{ ignore }})
{% endif %}
{% if has_flow_direction %}
  AND flow_direction = 'egress'
{% else %}
  AND is_private(srcaddr)
{% endif %}
{% if has_tcp_flags %}
  AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
{% endif %}
GROUP BY srcaddr, dstaddr, dstport
ORDER BY seconds DESC, flows DESC, srcaddr, dstaddr, dstport
LIMIT {{ limit }}
