-- title = "Neither TCP nor UDP nor ICMP"
-- group = "detect"
-- description = """
-- Flows of protocols that few networks need: tunnels such as GRE and IP in IP, routing protocols,
-- SCTP. A tunnel that nobody built on purpose carries what no port rule sees."""
-- read = """
-- One row for each protocol, source and destination, the most bytes first. Tunnels to public
-- addresses come before everything else on the list of questions."""
-- caveats = [
--   "VPNs on hosts (ESP) and Transit Gateway Connect (GRE) are here rightly: ignore them.",
--   "A tunnel inside UDP or TCP, such as WireGuard, does not show here.",
-- ]
-- attack = ["T1095", "T1572"]
-- requires = ["srcaddr", "dstaddr", "protocol", "packets", "bytes", "start", "end"]
-- [improves]
-- action = "counts the accepted flows"
-- [params.ignore]
-- type = "protocol"
-- many = true
-- default = ["tcp", "udp", "icmp", "icmpv6"]
-- doc = "protocols to leave out"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  protocol,
  protocol_name(protocol) AS name,
  srcaddr,
  dstaddr,
  count(*) AS flows,
  {% if has_action %}
  count_if(action = 'ACCEPT') AS accepted,
  {% else %}
  CAST(NULL AS bigint) AS accepted,
  {% endif %}
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND protocol NOT IN {{ ignore }}
GROUP BY protocol, srcaddr, dstaddr
ORDER BY bytes DESC, protocol, srcaddr, dstaddr
LIMIT {{ limit }}
