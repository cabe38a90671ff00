-- title = "Connections at regular intervals"
-- group = "detect"
-- description = """
-- Pairs of addresses of which one calls the other again and again after the same time. Malware
-- asks its master for orders by the clock; people do not."""
-- read = """
-- The most regular first: jitter is the standard deviation of the gaps as a share of their mean,
-- 0 for a clock. Updates, agents and monitors are regular too: know yours."""
-- caveats = [
--   "A connection counts once, at its first record; a source port used again is the same one.",
--   "Gaps are as fine as the log's interval of aggregation: give a min_interval well above it.",
--   "One that waits a random time between calls, as good malware does, has a high jitter.",
-- ]
-- aliases = ["regular-intervals"]
-- attack = ["T1071", "T1029"]
-- requires = ["srcaddr", "dstaddr", "srcport", "dstport", "protocol", "bytes", "start"]
-- [params.min_connections]
-- type = "int"
-- default = 20
-- min = 3
-- doc = "connections from which on a pair is shown"
-- [params.max_jitter]
-- type = "float"
-- default = 0.1
-- min = 0
-- doc = "the highest deviation of the gaps, as a share of their mean"
-- [params.min_interval]
-- type = "duration"
-- default = "1m"
-- doc = "the shortest mean gap"
-- [params.outside_only]
-- type = "bool"
-- default = true
-- doc = "only public destinations"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "destinations to leave out"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH connections AS (
  SELECT
    srcaddr,
    dstaddr,
    dstport,
    protocol,
    srcport,
    min("start") AS began,
    coalesce(sum(bytes), 0) AS bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    AND srcport IS NOT NULL
    AND dstport IS NOT NULL
    AND protocol IN (6, 17)
    {% if outside_only %}
    AND NOT is_private(dstaddr)
    {% endif %}
    {% if ignore %}
    AND NOT in_cidr(dstaddr, {{ ignore }})
    {% endif %}
  GROUP BY srcaddr, dstaddr, dstport, protocol, srcport
),
gaps AS (
  SELECT
    srcaddr,
    dstaddr,
    dstport,
    protocol,
    bytes,
    began,
    began - lag(began) OVER (
      PARTITION BY srcaddr, dstaddr, dstport, protocol ORDER BY began
    ) AS gap
  FROM connections
),
rhythms AS (
  SELECT
    srcaddr,
    dstaddr,
    dstport,
    protocol,
    count(*) AS connections,
    sum(bytes) AS bytes,
    avg(CAST(gap AS double)) AS mean_gap,
    stddev_pop(CAST(gap AS double)) AS deviation,
    min(began) AS first_began,
    max(began) AS last_began
  FROM gaps
  GROUP BY srcaddr, dstaddr, dstport, protocol
)
SELECT
  srcaddr,
  dstaddr,
  dstport,
  protocol_name(protocol) AS protocol,
  connections,
  CAST(round(mean_gap) AS bigint) AS interval_seconds,
  round(deviation / mean_gap, 3) AS jitter,
  bytes,
  CAST(from_unixtime(first_began) AS timestamp) AS first_seen,
  CAST(from_unixtime(last_began) AS timestamp) AS last_seen
FROM rhythms
WHERE connections >= {{ min_connections }}
  AND mean_gap >= {{ min_interval }}
  AND deviation <= mean_gap * {{ max_jitter }}
ORDER BY jitter, connections DESC, srcaddr, dstaddr, dstport, protocol
LIMIT {{ limit }}
