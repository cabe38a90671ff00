-- title = "Traffic with addresses on a list"
-- group = "investigate"
-- description = """
-- Who talked to addresses or networks that somebody warned of, in either direction. A long
-- list fits into a file, one to a line."""
-- read = """
-- One row for each listed address that was seen, its peer and the direction of the packets:
-- from the peer to it, or from it to the peer. The most bytes first."""
-- caveats = [
--   "A refused flow is in the list too: look at accepted.",
--   "Athena takes statements up to 256 KB: about 4,000 addresses, or 1,500 networks.",
--   "Without the pkt fields an address behind a NAT gateway is not seen.",
-- ]
-- aliases = ["indicator-match"]
-- attack = ["T1071"]
-- requires = ["srcaddr", "dstaddr", "bytes", "start", "end"]
-- [improves]
-- action = "counts the accepted flows"
-- [params.indicators]
-- type = "ip_or_cidr"
-- many = true
-- required = true
-- doc = "addresses or networks; indicators=@FILE for a long list"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH marked AS (
  SELECT
    srcaddr,
    dstaddr,
    in_cidr(srcaddr, {{ indicators }}) AS is_from,
    in_cidr(dstaddr, {{ indicators }}) AS is_to,
    bytes,
    {% if has_action %}
    action,
    {% endif %}
    "start" AS first_second,
    "end" AS last_second
  FROM {{ table }}
  WHERE {{ window }}
),
sides AS (
  SELECT
    *,
    IF(is_to, dstaddr, srcaddr) AS indicator,
    IF(is_to, srcaddr, dstaddr) AS peer,
    IF(is_to, 'to', 'from') AS direction
  FROM marked
  WHERE is_from OR is_to
)
SELECT
  indicator,
  peer,
  direction,
  count(*) AS flows,
  {% if has_action %}
  count_if(action = 'ACCEPT') AS accepted,
  {% else %}
  CAST(NULL AS bigint) AS accepted,
  {% endif %}
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min(first_second)) AS timestamp) AS first_seen,
  CAST(from_unixtime(max(last_second)) AS timestamp) AS last_seen
FROM sides
GROUP BY indicator, peer, direction
ORDER BY bytes DESC, indicator, peer, direction
LIMIT {{ limit }}
