-- title = "The last record of each connection"
-- group = "investigate"
-- description = """
-- One row for each pair of addresses, ports and protocol: its newest record. Repeats of a long
-- connection or of a retry fall away, so that a short list shows much."""
-- read = """
-- The newest first. records says how many there are of this connection; action is that of the
-- last one."""
-- caveats = [
--   "The two directions of a connection are two rows.",
--   "Two interfaces that saw the same flow count as repeats of it.",
-- ]
-- requires = [
--   "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
--   "end", "action",
-- ]
-- [params.interface]
-- type = "interface"
-- many = true
-- doc = "only what these interfaces saw"
-- [params.limit]
-- type = "int"
-- default = 20
-- min = 1
-- doc = "rows at the most"

WITH numbered AS (
  SELECT
    "end" AS second,
    interface_id,
    srcaddr,
    dstaddr,
    srcport,
    dstport,
    protocol,
    action,
    packets,
    bytes,
    count(*) OVER (
      PARTITION BY srcaddr, dstaddr, srcport, dstport, protocol
    ) AS records,
    row_number() OVER (
      PARTITION BY srcaddr, dstaddr, srcport, dstport, protocol
      ORDER BY "end" DESC, interface_id, action, packets, bytes
    ) AS place
  FROM {{ table }}
  WHERE {{ window }}
    AND srcaddr <> '-'
  {% if interface %}
    AND interface_id IN {{ interface }}
  {% endif %}
)
SELECT
  CAST(from_unixtime(second) AS timestamp) AS "time",
  interface_id,
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol_name(protocol) AS protocol,
  action,
  packets,
  bytes,
  records
FROM numbered
WHERE place = 1
ORDER BY 1 DESC, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
LIMIT {{ limit }}
