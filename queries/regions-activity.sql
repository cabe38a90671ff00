-- title = "What happened in each account and region"
-- group = "investigate"
-- description = """
-- Records, traffic and interfaces by account and region. Something in a region that you do not use
-- is the first thing to look at."""
-- read = "One row for each account and region, ordered by them."
-- caveats = [
--   "A region without flow logs is not in the list, whatever happens there: see log-coverage.",
--   "Without the field region use the option --region, which reads the region's folders alone.",
-- ]
-- aliases = ["account-regions"]
-- requires = ["account_id", "region", "interface_id", "bytes", "start", "end", "action"]
-- [params.region]
-- type = "region"
-- many = true
-- doc = "only these regions"

SELECT
  account_id,
  region,
  count(*) AS records,
  count_if(action = 'ACCEPT') AS accepted,
  count_if(action = 'REJECT') AS rejected,
  count(DISTINCT nullif(interface_id, '-')) AS interfaces,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
{% if region %}
  AND region IN {{ region }}
{% endif %}
GROUP BY account_id, region
ORDER BY account_id, region
