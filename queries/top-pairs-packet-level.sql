-- title = "Pairs with the most traffic, as the packets say"
-- group = "volume"
-- description = """
-- Who sent most to whom by the addresses in the packets themselves: behind a NAT gateway, a load
-- balancer or a pod's interface these are the real ends."""
-- read = """
-- The largest first. Compare with top-pairs: a pair that stands here and not there goes through
-- something in between."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "Each interface on the way, such as that of a NAT gateway, adds the same packets once more.",
-- ]
-- aliases = ["VpcFlowLogsTotalBytesTransferredPacketLevel"]
-- requires = ["pkt_srcaddr", "pkt_dstaddr", "packets", "bytes"]
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
  pkt_srcaddr,
  pkt_dstaddr,
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets), 0) AS packets,
  count(*) AS flows
FROM {{ table }}
WHERE {{ window }}
  AND pkt_srcaddr <> '-'
  AND pkt_dstaddr <> '-'
GROUP BY pkt_srcaddr, pkt_dstaddr
{% if by == "packets" %}
ORDER BY packets DESC, pkt_srcaddr, pkt_dstaddr
{% elif by == "flows" %}
ORDER BY flows DESC, pkt_srcaddr, pkt_dstaddr
{% else %}
ORDER BY bytes DESC, pkt_srcaddr, pkt_dstaddr
{% endif %}
LIMIT {{ limit }}
