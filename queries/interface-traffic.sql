-- title = "Records of network interfaces"
-- group = "investigate"
-- description = """
-- All that some network interfaces saw, newest first. Each flow is there once for each direction,
-- because an interface logs what it sees alone."""
-- read = "One row is one record; one without addresses is NODATA or SKIPDATA, as log_status says."
-- caveats = [
--   "Flows of a regional NAT gateway have no interface: ask resource-traffic by vpc.",
--   "A SKIPDATA record stands for flows that AWS did not log.",
-- ]
-- aliases = ["eni-traffic"]
-- requires = [
--   "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
--   "end", "action", "log_status",
-- ]
-- [improves]
-- flow_direction = "says whether the packets came in or went out"
-- [params.interface]
-- type = "interface"
-- many = true
-- required = true
-- doc = "interfaces; interface=@FILE for a list"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("end") AS timestamp) AS "time",
  interface_id,
  {% if has_flow_direction %}
  flow_direction,
  {% else %}
  CAST(NULL AS varchar) AS flow_direction,
  {% endif %}
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol_name(protocol) AS protocol,
  action,
  packets,
  bytes,
  log_status
FROM {{ table }}
WHERE {{ window }}
  AND interface_id IN {{ interface }}
ORDER BY 1 DESC, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
LIMIT {{ limit }}
