-- title = "What leaves, by the path that it takes"
-- group = "money"
-- description = """
-- Accepted traffic that left your interfaces, by account and path: within the VPC, by an internet
-- gateway, a gateway endpoint, a peering, a VPN. Each path has a price of its own."""
-- read = """
-- One row for each account and path, the most bytes first; byte_percent is the part of the bytes of
-- all rows."""
-- caveats = [
--   "The path is the next step from the interface: to a NAT gateway it is same VPC.",
--   "Behind a NAT gateway a flow leaves twice, at the host and at the gateway.",
--   "Path 2 is an internet gateway or a gateway endpoint: AWS does not always tell.",
-- ]
-- aliases = ["traffic-paths"]
-- requires = ["account_id", "flow_direction", "traffic_path", "packets", "bytes", "action"]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH summed AS (
  SELECT
    account_id,
    traffic_path,
    count(*) AS flows,
    coalesce(sum(packets), 0) AS packets,
    coalesce(sum(bytes), 0) AS bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND flow_direction = 'egress'
    AND action = 'ACCEPT'
  GROUP BY account_id, traffic_path
)
SELECT
  account_id,
  traffic_path,
  traffic_path_name(traffic_path) AS path,
  flows,
  packets,
  bytes,
  round(1e2 * bytes / nullif(sum(bytes) OVER (), 0), 1) AS byte_percent
FROM summed
ORDER BY bytes DESC, account_id, traffic_path
LIMIT {{ limit }}
