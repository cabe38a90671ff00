-- title = "How much an address sent for what it received"
-- group = "investigate"
-- description = """
-- Records and bytes of an address in both directions, bytes to a record, and the ratio of sent to
-- received. A client receives more than it sends: the other way round is a server, or a leak."""
-- read = """
-- The most bytes sent first. ratio is bytes sent divided by bytes received, NULL where nothing was
-- received; bytes_per_record of a beacon is small and always the same."""
-- caveats = [
--   "Where both sides are interfaces of yours each packet is in two records and counts twice.",
--   "Only accepted records count: what was refused moved no data.",
-- ]
-- requires = ["srcaddr", "dstaddr", "bytes", "start", "end", "action"]
-- [params.ip]
-- type = "ip_or_cidr"
-- many = true
-- doc = "only these addresses or networks"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  addr,
  count_if(side = 'source') AS records_sent,
  count_if(side = 'destination') AS records_received,
  coalesce(sum(IF(side = 'source', bytes)), 0) AS bytes_sent,
  coalesce(sum(IF(side = 'destination', bytes)), 0) AS bytes_received,
  round(CAST(sum(bytes) AS double) / count(bytes), 1) AS bytes_per_record,
  round(
    CAST(sum(IF(side = 'source', bytes)) AS double)
      / nullif(sum(IF(side = 'destination', bytes)), 0),
    4
  ) AS ratio,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
CROSS JOIN UNNEST(ARRAY[srcaddr, dstaddr], ARRAY['source', 'destination']) AS sides (addr, side)
WHERE {{ window }}
  AND action = 'ACCEPT'
  AND addr <> '-'
{% if ip %}
  AND in_cidr(addr, {{ ip }})
{% endif %}
GROUP BY addr
HAVING count(bytes) > 0
ORDER BY bytes_sent DESC, addr
LIMIT {{ limit }}
