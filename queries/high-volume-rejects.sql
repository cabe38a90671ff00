-- title = "Sources that are refused often in a short time"
-- group = "rejects"
-- description = """
-- Hours, or buckets of another length, in which one source had many rejected records. A burst is a
-- scan, a flood, or a client that tries again without end."""
-- read = """
-- The most rejected records first. Many destinations: a sweep; many ports of one: a port scan; one
-- of each: a client that does not give up."""
-- caveats = [
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
--   "A source that spreads its attempts stays below min_count: look at reject-report.",
-- ]
-- aliases = ["high-reject-rate"]
-- attack = ["T1595"]
-- requires = ["srcaddr", "dstaddr", "dstport", "packets", "end", "action"]
-- [params.bucket]
-- type = "duration"
-- default = "1h"
-- min = 1
-- doc = "the length of time in which they are counted"
-- [params.min_count]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rejected records from which on a source is shown"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  time_bucket({{ bucket }}, "end") AS bucket,
  srcaddr,
  is_private(srcaddr) AS from_private,
  count(*) AS rejects,
  coalesce(sum(packets), 0) AS packets,
  count(DISTINCT dstaddr) AS destinations,
  count(DISTINCT dstport) AS dst_ports
FROM {{ table }}
WHERE {{ window }}
  AND action = 'REJECT'
  AND srcaddr <> '-'
GROUP BY 1, 2
HAVING count(*) >= {{ min_count }}
ORDER BY rejects DESC, bucket, srcaddr
LIMIT {{ limit }}
