-- title = "Destinations never seen before the last two days"
-- group = "detect"
-- description = """
-- Public addresses to which your hosts sent in the last two days, and to which none of them had sent
-- earlier in the window. A new control server or drop is new to every host."""
-- read = """
-- The most bytes first. One source with one new address and many bytes is worth a look; a new
-- address of a large provider is mostly a change of DNS."""
-- caveats = [
--   "The window is what is known: take two weeks or more, or all is new.",
--   "The two days end with the newest record, whatever the clock says.",
--   "Replies to clients are left out: they go to high ports, or come from one below 1024.",
-- ]
-- aliases = ["first-seen-destinations"]
-- attack = ["T1041", "T1071"]
-- requires = ["srcaddr", "dstaddr", "srcport", "dstport", "action", "bytes", "start", "end"]
-- [improves]
-- flow_direction = "tells what leaves, so public IPv6 hosts of yours count"
-- [params.recent]
-- type = "duration"
-- default = "2d"
-- doc = "how far back from the newest record a destination counts as new"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["0-32767"]
-- doc = "the destination ports that count"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "destinations to leave out"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH marked AS (
  SELECT
    srcaddr,
    dstaddr,
    dstport,
    bytes,
    "start" AS began,
    "end" AS ended,
    coalesce(
      action = 'ACCEPT'
      AND srcaddr <> '-'
      AND NOT is_private(dstaddr)
      AND in_ports(dstport, {{ ports }})
      AND NOT (srcport < 1024 AND dstport >= 1024)
      {% if has_flow_direction %}
      AND flow_direction = 'egress'
      {% else %}
      AND is_private(srcaddr)
      {% endif %}
      {% if ignore %}
      AND NOT in_cidr(dstaddr, {{ ignore }})
      {% endif %}
      , FALSE) AS leaves
  FROM {{ table }}
  WHERE {{ window }}
),
targets AS (
  SELECT
    leaves,
    IF(leaves, dstaddr) AS target,
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT dstport) AS ports,
    count(*) AS flows,
    coalesce(sum(bytes), 0) AS bytes,
    min(began) AS began,
    max(ended) AS ended
  FROM marked
  GROUP BY 1, 2
),
dated AS (
  SELECT
    leaves,
    target,
    sources,
    ports,
    flows,
    bytes,
    began,
    ended,
    max(ended) OVER () AS newest
  FROM targets
)
SELECT
  target AS dstaddr,
  sources,
  ports,
  flows,
  bytes,
  CAST(from_unixtime(began) AS timestamp) AS first_seen,
  CAST(from_unixtime(ended) AS timestamp) AS last_seen
FROM dated
WHERE leaves
  AND began >= newest - {{ recent }}
ORDER BY 5 DESC, 1, 2, 3, 4, 6, 7
LIMIT {{ limit }}
