-- title = "What each Transit Gateway attachment carries"
-- group = "transit"
-- description = """
-- Bytes that came into a Transit Gateway at each attachment and left it there, what was dropped,
-- and what the processing costs. AWS bills a gigabyte to the owner of the attachment that sent
-- it."""
-- read = """
-- One row for each attachment, the most bytes in first. bytes_in is what its VPC, VPN or peer sent;
-- usd is bytes_in times price_per_gb."""
-- caveats = [
--   "The price is a parameter and no quote: it differs by region, and peerings are not billed so.",
--   "A GB is 2^30 bytes here.",
--   "An attachment that is no VPC's has no vpc_id and vpc_account_id.",
-- ]
-- requires = [
--   "tgw_id", "tgw_attachment_id", "tgw_src_vpc_id", "tgw_dst_vpc_id", "tgw_src_vpc_account_id",
--   "tgw_dst_vpc_account_id", "flow_direction", "bytes", "packets_lost_no_route",
--   "packets_lost_blackhole", "packets_lost_mtu_exceeded", "packets_lost_ttl_expired",
-- ]
-- [params.price_per_gb]
-- type = "float"
-- default = 0.02
-- min = 0
-- doc = """USD for each GB sent to a gateway: 0.02, as guides of 2026 quote N. Virginia's; \
--   ask AWS's price page of Transit Gateway"""
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH sides AS (
  SELECT
    tgw_id,
    tgw_attachment_id,
    IF(flow_direction = 'ingress', tgw_src_vpc_account_id, tgw_dst_vpc_account_id) AS account,
    IF(flow_direction = 'ingress', tgw_src_vpc_id, tgw_dst_vpc_id) AS vpc,
    IF(flow_direction = 'ingress', bytes) AS sent,
    IF(flow_direction = 'egress', bytes) AS received,
    coalesce(packets_lost_no_route, 0) + coalesce(packets_lost_blackhole, 0)
      + coalesce(packets_lost_mtu_exceeded, 0) + coalesce(packets_lost_ttl_expired, 0) AS lost
  FROM {{ table }}
  WHERE {{ window }}
    AND flow_direction IN ('ingress', 'egress')
)
SELECT
  tgw_id,
  tgw_attachment_id,
  max(nullif(account, '-')) AS vpc_account_id,
  max(nullif(vpc, '-')) AS vpc_id,
  count(*) AS flows,
  coalesce(sum(sent), 0) AS bytes_in,
  coalesce(sum(received), 0) AS bytes_out,
  sum(lost) AS packets_lost,
  round(CAST(coalesce(sum(sent), 0) AS double) / 1073741824 * {{ price_per_gb }}, 4) AS usd
FROM sides
GROUP BY tgw_id, tgw_attachment_id
ORDER BY bytes_in DESC, tgw_id, tgw_attachment_id
LIMIT {{ limit }}
