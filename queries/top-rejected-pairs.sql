-- title = "Pairs of addresses that are refused most"
-- group = "rejects"
-- description = """
-- Who is turned away by whom, with the number of ports tried and the first and last time. A
-- private source is a rule that is missing, an outside one a stranger."""
-- read = """
-- The most rejected records first. One port and a private source: a client of yours; many ports: a
-- scan."""
-- caveats = [
--   "Rejections by VPC Block Public Access have no bytes.",
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
-- ]
-- requires = ["srcaddr", "dstaddr", "dstport", "packets", "start", "end", "action"]
-- [params.min_count]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "leave out what has fewer rejected records"
-- [params.limit]
-- type = "int"
-- default = 25
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  dstaddr,
  is_private(srcaddr) AS from_private,
  count(*) AS rejects,
  coalesce(sum(packets), 0) AS packets,
  count(DISTINCT dstport) AS dst_ports,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND action = 'REJECT'
  AND srcaddr <> '-'
  AND dstaddr <> '-'
GROUP BY srcaddr, dstaddr
HAVING count(*) >= {{ min_count }}
ORDER BY rejects DESC, srcaddr, dstaddr
LIMIT {{ limit }}
