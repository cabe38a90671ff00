-- title = "Addresses with the most traffic, as the packets say"
-- group = "volume"
-- description = """
-- Bytes, packets and records of each address in the packets themselves, counted on both sides.
-- Behind a NAT gateway or load balancer these are the real ends."""
-- read = """
-- The largest first. The sum of the column is twice the traffic, because each record has two
-- sides."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "Each interface on the way, such as that of a NAT gateway, adds the same packets once more.",
-- ]
-- aliases = ["VpcFlowLogsTopTalkersPacketLevel"]
-- requires = ["pkt_srcaddr", "pkt_dstaddr", "packets", "bytes"]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  addr,
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets), 0) AS packets,
  count(*) AS flows
FROM {{ table }}
CROSS JOIN UNNEST(ARRAY[pkt_srcaddr, pkt_dstaddr]) AS sides (addr)
WHERE {{ window }}
  AND addr <> '-'
GROUP BY addr
ORDER BY bytes DESC, addr
LIMIT {{ limit }}
