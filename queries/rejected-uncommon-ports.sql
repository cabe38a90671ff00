-- title = "Refused on uncommon ports"
-- group = "rejects"
-- description = """
-- Rejected records by destination port, without those of the ports that everybody tries. What
-- remains is a service of yours behind a missing rule, or something new that is searched for."""
-- read = """
-- The most rejected records first. Many sources: a fashion on the internet; from_private above 0:
-- a client of yours."""
-- caveats = [
--   "Rejections by VPC Block Public Access have no bytes.",
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
--   "Answers that a network ACL drops go to high ports: they show here.",
-- ]
-- requires = ["srcaddr", "dstaddr", "dstport", "protocol", "packets", "action"]
-- [params.ignore_ports]
-- type = "port_range"
-- many = true
-- default = ["22", "80", "443"]
-- doc = "ports to leave out"
-- [params.min_count]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "leave out what has fewer rejected records"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH refused AS (
  SELECT
    dstport,
    protocol,
    count(*) AS rejects,
    coalesce(sum(packets), 0) AS packets,
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT dstaddr) AS destinations,
    count_if(is_private(srcaddr)) AS from_private
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'REJECT'
    AND protocol IN (6, 17)
    AND NOT in_ports(dstport, {{ ignore_ports }})
  GROUP BY dstport, protocol
)
SELECT
  dstport,
  protocol_name(protocol) AS protocol,
  port_name(dstport) AS service,
  rejects,
  packets,
  sources,
  destinations,
  from_private
FROM refused
WHERE rejects >= {{ min_count }}
ORDER BY rejects DESC, dstport, protocol
LIMIT {{ limit }}
