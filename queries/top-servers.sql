-- title = "Who is called most on a port"
-- group = "volume"
-- description = """
-- The addresses that get the most on port 443, or on ports of your choice, and from how many
-- clients. Yours and those outside stand in one list."""
-- read = """
-- The most packets first. A server of yours that is missing is idle; one outside with many clients
-- of yours is a service that you depend on."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "Port 443 says nothing of what is spoken there.",
--   "Where the log has no action, as on a Transit Gateway, accepted is NULL.",
-- ]
-- aliases = ["top-https-servers ports=443"]
-- requires = ["srcaddr", "dstaddr", "dstport", "protocol", "packets", "bytes"]
-- [improves]
-- action = "counts the accepted flows"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["443"]
-- doc = "the servers' ports"
-- [params.protocol]
-- type = "protocol"
-- default = "tcp"
-- doc = "the protocol of the ports"
-- [params.by]
-- type = "choice"
-- choices = ["packets", "bytes", "flows", "clients"]
-- default = "packets"
-- doc = "what the order goes by"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  dstaddr,
  dstport,
  is_private(dstaddr) AS private,
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets), 0) AS packets,
  count(*) AS flows,
  {% if has_action %}
  count_if(action = 'ACCEPT') AS accepted,
  {% else %}
  CAST(NULL AS bigint) AS accepted,
  {% endif %}
  count(DISTINCT srcaddr) AS clients
FROM {{ table }}
WHERE {{ window }}
  AND dstaddr <> '-'
  AND protocol = {{ protocol }}
  AND in_ports(dstport, {{ ports }})
GROUP BY dstaddr, dstport
{% if by == "bytes" %}
ORDER BY bytes DESC, dstaddr, dstport
{% elif by == "flows" %}
ORDER BY flows DESC, dstaddr, dstport
{% elif by == "clients" %}
ORDER BY clients DESC, dstaddr, dstport
{% else %}
ORDER BY packets DESC, dstaddr, dstport
{% endif %}
LIMIT {{ limit }}
