-- title = "Who sends most through Transit Gateways"
-- group = "transit"
-- description = """
-- Pairs of addresses by what they sent through Transit Gateways, in bytes, packets or flows, with
-- their VPCs. Only what comes in is counted, so that each packet counts once for each gateway."""
-- read = """
-- One row for each pair, VPCs and gateway, the most first. The two directions are two rows."""
-- caveats = [
--   "A path over two gateways, as between regions, is in the logs of both.",
--   "A side that is no VPC attachment, as a VPN or a peering, has - for its VPC.",
-- ]
-- aliases = ["tgw-top-talkers"]
-- requires = [
--   "tgw_id", "srcaddr", "dstaddr", "tgw_src_vpc_id", "tgw_dst_vpc_id", "flow_direction",
--   "packets", "bytes", "packets_lost_no_route", "packets_lost_blackhole",
--   "packets_lost_mtu_exceeded", "packets_lost_ttl_expired",
-- ]
-- [params.by]
-- type = "choice"
-- choices = ["bytes", "packets", "flows"]
-- default = "bytes"
-- doc = "what the order goes by"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  tgw_id,
  srcaddr,
  dstaddr,
  tgw_src_vpc_id AS src_vpc_id,
  tgw_dst_vpc_id AS dst_vpc_id,
  count(*) AS flows,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets_lost_no_route), 0) + coalesce(sum(packets_lost_blackhole), 0)
    + coalesce(sum(packets_lost_mtu_exceeded), 0) + coalesce(sum(packets_lost_ttl_expired), 0)
    AS packets_lost
FROM {{ table }}
WHERE {{ window }}
  AND flow_direction = 'ingress'
  AND srcaddr <> '-'
GROUP BY tgw_id, srcaddr, dstaddr, tgw_src_vpc_id, tgw_dst_vpc_id
{% if by == 'bytes' %}
ORDER BY bytes DESC, tgw_id, srcaddr, dstaddr, src_vpc_id, dst_vpc_id
{% endif %}
{% if by == 'packets' %}
ORDER BY packets DESC, tgw_id, srcaddr, dstaddr, src_vpc_id, dst_vpc_id
{% endif %}
{% if by == 'flows' %}
ORDER BY flows DESC, tgw_id, srcaddr, dstaddr, src_vpc_id, dst_vpc_id
{% endif %}
LIMIT {{ limit }}
