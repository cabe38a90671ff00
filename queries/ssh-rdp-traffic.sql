-- title = "SSH and RDP, allowed and refused"
-- group = "exposure"
-- description = """
-- Records to port 22 or 3389 by source, destination and verdict. A source with many refused
-- destinations is looking for an open door; an accepted row from outside may have found one."""
-- read = "One row for each source, destination, port and verdict; the most records first."
-- caveats = [
--   "ACCEPT says that the packets got through, not that somebody logged in.",
--   "A flow between two interfaces that are both logged is in the log twice.",
-- ]
-- aliases = ["VpcFlowLogsSshRdpTraffic"]
-- attack = ["T1021.001", "T1021.004"]
-- requires = ["srcaddr", "dstaddr", "dstport", "action", "packets", "bytes"]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  dstaddr,
  dstport,
  action,
  count(*) AS flows,
  sum(packets) AS packets,
  sum(bytes) AS bytes
FROM {{ table }}
WHERE {{ window }}
  AND dstport IN (22, 3389)
GROUP BY srcaddr, dstaddr, dstport, action
ORDER BY flows DESC, srcaddr, dstaddr, dstport, action
LIMIT {{ limit }}
