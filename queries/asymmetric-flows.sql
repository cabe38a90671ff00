-- title = "Conversations that only one side speaks in"
-- group = "exposure"
-- description = """
-- Accepted connections of which the log has one direction alone. The answers took another way,
-- were dropped on theirs, or never came: asymmetric routing, a stateless ACL, or a dead service."""
-- read = """
-- One row for each source, destination and port, the most one-sided conversations first. The
-- source sent and the log knows of no packet back."""
-- caveats = [
--   "What runs across the edge of the window may have its other half outside it.",
--   "Where SKIPDATA records lie, the other half may have been skipped.",
--   "UDP often needs no answer, as with syslog: the default looks at TCP.",
-- ]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "packets", "bytes", "start",
--   "end",
-- ]
-- [params.protocol]
-- type = "protocol"
-- default = "tcp"
-- doc = "TCP or UDP: others have no ports to match by"
-- [params.min_packets]
-- type = "int"
-- default = 3
-- min = 1
-- doc = "packets of a conversation from which on it counts"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH sides AS (
  SELECT
    srcaddr,
    dstaddr,
    dstport,
    concat(srcaddr, ' ', CAST(srcport AS varchar)) AS one,
    concat(dstaddr, ' ', CAST(dstport AS varchar)) AS other,
    packets,
    bytes,
    "start" AS first_second,
    "end" AS last_second
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
    AND protocol = {{ protocol }}
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    AND srcport IS NOT NULL
    AND dstport IS NOT NULL
),
conversations AS (
  SELECT
    least(one, other) AS lower_side,
    greatest(one, other) AS higher_side,
    min(srcaddr) AS srcaddr,
    min(dstaddr) AS dstaddr,
    min(dstport) AS dstport,
    coalesce(sum(packets), 0) AS packets,
    coalesce(sum(bytes), 0) AS bytes,
    min(first_second) AS first_second,
    max(last_second) AS last_second
  FROM sides
  WHERE one <> other
  GROUP BY least(one, other), greatest(one, other)
  HAVING count(DISTINCT one) = 1
)
SELECT
  srcaddr,
  dstaddr,
  dstport,
  count(*) AS conversations,
  sum(packets) AS packets,
  sum(bytes) AS bytes,
  CAST(from_unixtime(min(first_second)) AS timestamp) AS first_seen,
  CAST(from_unixtime(max(last_second)) AS timestamp) AS last_seen
FROM conversations
WHERE packets >= {{ min_packets }}
GROUP BY srcaddr, dstaddr, dstport
ORDER BY conversations DESC, srcaddr, dstaddr, dstport
LIMIT {{ limit }}
