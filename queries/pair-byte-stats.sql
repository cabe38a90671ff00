-- title = "Bytes per record of each pair of addresses"
-- group = "volume"
-- description = """
-- The average, the smallest and the largest record of each pair of addresses. Even sizes are a
-- machine that repeats itself, uneven ones are people or transfers."""
-- read = """
-- The pairs with the most bytes first. One record is what one interface saw of one flow in one
-- aggregation interval."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "Records without bytes, such as rejections by VPC Block Public Access, are left out.",
--   "The length of the aggregation interval (1 or 10 minutes) sets how large a record can get.",
-- ]
-- requires = ["srcaddr", "dstaddr", "bytes"]
-- [params.min_flows]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "leave out pairs with fewer records"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  dstaddr,
  sum(bytes) AS bytes,
  count(*) AS flows,
  avg(bytes) AS avg_bytes,
  min(bytes) AS min_bytes,
  max(bytes) AS max_bytes
FROM {{ table }}
WHERE {{ window }}
  AND srcaddr <> '-'
  AND dstaddr <> '-'
  AND bytes IS NOT NULL
GROUP BY srcaddr, dstaddr
HAVING count(*) >= {{ min_flows }}
ORDER BY bytes DESC, srcaddr, dstaddr
LIMIT {{ limit }}
