-- title = "The distinct addresses"
-- group = "investigate"
-- description = """
-- Each address that occurs, once: all of them, or the sources, or the destinations, or those that
-- are private or public. It makes a list for an allow list, a look-up, or ioc-match."""
-- read = """
-- One row for each address, in the order of their texts, with how often it stood on either
-- side."""
-- caveats = [
--   "The IPv6 addresses of a VPC are public ones, so private is false for them.",
--   "Refused senders are in the list too: sources of scans are most of the public ones.",
-- ]
-- aliases = ["ipset", "distinct-addresses"]
-- requires = ["srcaddr", "dstaddr", "bytes", "start", "end"]
-- [params.side]
-- type = "choice"
-- choices = ["either", "source", "destination"]
-- default = "either"
-- doc = "the side on which the address stands"
-- [params.only]
-- type = "choice"
-- choices = ["all", "private", "public"]
-- default = "all"
-- doc = "only private or only public addresses"
-- [params.limit]
-- type = "int"
-- default = 1000
-- min = 1
-- doc = "rows at the most"

SELECT
  addr,
  is_private(addr) AS "private",
  count_if(side = 'source') AS as_source,
  count_if(side = 'destination') AS as_destination,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
CROSS JOIN UNNEST(ARRAY[srcaddr, dstaddr], ARRAY['source', 'destination']) AS sides (addr, side)
WHERE {{ window }}
  AND addr <> '-'
  AND {{ side }} IN ('either', side)
  AND ({{ only }} = 'all' OR is_private(addr) = ({{ only }} = 'private'))
GROUP BY addr
ORDER BY addr
LIMIT {{ limit }}
