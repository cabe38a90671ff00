-- title = "Who is being rejected"
-- group = "rejects"
-- description = """
-- One row for each source address that security groups or network ACLs turned away, with
-- the number of rejected records and of distinct ports it tried."""
-- read = """
-- The busiest first. Many ports and few packets are a scan; one port and many records are a
-- client of yours that lacks a rule, or somebody who guesses passwords."""
-- caveats = [
--   "Rejections by VPC Block Public Access have no bytes.",
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
-- ]
-- aliases = ["top-rejected-sources"]
-- requires = ["srcaddr", "dstport", "action", "packets", "bytes"]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"
-- [params.min_count]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "leave out sources with fewer rejected records"

SELECT
  srcaddr,
  count(*) AS rejects,
  sum(packets) AS packets,
  sum(bytes) AS bytes,
  count(DISTINCT dstport) AS dst_ports
FROM {{ table }}
WHERE {{ window }}
  AND action = 'REJECT'
GROUP BY srcaddr
HAVING count(*) >= {{ min_count }}
ORDER BY rejects DESC, srcaddr
LIMIT {{ limit }}
