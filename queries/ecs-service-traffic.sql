-- title = "Traffic of ECS services"
-- group = "investigate"
-- description = """
-- What the tasks of each ECS cluster and service sent, received and had refused. By it you find
-- the service behind an interface that lives for minutes."""
-- read = """
-- One row for each cluster and service, the most bytes first. A service - is a task that was
-- started by hand or by something other than a service."""
-- caveats = [
--   "Only tasks in the network mode awsvpc are named, and only those of the flow log's owner.",
--   "Between two tasks that are both logged each packet is in two records, once for each service.",
--   "Without flow_direction the bytes are not told apart by direction.",
-- ]
-- requires = [
--   "ecs_cluster_name", "ecs_service_name", "ecs_task_id", "bytes", "action", "start", "end",
-- ]
-- [improves]
-- flow_direction = "tells apart what was sent and what was received"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  ecs_cluster_name,
  ecs_service_name,
  count(DISTINCT nullif(ecs_task_id, '-')) AS tasks,
  count(*) AS flows,
  count_if(action = 'REJECT') AS rejected,
  coalesce(sum(bytes), 0) AS bytes,
  {% if has_flow_direction %}
  coalesce(sum(IF(flow_direction = 'egress', bytes)), 0) AS bytes_sent,
  coalesce(sum(IF(flow_direction = 'ingress', bytes)), 0) AS bytes_received,
  {% else %}
  CAST(NULL AS bigint) AS bytes_sent,
  CAST(NULL AS bigint) AS bytes_received,
  {% endif %}
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND ecs_cluster_name <> '-'
GROUP BY ecs_cluster_name, ecs_service_name
ORDER BY bytes DESC, ecs_cluster_name, ecs_service_name
LIMIT {{ limit }}
