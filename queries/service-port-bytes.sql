-- title = "Bytes of instances to and from one port"
-- group = "volume"
-- description = """
-- For each instance the bytes that went to a port and those that came from it, at 443 what it
-- served and fetched over HTTPS. With flow-direction its part as a server and as a client are told
-- apart."""
-- read = """
-- The most bytes first. to_port_bytes are requests, from_port_bytes are answers, whichever side
-- the instance is on."""
-- caveats = [
--   """Client and server are told by the port alone: a client that calls from this very port \
--   counts as a server.""",
--   "Interfaces of no instance are left out.",
--   "SKIPDATA records stand for flows that AWS left out, so the sums may be low.",
-- ]
-- aliases = ["instance-port-bytes"]
-- requires = ["instance_id", "srcport", "dstport", "bytes"]
-- [improves]
-- flow_direction = "tells an instance's part as a server from that as a client"
-- [params.port]
-- type = "port"
-- default = 443
-- doc = "the service's port"
-- [params.instance]
-- type = "instance"
-- many = true
-- doc = "only these instances"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  instance_id,
  coalesce(sum(bytes), 0) AS bytes,
  count(*) AS flows,
  coalesce(sum(IF(dstport = {{ port }}, bytes)), 0) AS to_port_bytes,
  coalesce(sum(IF(srcport = {{ port }}, bytes)), 0) AS from_port_bytes,
  {% if has_flow_direction %}
  coalesce(sum(IF(
    (dstport = {{ port }} AND flow_direction = 'ingress')
    OR (srcport = {{ port }} AND flow_direction = 'egress'), bytes
  )), 0) AS as_server_bytes,
  coalesce(sum(IF(
    (dstport = {{ port }} AND flow_direction = 'egress')
    OR (srcport = {{ port }} AND flow_direction = 'ingress'), bytes
  )), 0) AS as_client_bytes
  {% else %}
  CAST(NULL AS bigint) AS as_server_bytes,
  CAST(NULL AS bigint) AS as_client_bytes
  {% endif %}
FROM {{ table }}
WHERE {{ window }}
  AND instance_id <> '-'
  AND (srcport = {{ port }} OR dstport = {{ port }})
{% if instance %}
  AND instance_id IN {{ instance }}
{% endif %}
GROUP BY instance_id
ORDER BY bytes DESC, instance_id
LIMIT {{ limit }}
