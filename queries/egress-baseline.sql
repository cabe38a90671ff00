-- title = "Hours that send far more than those before"
-- group = "detect"
-- description = """
-- Bytes that leave for public addresses, hour by hour, held against the earlier hours of the same
-- host, account or pair. Data that is carried off shows as an hour unlike all before it."""
-- read = """
-- The highest z-score first: by how many standard deviations the hour lies above the mean of the
-- earlier hours. Before min_hours of them nothing is judged, so a new host is not a finding."""
-- caveats = [
--   "Hours in which nothing was sent are not in the baseline, so a quiet host's mean is too high.",
--   "A deviation below a tenth of the mean counts as a tenth: steady hosts are not oversensitive.",
--   "A rise that lasts becomes part of the baseline: its first hour is the finding.",
--   "An hour at the edge of the window may be a part of one.",
-- ]
-- aliases = ["exfil-baseline by=pair z=3", "egress-anomaly-by-host by=host z=10"]
-- attack = ["T1041", "T1048", "T1567"]
-- requires = ["account_id", "srcaddr", "dstaddr", "bytes", "end", "action"]
-- [improves]
-- flow_direction = "tells what leaves, so public IPv6 hosts of yours count"
-- [params.by]
-- type = "choice"
-- choices = ["host", "account", "pair"]
-- default = "host"
-- doc = "whose hours are held against each other"
-- [params.z]
-- type = "float"
-- default = 5.0
-- min = 0
-- doc = "standard deviations above the mean from which on an hour is shown"
-- [params.min_hours]
-- type = "int"
-- default = 8
-- min = 2
-- doc = "earlier hours with traffic that a baseline needs"
-- [params.min_bytes]
-- type = "int"
-- default = 10000000
-- min = 0
-- doc = "bytes in an hour from which on it is shown"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "destinations to leave out, such as a backup's"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH leaving AS (
  SELECT
    time_bucket('1h', "end") AS hour,
    account_id AS account,
    {% if by == "account" %}
    CAST(NULL AS varchar) AS source,
    {% else %}
    srcaddr AS source,
    {% endif %}
    {% if by == "pair" %}
    dstaddr AS target,
    {% else %}
    CAST(NULL AS varchar) AS target,
    {% endif %}
    dstaddr AS peer,
    bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
    AND srcaddr <> '-'
    AND bytes IS NOT NULL
    AND NOT is_private(dstaddr)
    {% if has_flow_direction %}
    AND flow_direction = 'egress'
    {% else %}
    AND is_private(srcaddr)
    {% endif %}
    {% if ignore %}
    AND NOT in_cidr(dstaddr, {{ ignore }})
    {% endif %}
),
hours AS (
  SELECT
    account,
    source,
    target,
    hour,
    count(DISTINCT peer) AS peers,
    CAST(sum(bytes) AS bigint) AS bytes
  FROM leaving
  GROUP BY account, source, target, hour
),
before AS (
  SELECT
    account,
    source,
    target,
    hour,
    peers,
    bytes,
    count(*) OVER (
      PARTITION BY account, source, target
      ORDER BY hour
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier_hours,
    avg(CAST(bytes AS double)) OVER (
      PARTITION BY account, source, target
      ORDER BY hour
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS mean_bytes,
    stddev_samp(CAST(bytes AS double)) OVER (
      PARTITION BY account, source, target
      ORDER BY hour
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS deviation
  FROM hours
),
scored AS (
  SELECT
    account,
    source,
    target,
    hour,
    peers,
    bytes,
    earlier_hours,
    mean_bytes,
    (bytes - mean_bytes) / greatest(deviation, mean_bytes / 10, 1e0) AS z_score
  FROM before
  WHERE earlier_hours >= {{ min_hours }}
    AND bytes >= {{ min_bytes }}
)
SELECT
  account AS account_id,
  source AS srcaddr,
  target AS dstaddr,
  hour,
  bytes,
  CAST(round(mean_bytes) AS bigint) AS usual_bytes,
  earlier_hours,
  round(z_score, 1) AS z_score,
  peers
FROM scored
WHERE z_score >= {{ z }}
ORDER BY z_score DESC, 4, 1, 2, 3, 5, 6, 7, 9
LIMIT {{ limit }}
