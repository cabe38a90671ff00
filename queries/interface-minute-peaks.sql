-- title = "The busiest minutes of network interfaces"
-- group = "volume"
-- description = """
-- The minutes in which an interface moved the most, with the bits per second that this is. It
-- answers whether an instance or a NAT gateway gets near its bandwidth."""
-- read = "The busiest first; bits_per_second is the mean over the bucket, both directions added."
-- caveats = [
--   """A record counts in the bucket in which its aggregation interval ends: with intervals of \
--   10 minutes use bucket=10m, or peaks show too high.""",
--   "A burst of seconds does not show in the mean of a minute.",
--   "SKIPDATA records stand for flows that AWS left out, so the sums may be low.",
-- ]
-- requires = ["interface_id", "packets", "bytes", "end"]
-- [improves]
-- flow_direction = "tells what was sent from what was received"
-- [params.bucket]
-- type = "duration"
-- default = "1m"
-- min = 1
-- doc = "what one row covers"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH buckets AS (
  SELECT
    time_bucket({{ bucket }}, "end") AS bucket,
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
  GROUP BY 1, 2
)
SELECT
  bucket,
  interface_id,
  bytes,
  bytes * 8 / {{ bucket }} AS bits_per_second,
  packets,
  flows,
  sent_bytes,
  received_bytes
FROM buckets
ORDER BY bytes DESC, bucket, interface_id
LIMIT {{ limit }}
