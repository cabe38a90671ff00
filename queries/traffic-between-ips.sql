-- title = "What two sides sent each other"
-- group = "investigate"
-- description = """
-- The records between two addresses or networks, in both directions, newest first. It shows who
-- spoke when, by which ports, and where a firewall let one direction through and not the other."""
-- read = """
-- One row is one record. direction says which way the packets went; flow_direction whether they
-- came into the interface that recorded them, or left it."""
-- caveats = [
--   "Where both sides are interfaces of yours each packet is in two records, one at each of them.",
--   "A NAT gateway or load balancer between them puts its own address into srcaddr and dstaddr.",
-- ]
-- aliases = ["between"]
-- requires = [
--   "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
--   "start", "end", "action",
-- ]
-- [improves]
-- flow_direction = "says whether the packets came into the recording interface or left it"
-- [params.ip_a]
-- type = "ip_or_cidr"
-- many = true
-- required = true
-- doc = "one side: addresses or networks"
-- [params.ip_b]
-- type = "ip_or_cidr"
-- many = true
-- required = true
-- doc = "the other side: addresses or networks"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("start") AS timestamp) AS start_time,
  CAST(from_unixtime("end") AS timestamp) AS end_time,
  IF(
    in_cidr(srcaddr, {{ ip_a }}) AND in_cidr(dstaddr, {{ ip_b }}), 'a to b', 'b to a'
  ) AS direction,
  interface_id,
  {% if has_flow_direction %}
  flow_direction,
  {% else %}
  CAST(NULL AS varchar) AS flow_direction,
  {% endif %}
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol_name(protocol) AS protocol,
  action,
  packets,
  bytes
FROM {{ table }}
WHERE {{ window }}
  AND (
    (in_cidr(srcaddr, {{ ip_a }}) AND in_cidr(dstaddr, {{ ip_b }}))
    OR (in_cidr(srcaddr, {{ ip_b }}) AND in_cidr(dstaddr, {{ ip_a }}))
  )
ORDER BY 2 DESC, 1 DESC, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
LIMIT {{ limit }}
