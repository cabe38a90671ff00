-- title = "From which attachment to which"
-- group = "transit"
-- description = """
-- The paths through Transit Gateways: bytes from one attachment to the other, with their VPCs. It
-- shows which routes are used, and by how much."""
-- read = """
-- One row for each gateway, pair of attachments and VPCs, the most bytes first. to_attachment is -
-- where the packets were dropped, or the log does not say."""
-- caveats = [
--   "Only what comes in is counted, so each packet counts once for each gateway that it crosses.",
--   "A route that nobody uses is not in the answer.",
-- ]
-- requires = [
--   "tgw_id", "tgw_attachment_id", "tgw_pair_attachment_id", "tgw_src_vpc_id", "tgw_dst_vpc_id",
--   "flow_direction", "packets", "bytes", "packets_lost_no_route", "packets_lost_blackhole",
--   "packets_lost_mtu_exceeded", "packets_lost_ttl_expired",
-- ]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  tgw_id,
  tgw_attachment_id AS from_attachment,
  tgw_pair_attachment_id AS to_attachment,
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
GROUP BY tgw_id, tgw_attachment_id, tgw_pair_attachment_id, tgw_src_vpc_id, tgw_dst_vpc_id
ORDER BY bytes DESC, tgw_id, from_attachment, to_attachment, src_vpc_id, dst_vpc_id
LIMIT {{ limit }}
