-- title = "From public addresses to hosts of yours"
-- group = "exposure"
-- description = """
-- What reaches for your hosts from outside, by source, destination and port. With except_ports it
-- finds ports that are not meant to be public, with ports those that never should be."""
-- read = """
-- The most accepted flows first, then the most records. An accepted row on a port that you did
-- not mean to open is a security group that is too wide."""
-- caveats = [
--   "Without flow-direction only private destinations count as yours: name others in inside.",
--   "Replies from outside are left out: they go to high ports, or come from one below 1024.",
--   "Behind a load balancer the source is the balancer, which is private: look at its interface.",
-- ]
-- aliases = [
--   "inbound-port-allowlist except_ports=80 except_ports=443 action=accept",
--   "inbound-port-blocklist ports=20-23 ports=135-139 ports=445 ports=3306 ports=3389 ports=5432",
-- ]
-- attack = ["T1133", "T1190"]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "action", "packets", "bytes", "start", "end",
-- ]
-- [improves]
-- flow_direction = "tells what comes in, so public IPv6 hosts of yours count, and a flow once"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["1-32767"]
-- doc = "the destination ports that count"
-- [params.except_ports]
-- type = "port_range"
-- many = true
-- doc = "destination ports to leave out: those that are meant to be public"
-- [params.action]
-- type = "choice"
-- choices = ["any", "accept", "reject"]
-- default = "any"
-- doc = "only what was accepted, or only what was rejected"
-- [params.inside]
-- type = "cidr"
-- many = true
-- doc = "public networks of your own, such as your IPv6 ones"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "sources to leave out, such as an office or a monitor"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  dstaddr,
  dstport,
  port_name(dstport) AS service,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND NOT is_private(srcaddr)
  AND dstaddr <> '-'
  AND in_ports(dstport, {{ ports }})
  AND NOT (srcport < 1024 AND dstport >= 1024)
{% if has_flow_direction %}
  AND flow_direction = 'ingress'
{% elif inside %}
  AND (is_private(dstaddr) OR in_cidr(dstaddr, {{ inside }}))
{% else %}
  AND is_private(dstaddr)
{% endif %}
{% if inside %}
  AND NOT in_cidr(srcaddr, {{ inside }})
{% endif %}
{% if has_tcp_flags %}
  AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
{% endif %}
{% if except_ports %}
  AND NOT in_ports(dstport, {{ except_ports }})
{% endif %}
{% if action == "accept" %}
  AND action = 'ACCEPT'
{% endif %}
{% if action == "reject" %}
  AND action = 'REJECT'
{% endif %}
{% if ignore %}
  AND NOT in_cidr(srcaddr, {{ ignore }})
{% endif %}
GROUP BY srcaddr, dstaddr, dstport
ORDER BY accepted DESC, flows DESC, srcaddr, dstaddr, dstport
LIMIT {{ limit }}
