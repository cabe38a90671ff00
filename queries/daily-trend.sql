-- title = "Accepted and rejected over time"
-- description = """
-- Records, packets and bytes of each day or hour (UTC), by the end of the records'
-- aggregation intervals."""
-- requires = ["packets", "bytes", "end", "action"]
-- [params.bucket]
-- type = "string"
-- choices = ["hour", "day"]
-- default = "day"
-- doc = "what one row covers: hour or day"

SELECT
  date_trunc({{ bucket }}, CAST(from_unixtime("end") AS timestamp)) AS bucket,
  count_if(action = 'ACCEPT') AS accepted,
  count_if(action = 'REJECT') AS rejected,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes
FROM {{ table }}
WHERE {{ window }}
GROUP BY 1
ORDER BY 1
