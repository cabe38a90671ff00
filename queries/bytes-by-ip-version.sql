-- title = "IPv4 against IPv6"
-- group = "volume"
-- description = """
-- Bytes, packets and records over IPv4 and over IPv6. It goes by the address, so it needs no field
-- type and works on the default format."""
-- read = """
-- Two rows, the larger first; one where a version is asked for. The percentage is of both
-- together."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "Elastic Fabric Adapter traffic has addresses of one version too, and is counted with it.",
-- ]
-- aliases = ["VpcFlowLogsIPv4Traffic version=IPv4", "VpcFlowLogsIPv6Traffic version=IPv6"]
-- requires = ["srcaddr", "packets", "bytes"]
-- [params.version]
-- type = "choice"
-- choices = ["IPv4", "IPv6"]
-- doc = "only this version"

WITH versions AS (
  SELECT
    IF(strpos(srcaddr, ':') > 0, 'IPv6', 'IPv4') AS version,
    coalesce(sum(bytes), 0) AS bytes,
    coalesce(sum(packets), 0) AS packets,
    count(*) AS flows
  FROM {{ table }}
  WHERE {{ window }}
    AND srcaddr <> '-'
  GROUP BY 1
),
shares AS (
  SELECT
    version,
    bytes,
    round(1e2 * bytes / nullif(sum(bytes) OVER (), 0), 1) AS byte_percent,
    packets,
    flows
  FROM versions
)
SELECT
  version,
  bytes,
  byte_percent,
  packets,
  flows
FROM shares
{% if version is not none %}
WHERE version = {{ version }}
{% endif %}
ORDER BY bytes DESC, version, byte_percent, packets, flows
