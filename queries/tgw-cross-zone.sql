-- title = "Bytes through Transit Gateways between zones and regions"
-- group = "transit"
-- description = """
-- What goes through Transit Gateways by the zones of both sides, and whether it stays in a zone,
-- crosses zones or crosses regions. Crossing a region costs money and time."""
-- read = """
-- One row for each pair of zones and what it crosses, the most bytes first. crosses is unknown
-- where a side has no zone, as behind a VPN, or at a peering that peering does not name."""
-- caveats = [
--   "A peering may show no zone of the far side: name its attachments with peering.",
--   "Only what comes in is counted; a path over two gateways is in the logs of both.",
-- ]
-- aliases = ["tgw-cross-region crosses=region"]
-- requires = [
--   "tgw_src_az_id", "tgw_dst_az_id", "tgw_attachment_id", "tgw_pair_attachment_id",
--   "flow_direction", "packets", "bytes",
-- ]
-- [params.crosses]
-- type = "choice"
-- choices = ["any", "nothing", "zone", "region", "unknown"]
-- default = "any"
-- doc = "only what crosses this"
-- [params.peering]
-- type = "string"
-- pattern = "tgw-attach-[0-9a-f]{8,17}"
-- many = true
-- doc = "attachments that are peerings with gateways of other regions"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH paths AS (
  SELECT
    tgw_src_az_id AS from_zone,
    tgw_dst_az_id AS to_zone,
    CASE
      {% if peering %}
      WHEN tgw_attachment_id IN {{ peering }} OR tgw_pair_attachment_id IN {{ peering }}
        THEN 'region'
      {% endif %}
      WHEN tgw_src_az_id = '-' OR tgw_dst_az_id = '-' THEN 'unknown'
      WHEN tgw_src_az_id = tgw_dst_az_id THEN 'nothing'
      WHEN split_part(tgw_src_az_id, '-', 1) = split_part(tgw_dst_az_id, '-', 1) THEN 'zone'
      ELSE 'region'
    END AS crosses,
    packets,
    bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND flow_direction = 'ingress'
)
SELECT
  from_zone,
  to_zone,
  crosses,
  count(*) AS flows,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes
FROM paths
WHERE {{ crosses }} IN ('any', crosses)
GROUP BY from_zone, to_zone, crosses
ORDER BY bytes DESC, from_zone, to_zone, crosses
LIMIT {{ limit }}
