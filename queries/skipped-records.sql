-- title = "When AWS left records out"
-- group = "health"
-- description = """
-- Time buckets in which AWS could not log everything, with the share of such records. Every count
-- of such a bucket is low: an absence in it proves nothing."""
-- read = """
-- One row for each bucket with a SKIPDATA record, or for all buckets with all=true.
-- skipped_percent is the part of SKIPDATA records in all records of the bucket."""
-- caveats = [
--   "One SKIPDATA record may stand for many flows: how many, nobody knows.",
--   "The bucket is that of the end of the record's aggregation interval.",
-- ]
-- aliases = ["skipdata", "vpc-flow-skipdata"]
-- requires = ["log_status", "interface_id", "end"]
-- [params.bucket]
-- type = "duration"
-- default = "1h"
-- min = 60
-- doc = "size of a bucket"
-- [params.all]
-- type = "bool"
-- default = false
-- doc = "also the buckets from which nothing is missing"
-- [params.limit]
-- type = "int"
-- default = 200
-- min = 1
-- doc = "rows at the most"

SELECT
  time_bucket({{ bucket }}, "end") AS bucket,
  count(*) AS records,
  count_if(log_status = 'OK') AS ok,
  count_if(log_status = 'NODATA') AS nodata,
  count_if(log_status = 'SKIPDATA') AS skipdata,
  count(DISTINCT IF(log_status = 'SKIPDATA', nullif(interface_id, '-'))) AS skipped_interfaces,
  round(1e2 * count_if(log_status = 'SKIPDATA') / count(*), 2) AS skipped_percent
FROM {{ table }}
WHERE {{ window }}
GROUP BY 1
{% if not all %}
HAVING count_if(log_status = 'SKIPDATA') > 0
{% endif %}
ORDER BY 1
LIMIT {{ limit }}
