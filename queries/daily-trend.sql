-- title = "Accepted and rejected over time"
-- group = "volume"
-- description = """
-- Records, packets and bytes of each day or hour (UTC), by the end of the records'
-- aggregation intervals."""
-- read = """
-- One row for each day or hour in which there was a record. A missing row is a gap: no record
-- at all, not even of an idle interface."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "The first and the last row may cover part of a day or hour only.",
-- ]
-- requires = ["packets", "bytes", "end", "action"]
-- [params.bucket]
-- type = "string"
-- choices = ["hour", "day"]
-- default = "day"
-- doc = "what one row covers: hour or day"

SELECT
  time_bucket({{ bucket }}, "end") AS bucket,
  count_if(action = 'ACCEPT') AS accepted,
  count_if(action = 'REJECT') AS rejected,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes
FROM {{ table }}
WHERE {{ window }}
GROUP BY 1
ORDER BY 1
