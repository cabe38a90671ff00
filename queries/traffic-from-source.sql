-- title = "What one address sent"
-- group = "investigate"
-- description = """
-- The records of one source address, newest first. The time is the end of the record's
-- aggregation interval, in UTC."""
-- read = "One row is one record of the log."
-- caveats = ["A flow between two interfaces that are both logged is in the log twice."]
-- aliases = ["VpcFlowLogsTrafficFrmSrcAddr"]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "end", "action",
-- ]
-- [params.ip]
-- type = "ip"
-- required = true
-- doc = "the source address, IPv4 or IPv6"
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
  AND srcaddr = {{ ip }}
ORDER BY 1 DESC, dstaddr, srcport, dstport, protocol, action, packets, bytes
LIMIT {{ limit }}
