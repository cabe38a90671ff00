-- title = "Addresses that send the most"
-- group = "volume"
-- description = """
-- Sources by bytes, packets or records, and to how many addresses they sent. One protocol or the
-- hosts of one network may be asked for."""
-- read = "The largest first. Servers are here too: their answers are larger than the requests."
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "Behind a NAT gateway or load balancer the address is that of the interface in between.",
-- ]
-- aliases = ["top-sources-by-flows by=flows", "udp-talkers protocol=udp by=flows"]
-- requires = ["srcaddr", "dstaddr", "protocol", "packets", "bytes"]
-- [params.by]
-- type = "choice"
-- choices = ["bytes", "packets", "flows"]
-- default = "bytes"
-- doc = "what the order goes by"
-- [params.protocol]
-- type = "protocol"
-- doc = "only this protocol"
-- [params.source]
-- type = "ip_or_cidr"
-- many = true
-- doc = "only what these addresses or networks sent"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  is_private(srcaddr) AS private,
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets), 0) AS packets,
  count(*) AS flows,
  count(DISTINCT dstaddr) AS destinations
FROM {{ table }}
WHERE {{ window }}
  AND srcaddr <> '-'
  AND dstaddr <> '-'
{% if protocol is not none %}
  AND protocol = {{ protocol }}
{% endif %}
{% if source %}
  AND in_cidr(srcaddr, {{ source }})
{% endif %}
GROUP BY srcaddr
{% if by == "packets" %}
ORDER BY packets DESC, srcaddr
{% elif by == "flows" %}
ORDER BY flows DESC, srcaddr
{% else %}
ORDER BY bytes DESC, srcaddr
{% endif %}
LIMIT {{ limit }}
