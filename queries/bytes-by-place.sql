-- title = "Traffic by account, region, VPC and zone"
-- group = "volume"
-- description = """
-- Where the logged interfaces are: bytes, packets and records by account, region, VPC and
-- Availability Zone. A level that the format does not tell is NULL, and its rows are one."""
-- read = """
-- The largest first. The columns finer than by are NULL; zones are AZ IDs, which mean the same
-- place in every account."""
-- caveats = [
--   """This is the place of the interface, not of its peer: for traffic between zones see the \
--   queries about money.""",
--   "Traffic between two logged interfaces is counted at both.",
--   "Interfaces on an Outpost, in a Local Zone or of a regional NAT gateway may have no zone.",
-- ]
-- aliases = [
--   "bytes-by-account by=account",
--   "bytes-by-region by=region",
--   "bytes-by-vpc by=vpc",
--   "bytes-by-az by=zone",
--   "bytes-by-region-az-vpc by=zone",
-- ]
-- requires = ["account_id", "interface_id", "packets", "bytes"]
-- [improves]
-- region = "one row for each region"
-- vpc_id = "one row for each VPC"
-- az_id = "one row for each zone"
-- flow_direction = "tells what was sent from what was received"
-- [params.by]
-- type = "choice"
-- choices = ["account", "region", "vpc", "zone"]
-- default = "zone"
-- doc = "the finest level that is told apart"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  account_id,
  {% if has_region and by != "account" %}
  region,
  {% else %}
  CAST(NULL AS varchar) AS region,
  {% endif %}
  {% if has_vpc_id and by in ("vpc", "zone") %}
  vpc_id,
  {% else %}
  CAST(NULL AS varchar) AS vpc_id,
  {% endif %}
  {% if has_az_id and by == "zone" %}
  az_id,
  {% else %}
  CAST(NULL AS varchar) AS az_id,
  {% endif %}
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets), 0) AS packets,
  count(*) AS flows,
  count(DISTINCT interface_id) AS interfaces,
  {% if has_flow_direction %}
  coalesce(sum(IF(flow_direction = 'egress', bytes)), 0) AS sent_bytes,
  coalesce(sum(IF(flow_direction = 'ingress', bytes)), 0) AS received_bytes
  {% else %}
  CAST(NULL AS bigint) AS sent_bytes,
  CAST(NULL AS bigint) AS received_bytes
  {% endif %}
FROM {{ table }}
WHERE {{ window }}
  AND coalesce(packets, bytes) IS NOT NULL
GROUP BY
  {% if has_region and by != "account" %}
  region,
  {% endif %}
  {% if has_vpc_id and by in ("vpc", "zone") %}
  vpc_id,
  {% endif %}
  {% if has_az_id and by == "zone" %}
  az_id,
  {% endif %}
  account_id
ORDER BY bytes DESC, account_id, region, vpc_id, az_id
LIMIT {{ limit }}
