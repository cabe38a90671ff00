-- title = "What one address was sent"
-- group = "investigate"
-- description = """
-- The records of one destination address, newest first: who came, by which port, and whether it
-- was let in. The time is the end of the record's aggregation interval, in UTC."""
-- read = "One row is one record of the log."
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "What a NAT gateway takes in for an address outside names it as pkt-dstaddr alone.",
-- ]
-- aliases = ["VpcFlowLogsTrafficToDstAddr", "traffic-to-dest"]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "end", "action",
-- ]
-- [params.ip]
-- type = "ip"
-- required = true
-- doc = "the destination address, IPv4 or IPv6"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("end") AS timestamp) AS "time",
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol,
  action,
  packets,
  bytes
FROM {{ table }}
WHERE {{ window }}
  AND dstaddr = {{ ip }}
ORDER BY 1 DESC, srcaddr, srcport, dstport, protocol, action, packets, bytes
LIMIT {{ limit }}
