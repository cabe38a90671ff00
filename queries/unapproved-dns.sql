-- title = "DNS to servers that are not yours to use"
-- group = "detect"
-- description = """
-- Who asks which name servers, those that you approve of left out. A host that asks a server of
-- its own choice escapes your resolver's filter, or sends data out within its questions."""
-- read = """
-- The most bytes first. Many packets from one host to one strange server are a tunnel; many hosts
-- with a public resolver are a setting."""
-- caveats = [
--   "Queries to the VPC's own resolver (the .2 address) are never in flow logs.",
--   "Without approved every server is in the list, so that you can tell yours from others.",
--   "DNS over HTTPS looks like any other traffic to port 443.",
-- ]
-- aliases = ["dns-to-unapproved-servers"]
-- attack = ["T1071.004", "T1048"]
-- requires = [
--   "srcaddr", "dstaddr", "dstport", "protocol", "action", "packets", "bytes", "start", "end",
-- ]
-- [improves]
-- flow_direction = "takes a query where it leaves, so it is counted once"
-- [params.approved]
-- type = "ip_or_cidr"
-- many = true
-- doc = "name servers that hosts may ask"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["53", "853"]
-- doc = "destination ports: by default those of DNS and of DNS over TLS"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  dstaddr,
  dstport,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND protocol IN (6, 17)
  AND srcaddr <> '-'
  AND dstaddr <> '-'
  AND in_ports(dstport, {{ ports }})
{% if approved %}
  AND NOT in_cidr(dstaddr, {{ approved }})
{% endif %}
{% if has_flow_direction %}
  AND flow_direction = 'egress'
{% else %}
  AND is_private(srcaddr)
{% endif %}
GROUP BY srcaddr, dstaddr, dstport
ORDER BY bytes DESC, srcaddr, dstaddr, dstport
LIMIT {{ limit }}
