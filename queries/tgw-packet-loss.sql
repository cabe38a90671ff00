-- title = "What Transit Gateways drop, and why"
-- group = "transit"
-- description = """
-- Packets that a Transit Gateway dropped, by attachment and pair of addresses. No route and black
-- holes are routing faults; packets over the MTU are a path that does not negotiate sizes."""
-- read = "The most lost packets first, the four reasons beside their sum."
-- caveats = ["Needs a flow log of a Transit Gateway: VPC flow logs do not have these fields."]
-- requires = [
--   "tgw_id", "tgw_attachment_id", "srcaddr", "dstaddr", "protocol", "packets_lost_no_route",
--   "packets_lost_blackhole", "packets_lost_mtu_exceeded", "packets_lost_ttl_expired",
-- ]
-- [params.protocol]
-- type = "protocol"
-- doc = "only this protocol"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH lost AS (
  SELECT
    tgw_id,
    tgw_attachment_id,
    srcaddr,
    dstaddr,
    protocol,
    coalesce(sum(packets_lost_no_route), 0) AS no_route,
    coalesce(sum(packets_lost_blackhole), 0) AS blackhole,
    coalesce(sum(packets_lost_mtu_exceeded), 0) AS mtu_exceeded,
    coalesce(sum(packets_lost_ttl_expired), 0) AS ttl_expired
  FROM {{ table }}
  WHERE {{ window }}
    {% if protocol is not none %}
    AND protocol = {{ protocol }}
    {% endif %}
  GROUP BY tgw_id, tgw_attachment_id, srcaddr, dstaddr, protocol
)
SELECT
  tgw_id,
  tgw_attachment_id,
  srcaddr,
  dstaddr,
  protocol_name(protocol) AS protocol,
  no_route + blackhole + mtu_exceeded + ttl_expired AS packets_lost,
  no_route,
  blackhole,
  mtu_exceeded,
  ttl_expired
FROM lost
WHERE no_route + blackhole + mtu_exceeded + ttl_expired > 0
ORDER BY packets_lost DESC, tgw_id, tgw_attachment_id, srcaddr, dstaddr, protocol
LIMIT {{ limit }}
