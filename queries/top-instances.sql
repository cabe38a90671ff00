-- title = "Instances with the most traffic"
-- group = "volume"
-- description = """
-- Bytes, packets and records of each instance, sent and received apart where the format has flow-
-- direction. Interfaces of no instance (load balancers, NAT gateways, Lambda) are left out."""
-- read = "The largest first. Idle ones, which have NODATA records alone, are not in the list."
-- caveats = [
--   "Traffic between two of them is counted at both, once as sent and once as received.",
--   "SKIPDATA records stand for flows that AWS left out, so the sums may be low.",
-- ]
-- aliases = ["VpcFlowLogsTopTalkingInstances"]
-- requires = ["instance_id", "packets", "bytes"]
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
  instance_id,
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
  AND instance_id <> '-'
  AND coalesce(packets, bytes) IS NOT NULL
GROUP BY instance_id
{% if by == "packets" %}
ORDER BY packets DESC, instance_id
{% elif by == "flows" %}
ORDER BY flows DESC, instance_id
{% else %}
ORDER BY bytes DESC, instance_id
{% endif %}
LIMIT {{ limit }}
