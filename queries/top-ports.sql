-- title = "The busiest destination ports"
-- group = "volume"
-- description = """
-- Which TCP and UDP ports are called, by records, bytes or packets, from how many addresses and on
-- how many. It says what a network is used for."""
-- read = """
-- The most records first. A port with one source and many destinations is a scan; with many
-- sources and one destination it is a service."""
-- caveats = [
--   """Answers go to ports above 32767 as a rule, which the default of ports leaves out; a \
--   service up there needs another range.""",
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
-- ]
-- aliases = ["top-destination-ports"]
-- requires = ["srcaddr", "dstaddr", "dstport", "protocol", "packets", "bytes"]
-- [improves]
-- action = "counts the accepted flows"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["0-32767"]
-- doc = "the destination ports that count"
-- [params.by]
-- type = "choice"
-- choices = ["flows", "bytes", "packets"]
-- default = "flows"
-- doc = "what the order goes by"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH called AS (
  SELECT
    dstport,
    protocol,
    coalesce(sum(bytes), 0) AS bytes,
    coalesce(sum(packets), 0) AS packets,
    count(*) AS flows,
    {% if has_action %}
    count_if(action = 'ACCEPT') AS accepted,
    {% else %}
    CAST(NULL AS bigint) AS accepted,
    {% endif %}
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT dstaddr) AS destinations
  FROM {{ table }}
  WHERE {{ window }}
    AND protocol IN (6, 17)
    AND in_ports(dstport, {{ ports }})
  GROUP BY dstport, protocol
)
SELECT
  dstport,
  protocol_name(protocol) AS protocol,
  port_name(dstport) AS service,
  bytes,
  packets,
  flows,
  accepted,
  sources,
  destinations
FROM called
{% if by == "packets" %}
ORDER BY packets DESC, dstport, protocol
{% elif by == "flows" %}
ORDER BY flows DESC, dstport, protocol
{% else %}
ORDER BY bytes DESC, dstport, protocol
{% endif %}
LIMIT {{ limit }}
