-- title = "Which interfaces refuse whom"
-- group = "rejects"
-- description = """
-- Rejected records by network interface and source, so that one sees at which security group or
-- subnet they fail. One protocol may be asked for."""
-- read = """
-- The most rejected records first. An interface with one private source all over the list lacks a
-- rule for it."""
-- caveats = [
--   "Rejections by VPC Block Public Access have no bytes.",
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
--   "At an egress rule that refuses, the source is the host of yours itself.",
-- ]
-- aliases = ["rejected-tcp-by-interface protocol=tcp"]
-- requires = ["interface_id", "srcaddr", "dstport", "protocol", "packets", "action"]
-- [params.protocol]
-- type = "protocol"
-- doc = "only this protocol"
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

SELECT
  interface_id,
  srcaddr,
  is_private(srcaddr) AS from_private,
  count(*) AS rejects,
  coalesce(sum(packets), 0) AS packets,
  count(DISTINCT dstport) AS dst_ports
FROM {{ table }}
WHERE {{ window }}
  AND action = 'REJECT'
  AND srcaddr <> '-'
{% if protocol is not none %}
  AND protocol = {{ protocol }}
{% endif %}
GROUP BY interface_id, srcaddr
HAVING count(*) >= {{ min_count }}
ORDER BY rejects DESC, interface_id, srcaddr
LIMIT {{ limit }}
