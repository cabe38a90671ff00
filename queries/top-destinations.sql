-- title = "Addresses that receive the most"
-- group = "volume"
-- description = """
-- Destinations by bytes, packets or records, and from how many addresses they got it. With source
-- only what the hosts of a network of yours sent counts."""
-- read = """
-- The largest first. An address outside with many bytes and one source may be a backup, or a
-- leak."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "Behind a NAT gateway or load balancer the address is that of the interface in between.",
-- ]
-- aliases = ["top-destinations-from-cidr"]
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
  dstaddr,
  is_private(dstaddr) AS private,
  coalesce(sum(bytes), 0) AS bytes,
  coalesce(sum(packets), 0) AS packets,
  count(*) AS flows,
  count(DISTINCT srcaddr) AS sources
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
GROUP BY dstaddr
{% if by == "packets" %}
ORDER BY packets DESC, dstaddr
{% elif by == "flows" %}
ORDER BY flows DESC, dstaddr
{% else %}
ORDER BY bytes DESC, dstaddr
{% endif %}
LIMIT {{ limit }}
