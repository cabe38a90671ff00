-- title = "Totals of a pair of addresses, by interface"
-- group = "investigate"
-- description = """
-- What two addresses or networks exchanged, added up for each interface that saw it and each
-- direction. It answers how much, since when, and at which of your instances."""
-- read = """
-- One row for each interface, pair and direction, the most bytes first. The same bytes in two rows
-- with different interfaces are the same packets, seen at both ends."""
-- caveats = [
--   "Do not add up rows of different interfaces: a flow between two of yours is in both.",
--   "Records that a VPC's Block Public Access rejected have no bytes.",
-- ]
-- requires = [
--   "interface_id", "srcaddr", "dstaddr", "packets", "bytes", "start", "end", "action",
-- ]
-- [improves]
-- instance_id = "says which instance the interface is attached to"
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
  interface_id,
  {% if has_instance_id %}
  max(nullif(instance_id, '-')) AS instance_id,
  {% else %}
  CAST(NULL AS varchar) AS instance_id,
  {% endif %}
  srcaddr,
  dstaddr,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  count_if(action = 'REJECT') AS rejected,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND (
    (in_cidr(srcaddr, {{ ip_a }}) AND in_cidr(dstaddr, {{ ip_b }}))
    OR (in_cidr(srcaddr, {{ ip_b }}) AND in_cidr(dstaddr, {{ ip_a }}))
  )
GROUP BY interface_id, srcaddr, dstaddr
ORDER BY bytes DESC, interface_id, srcaddr, dstaddr
LIMIT {{ limit }}
