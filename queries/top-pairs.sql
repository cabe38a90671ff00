-- title = "Pairs of addresses with the most traffic"
-- group = "volume"
-- description = """
-- Who sent most to whom, by bytes, packets or records. One direction is one row: the answers are a
-- row of their own."""
-- read = """
-- The largest first. A pair with many records and few bytes is chatter, one with few records and
-- many bytes a transfer."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "Behind a NAT gateway or load balancer the address is that of the interface in between.",
-- ]
-- aliases = [
--   "VpcFlowLogsTotalBytesTransferred",
--   "top-pairs-by-bytes by=bytes",
--   "top-pairs-by-packets by=packets",
--   "top-pairs-by-flows by=flows",
-- ]
-- requires = ["srcaddr", "dstaddr", "packets", "bytes"]
-- [params.by]
-- type = "choice"
-- choices = ["bytes", "packets", "flows"]
-- default = "bytes"
-- doc = "what the order goes by"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  dstaddr,
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets), 0) AS packets,
  count(*) AS flows
FROM {{ table }}
WHERE {{ window }}
  AND srcaddr <> '-'
  AND dstaddr <> '-'
GROUP BY srcaddr, dstaddr
{% if by == "packets" %}
ORDER BY packets DESC, srcaddr, dstaddr
{% elif by == "flows" %}
ORDER BY flows DESC, srcaddr, dstaddr
{% else %}
ORDER BY bytes DESC, srcaddr, dstaddr
{% endif %}
LIMIT {{ limit }}
