-- title = "Bytes between Availability Zones, and their price"
-- group = "money"
-- description = """
-- What your interfaces sent to another zone of their region, by zones or by pairs of addresses, and
-- what it costs. The log says the sender's zone: the receiver's is the next hop's, or, without that
-- field, the zone from which its address sends."""
-- read = """
-- The most bytes first. A row counts bytes once, where they were sent; usd is for both sides, the
-- sender's and the receiver's charge."""
-- caveats = [
--   "The price is a parameter and no quote; AWS bills each side, so the default is twice 0.01.",
--   "A GB is 2^30 bytes here.",
--   "Without next_hop_az_id an address that sends nothing, or from two zones, has no zone.",
--   "Some of it is free: to interface endpoints, or through a Transit Gateway.",
-- ]
-- aliases = ["inter-az-traffic"]
-- requires = ["srcaddr", "dstaddr", "az_id", "flow_direction", "bytes", "action"]
-- [improves]
-- next_hop_az_id = "has the receiver's zone, also a NAT gateway's, and needs one scan only"
-- [params.by]
-- type = "choice"
-- choices = ["zones", "pairs"]
-- default = "zones"
-- doc = "what a row stands for"
-- [params.price_per_gb]
-- type = "float"
-- default = 0.02
-- min = 0
-- doc = """USD for each GB, both sides: 0.01 a side, as guides of 2026 quote N. Virginia's; \
--   ask AWS's price page of EC2"""
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

{% if has_next_hop_az_id %}
WITH crossing AS (
  SELECT
    az_id AS from_zone,
    next_hop_az_id AS to_zone,
    IF({{ by }} = 'pairs', srcaddr) AS sender,
    IF({{ by }} = 'pairs', dstaddr) AS receiver,
    bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND flow_direction = 'egress'
    AND action = 'ACCEPT'
    AND az_id <> '-'
    AND next_hop_az_id <> '-'
)
{% else %}
WITH homes AS (
  SELECT
    srcaddr AS addr,
    max(az_id) AS home_zone
  FROM {{ table }}
  WHERE {{ window }}
    AND flow_direction = 'egress'
    AND az_id <> '-'
    AND srcaddr <> '-'
  GROUP BY srcaddr
  HAVING count(DISTINCT az_id) = 1
),
sent AS (
  SELECT
    az_id,
    srcaddr,
    dstaddr,
    bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND flow_direction = 'egress'
    AND action = 'ACCEPT'
    AND az_id <> '-'
),
crossing AS (
  SELECT
    sent.az_id AS from_zone,
    homes.home_zone AS to_zone,
    IF({{ by }} = 'pairs', sent.srcaddr) AS sender,
    IF({{ by }} = 'pairs', sent.dstaddr) AS receiver,
    sent.bytes AS bytes
  FROM sent
  JOIN homes ON homes.addr = sent.dstaddr
)
{% endif %}
SELECT
  from_zone,
  to_zone,
  sender AS srcaddr,
  receiver AS dstaddr,
  count(*) AS flows,
  coalesce(sum(bytes), 0) AS bytes,
  round(CAST(coalesce(sum(bytes), 0) AS double) / 1073741824 * {{ price_per_gb }}, 4) AS usd
FROM crossing
WHERE from_zone <> to_zone
  AND split_part(from_zone, '-', 1) = split_part(to_zone, '-', 1)
GROUP BY from_zone, to_zone, sender, receiver
ORDER BY bytes DESC, from_zone, to_zone, srcaddr, dstaddr
LIMIT {{ limit }}
