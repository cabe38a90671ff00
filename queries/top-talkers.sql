-- title = "Addresses with the most traffic"
-- group = "volume"
-- description = """
-- Bytes, packets and records of each address, counted on both sides: every record is added
-- to its source and to its destination. A flow seen at two interfaces is in the log twice."""
-- read = """
-- The largest first. Your own addresses and those outside stand in one list; the sum of the
-- column is twice the traffic."""
-- caveats = [
--   "Behind a NAT gateway or load balancer the address is that of the interface in between.",
-- ]
-- aliases = ["VpcFlowLogsTopTalkers"]
-- requires = ["srcaddr", "dstaddr", "packets", "bytes"]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  addr,
  sum(bytes) AS bytes,
  sum(packets) AS packets,
  count(*) AS flows
FROM {{ table }}
CROSS JOIN UNNEST(ARRAY[srcaddr, dstaddr]) AS sides (addr)
WHERE {{ window }}
  AND addr <> '-'
GROUP BY addr
ORDER BY bytes DESC, addr
LIMIT {{ limit }}
