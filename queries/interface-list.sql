-- title = "The network interfaces that were logged"
-- group = "investigate"
-- description = """
-- Every network interface in the logs, with where it is, since when it was seen, and how much it
-- logged. It tells an id in another answer, and what is not covered by flow logs at all."""
-- read = """
-- One row for each account and interface, ordered by them. flows counts the records with traffic;
-- an interface whose flows are 0 had none."""
-- caveats = [
--   "An interface that moved shows one of its instances.",
--   "A regional NAT gateway has no interface and is not in the list.",
-- ]
-- requires = ["account_id", "interface_id", "log_status", "bytes", "start", "end"]
-- [improves]
-- vpc_id = "says in which VPC"
-- subnet_id = "says in which subnet"
-- instance_id = "says at which instance"
-- [params.limit]
-- type = "int"
-- default = 1000
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
  {% if has_subnet_id %}
  max(nullif(subnet_id, '-')) AS subnet_id,
  {% else %}
  CAST(NULL AS varchar) AS subnet_id,
  {% endif %}
  {% if has_instance_id %}
  max(nullif(instance_id, '-')) AS instance_id,
  {% else %}
  CAST(NULL AS varchar) AS instance_id,
  {% endif %}
  count(*) AS records,
  count_if(log_status = 'OK') AS flows,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND interface_id <> '-'
GROUP BY account_id, interface_id
ORDER BY account_id, interface_id
LIMIT {{ limit }}
