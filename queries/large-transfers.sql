-- title = "Single records that are out of the ordinary"
-- group = "detect"
-- description = """
-- Records with very many bytes or packets, or very many packets with hardly anything in them. Big
-- ones may be data on its way out; a storm of empty packets is a flood or a broken host."""
-- read = """
-- One row for each record, the most bytes first, then the most packets. A transfer of an hour is
-- many rows: add them up with the pair of addresses in hand."""
-- caveats = [
--   "A record covers up to 1 or 10 minutes: a slow transfer never makes a large one.",
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "Backups and copies to S3 are large too.",
-- ]
-- aliases = [
--   "large-flows",
--   "high-packet-flows min_bytes=0 min_packets=10000",
--   "tiny-packets min_bytes=0 min_packets=1000 max_packet_size=60",
-- ]
-- attack = ["T1048", "T1498.001"]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "packets", "bytes", "start",
--   "end",
-- ]
-- [params.min_bytes]
-- type = "int"
-- default = 500000000
-- min = 0
-- doc = "bytes from which on a record is shown"
-- [params.min_packets]
-- type = "int"
-- default = 1
-- min = 0
-- doc = "packets from which on a record is shown"
-- [params.max_packet_size]
-- type = "int"
-- min = 1
-- doc = "mean bytes of a packet up to which a record is shown"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("end") AS timestamp) AS time,
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol,
  action,
  packets,
  bytes,
  "end" - "start" AS seconds
FROM {{ table }}
WHERE {{ window }}
  AND bytes >= {{ min_bytes }}
  AND packets >= {{ min_packets }}
{% if max_packet_size is not none %}
  AND bytes <= packets * {{ max_packet_size }}
{% endif %}
ORDER BY bytes DESC, packets DESC, 1, 2, 3, 4, 5, 6, 7, 10
LIMIT {{ limit }}
