-- title = "Interfaces without any traffic"
-- group = "health"
-- description = """
-- Network interfaces of which the logs hold nothing but NODATA. They are what was left over from a
-- test or a failed deployment, and may cost money: an address, an endpoint, an instance."""
-- read = """
-- One row for each interface, the one that is silent for longest first. others are the records
-- that are not NODATA; raise max_others to see interfaces with next to no traffic."""
-- caveats = [
--   "Idle means in this window: ask over weeks before you delete anything.",
--   "An interface that AWS does not log at all, or one without a flow log, is not in the answer.",
-- ]
-- requires = ["account_id", "interface_id", "log_status", "start", "end"]
-- [improves]
-- vpc_id = "says in which VPC"
-- instance_id = "says at which instance"
-- [params.max_others]
-- type = "int"
-- default = 0
-- min = 0
-- doc = "interfaces with so many other records are idle too"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  account_id,
  interface_id,
  {% if has_vpc_id %}
  max(nullif(vpc_id, '-')) AS vpc_id,
  {% else %}
  CAST(NULL AS varchar) AS vpc_id,
  {% endif %}
  {% if has_instance_id %}
  max(nullif(instance_id, '-')) AS instance_id,
  {% else %}
  CAST(NULL AS varchar) AS instance_id,
  {% endif %}
  count(*) AS records,
  count(*) - count_if(log_status = 'NODATA') AS others,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND interface_id <> '-'
GROUP BY account_id, interface_id
HAVING count(*) - count_if(log_status = 'NODATA') <= {{ max_others }}
ORDER BY first_seen, account_id, interface_id
LIMIT {{ limit }}
