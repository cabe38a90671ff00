-- title = "Ports that were in use and fell silent"
-- group = "exposure"
-- description = """
-- Ports of your hosts that let traffic in within the window, and none since some days. A door
-- that nobody uses any more can be shut."""
-- read = """
-- The longest silence first, in hours up to the newest record of the log. Many flows before it
-- are a service that moved or stopped; a few may have been a test."""
-- caveats = [
--   "From a port below 1024 to one above comes an answer, at a NAT gateway say: it is left out.",
--   "A port used before the window is not seen at all: look at a month or more.",
--   "A rare job, once a month or a year, looks unused.",
--   "Only private destinations count without flow-direction.",
-- ]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "start", "end",
-- ]
-- [improves]
-- flow_direction = "tells what comes in, so public IPv6 hosts of yours count, and a flow once"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.silent]
-- type = "duration"
-- default = "3d"
-- doc = "for how long nothing has come, counted back from the newest record"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["1-32767"]
-- doc = "the destination ports that count"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH marked AS (
  SELECT
    srcaddr,
    dstaddr,
    protocol,
    dstport,
    "start" AS first_second,
    "end" AS last_second,
    coalesce(
      action = 'ACCEPT'
      AND protocol IN (6, 17)
      AND in_ports(dstport, {{ ports }})
      AND NOT (srcport < 1024 AND dstport >= 1024)
      {% if has_flow_direction %}
      AND flow_direction = 'ingress' AND dstaddr <> '-'
      {% else %}
      AND is_private(dstaddr)
      {% endif %}
      {% if has_tcp_flags %}
      AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
      {% endif %}
      , FALSE) AS comes_in
  FROM {{ table }}
  WHERE {{ window }}
),
listeners AS (
  SELECT
    comes_in,
    IF(comes_in, dstaddr) AS host,
    IF(comes_in, protocol) AS protocol,
    IF(comes_in, dstport) AS port,
    count(DISTINCT IF(srcaddr <> '-', srcaddr)) AS sources,
    count(*) AS flows,
    min(first_second) AS first_second,
    max(last_second) AS last_second
  FROM marked
  GROUP BY 1, 2, 3, 4
),
dated AS (
  SELECT
    comes_in,
    host,
    protocol,
    port,
    sources,
    flows,
    first_second,
    last_second,
    max(last_second) OVER () AS newest
  FROM listeners
)
SELECT
  host,
  protocol_name(protocol) AS protocol,
  port,
  port_name(port) AS service,
  (newest - last_second) / 3600 AS silent_hours,
  sources,
  flows,
  CAST(from_unixtime(first_second) AS timestamp) AS first_seen,
  CAST(from_unixtime(last_second) AS timestamp) AS last_seen
FROM dated
WHERE comes_in
  AND newest - last_second >= {{ silent }}
ORDER BY 5 DESC, 9, 1, 2, 3, 4, 6, 7, 8
LIMIT {{ limit }}
