-- title = "Sources with a burst of records"
-- group = "detect"
-- description = """
-- Sources that made very many records within a minute or another short time. People click;
-- hundreds of connections at once are a program: a scanner, a flood, or a loop."""
-- read = """
-- One row for each source and bucket of time, the most records first. Many ports are a port scan,
-- many hosts a sweep, one of both a flood or a password guesser."""
-- caveats = [
--   "A record goes to the bucket in which it began.",
--   "Load balancers and NAT gateways speak for many: put them on ignore.",
-- ]
-- aliases = ["high-frequency-sources"]
-- attack = ["T1595", "T1498", "T1110"]
-- requires = ["srcaddr", "dstaddr", "dstport", "start", "action"]
-- [improves]
-- flow_direction = "leaves out what hosts of yours send, so a flow is counted once"
-- [params.bucket]
-- type = "duration"
-- default = "1m"
-- doc = "the length of a bucket of time"
-- [params.min_flows]
-- type = "int"
-- default = 50
-- min = 2
-- doc = "records in one bucket from which on a source is shown"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "sources to leave out"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH timed AS (
  SELECT
    time_bucket({{ bucket }}, "start") AS bucket,
    srcaddr,
    dstaddr,
    dstport,
    action
  FROM {{ table }}
  WHERE {{ window }}
    AND srcaddr <> '-'
    {% if ignore %}
    AND NOT in_cidr(srcaddr, {{ ignore }})
    {% endif %}
    {% if has_flow_direction %}
    AND flow_direction = 'ingress'
    {% endif %}
)
SELECT
  bucket,
  srcaddr,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  count(DISTINCT IF(dstaddr <> '-', dstaddr)) AS hosts,
  count(DISTINCT dstport) AS ports
FROM timed
GROUP BY bucket, srcaddr
HAVING count(*) >= {{ min_flows }}
ORDER BY flows DESC, bucket, srcaddr
LIMIT {{ limit }}
