-- title = "What was refused, record by record"
-- group = "rejects"
-- description = """
-- The records that security groups, network ACLs or VPC Block Public Access turned away, newest
-- first. The time is the end of the record's aggregation interval, in UTC."""
-- read = "One row is one record of the log. What reject-report sums up by source is here in full."
-- caveats = [
--   "Rejections by VPC Block Public Access have no bytes.",
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
--   "Answers that a network ACL drops are here too: it keeps no state.",
-- ]
-- aliases = ["VpcFlowLogsRejectedTraffic"]
-- requires = [
--   "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
--   "end", "action",
-- ]
-- [improves]
-- reject_reason = "says why, where it was VPC Block Public Access or encryption control"
-- [params.protocol]
-- type = "protocol"
-- doc = "only this protocol"
-- [params.network]
-- type = "ip_or_cidr"
-- many = true
-- doc = "only with these addresses or networks on either side"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("end") AS timestamp) AS "time",
  interface_id,
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol_name(protocol) AS protocol,
  packets,
  bytes,
  {% if has_reject_reason %}
  reject_reason
  {% else %}
  CAST(NULL AS varchar) AS reject_reason
  {% endif %}
FROM {{ table }}
WHERE {{ window }}
  AND action = 'REJECT'
{% if protocol is not none %}
  AND protocol = {{ protocol }}
{% endif %}
{% if network %}
  AND (in_cidr(srcaddr, {{ network }}) OR in_cidr(dstaddr, {{ network }}))
{% endif %}
ORDER BY 1 DESC, 2, 3, 4, 5, 6, 7, 8, 9, 10
LIMIT {{ limit }}
