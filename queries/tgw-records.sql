-- title = "Records of Transit Gateways"
-- group = "transit"
-- description = """
-- Records of a Transit Gateway's flow log, newest first: all of them, or those with some addresses
-- or networks on either side."""
-- read = """
-- One row is one record. A flow that goes through is there twice, ingress where it came in and
-- egress where it left; one that is dropped is there once, with the packets lost."""
-- caveats = ["The addresses are the packet's own: a Transit Gateway translates none."]
-- aliases = ["tgw-traffic-involving-ip"]
-- requires = [
--   "tgw_id", "tgw_attachment_id", "flow_direction", "srcaddr", "dstaddr", "srcport", "dstport",
--   "protocol", "packets", "bytes", "end", "log_status", "packets_lost_no_route",
--   "packets_lost_blackhole", "packets_lost_mtu_exceeded", "packets_lost_ttl_expired",
-- ]
-- [params.ip]
-- type = "ip_or_cidr"
-- many = true
-- doc = "only records with these addresses or networks on either side"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("end") AS timestamp) AS "time",
  tgw_id,
  tgw_attachment_id,
  flow_direction,
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol_name(protocol) AS protocol,
  packets,
  bytes,
  coalesce(packets_lost_no_route, 0) + coalesce(packets_lost_blackhole, 0)
    + coalesce(packets_lost_mtu_exceeded, 0) + coalesce(packets_lost_ttl_expired, 0)
    AS packets_lost,
  log_status
FROM {{ table }}
WHERE {{ window }}
{% if ip %}
  AND (in_cidr(srcaddr, {{ ip }}) OR in_cidr(dstaddr, {{ ip }}))
{% endif %}
ORDER BY 1 DESC, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
LIMIT {{ limit }}
