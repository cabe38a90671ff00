-- title = "Network interfaces with the most traffic"
-- group = "volume"
-- description = """
-- Bytes, packets and records of each network interface, sent and received apart where the format
-- has flow-direction. Every format can answer this, so it is the first look where there is no
-- instance-id."""
-- read = "The largest first. Idle ones, which have NODATA records alone, are not in the list."
-- caveats = [
--   "Traffic between two of them is counted at both, once as sent and once as received.",
--   "SKIPDATA records stand for flows that AWS left out, so the sums may be low.",
-- ]
-- aliases = ["top-interfaces-by-flows by=flows"]
-- requires = ["interface_id", "packets", "bytes"]
-- [improves]
-- flow_direction = "tells what was sent from what was received"
-- [params.by]
-- type = "choice"
-- choices = ["bytes", "packets", "flows"]
-- default = "bytes"
-- doc = "what the order goes by"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  interface_id,
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets), 0) AS packets,
  count(*) AS flows,
  {% if has_flow_direction %}
  coalesce(sum(IF(flow_direction = 'egress', bytes)), 0) AS sent_bytes,
  coalesce(sum(IF(flow_direction = 'ingress', bytes)), 0) AS received_bytes
  {% else %}
  CAST(NULL AS bigint) AS sent_bytes,
  CAST(NULL AS bigint) AS received_bytes
  {% endif %}
FROM {{ table }}
WHERE {{ window }}
  AND interface_id <> '-'
  AND coalesce(packets, bytes) IS NOT NULL
GROUP BY interface_id
{% if by == "packets" %}
ORDER BY packets DESC, interface_id
{% elif by == "flows" %}
ORDER BY flows DESC, interface_id
{% else %}
ORDER BY bytes DESC, interface_id
{% endif %}
LIMIT {{ limit }}
