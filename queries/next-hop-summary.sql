-- title = "Where packets go next"
-- group = "investigate"
-- description = """
-- Accepted traffic by the kind, zone and VPC of the next hop, for each direction. It shows what is
-- routed over gateways, endpoints and appliances without reading route tables."""
-- read = """
-- The most bytes first. On egress the next hop is the receiver, on ingress the sender. Type - is
-- a plain interface; with zone - too it is an internet gateway, or lies in another region."""
-- caveats = [
--   "The next hop's zone is given across accounts, its VPC is not: - there is no error.",
--   "Between two interfaces of yours each packet is in two records, egress and ingress.",
-- ]
-- requires = [
--   "flow_direction", "next_hop_interface_type", "next_hop_az_id", "next_hop_vpc_id", "bytes",
--   "packets", "action",
-- ]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  flow_direction,
  next_hop_interface_type,
  next_hop_az_id,
  next_hop_vpc_id,
  count(*) AS flows,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes
FROM {{ table }}
WHERE {{ window }}
  AND action = 'ACCEPT'
GROUP BY flow_direction, next_hop_interface_type, next_hop_az_id, next_hop_vpc_id
ORDER BY bytes DESC, flow_direction, next_hop_interface_type, next_hop_az_id, next_hop_vpc_id
LIMIT {{ limit }}
