-- title = "Traffic by protocol"
-- group = "volume"
-- description = """
-- Bytes, packets and records of each IP protocol, by name. Expect TCP and UDP, some ICMP, and
-- tunnels such as GRE or ESP where you have a VPN of your own."""
-- read = "The largest first. A protocol that nobody of yours uses is worth a look, however small."
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "A protocol without a name here is shown by its number.",
-- ]
-- requires = ["srcaddr", "protocol", "packets", "bytes"]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH protocols AS (
  SELECT
    protocol,
    coalesce(sum(bytes), 0) AS bytes,
    coalesce(sum(packets), 0) AS packets,
    count(*) AS flows,
    count(DISTINCT srcaddr) AS sources
  FROM {{ table }}
  WHERE {{ window }}
    AND protocol IS NOT NULL
  GROUP BY protocol
)
SELECT
  protocol_name(protocol) AS protocol,
  bytes,
  round(1e2 * bytes / nullif(sum(bytes) OVER (), 0), 1) AS byte_percent,
  packets,
  flows,
  sources
FROM protocols
ORDER BY bytes DESC, protocol
LIMIT {{ limit }}
