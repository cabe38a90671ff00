-- title = "Days that the logs cover, by account and region"
-- group = "health"
-- description = """
-- Records, interfaces and hours with records for each account, region and day. A day with fewer
-- hours or interfaces than its neighbours has a gap, or its flow log was not there."""
-- read = """
-- One row for each day, account and region. hours is how many of the day's 24 hours have records;
-- the window's own first and last day have fewer."""
-- caveats = [
--   "A day without any record has no row: count the days.",
--   "These are the records; what is missing from the table, partitions gaps says.",
-- ]
-- aliases = ["partition-coverage"]
-- requires = ["account_id", "interface_id", "log_status", "end"]
-- [improves]
-- region = "tells regions apart"
-- [params.limit]
-- type = "int"
-- default = 1000
-- min = 1
-- doc = "rows at the most"

SELECT
  time_bucket('day', "end") AS day,
  account_id,
  {% if has_region %}
  region,
  {% else %}
  CAST(NULL AS varchar) AS region,
  {% endif %}
  count(*) AS records,
  count_if(log_status = 'NODATA') AS nodata,
  count_if(log_status = 'SKIPDATA') AS skipdata,
  count(DISTINCT nullif(interface_id, '-')) AS interfaces,
  count(DISTINCT time_bucket('hour', "end")) AS hours,
  CAST(from_unixtime(min("end")) AS timestamp) AS first_record,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_record
FROM {{ table }}
WHERE {{ window }}
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
LIMIT {{ limit }}
