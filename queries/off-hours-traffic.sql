-- title = "What moves while nobody works"
-- group = "detect"
-- description = """
-- Accepted traffic outside working hours, in a time zone of yours, weekends included. Who wants
-- to go unseen comes at night, and programs of theirs keep to a timetable."""
-- read = """
-- One row for each pair of addresses and port, the most bytes first; days are the local days on
-- which it happened. Backups come every night, an intruder on some."""
-- caveats = [
--   "A service that the world uses has no off hours: look at administration ports, or outbound.",
--   "The hour is that of a record's end.",
--   "A flow between two interfaces that are both logged is in the log twice.",
-- ]
-- attack = ["T1029"]
-- requires = ["srcaddr", "dstaddr", "dstport", "action", "packets", "bytes", "start", "end"]
-- [params.zone]
-- type = "time_zone"
-- default = "UTC"
-- doc = "time zone of the working hours, such as Europe/Berlin"
-- [params.from_hour]
-- type = "int"
-- default = 20
-- min = 0
-- max = 23
-- doc = "the hour at which work ends"
-- [params.to_hour]
-- type = "int"
-- default = 6
-- min = 0
-- max = 23
-- doc = "the hour at which work begins"
-- [params.weekends]
-- type = "bool"
-- default = true
-- doc = "count Saturday and Sunday as off hours"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["0-32767"]
-- doc = "the destination ports that count; higher ones are mostly replies"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "addresses to leave out, on either side"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH clocked AS (
  SELECT
    srcaddr,
    dstaddr,
    dstport,
    packets,
    bytes,
    "start" AS first_second,
    "end" AS last_second,
    at_timezone(from_unixtime("end"), {{ zone }}) AS there
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    AND in_ports(dstport, {{ ports }})
    {% if ignore %}
    AND NOT in_cidr(srcaddr, {{ ignore }})
    AND NOT in_cidr(dstaddr, {{ ignore }})
    {% endif %}
)
SELECT
  srcaddr,
  dstaddr,
  dstport,
  count(*) AS flows,
  count(DISTINCT CAST(there AS date)) AS days,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min(first_second)) AS timestamp) AS first_seen,
  CAST(from_unixtime(max(last_second)) AS timestamp) AS last_seen
FROM clocked
WHERE mod(hour(there) + 24 - {{ from_hour }}, 24) < mod({{ to_hour }} + 24 - {{ from_hour }}, 24)
{% if weekends %}
  OR day_of_week(there) >= 6
{% endif %}
GROUP BY srcaddr, dstaddr, dstport
ORDER BY bytes DESC, srcaddr, dstaddr, dstport
LIMIT {{ limit }}
