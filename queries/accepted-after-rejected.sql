-- title = "First turned away, later let in"
-- group = "detect"
-- description = """
-- Sources that were rejected at a host and accepted there later, on the same port or on another.
-- Somebody opened the door between the two, or the source found one that was open."""
-- read = """
-- The first acceptance after a rejection, the newest first. Look for the change of a security
-- group or ACL between first_rejected and let_in, and who made it."""
-- caveats = [
--   "A change that you meant to make looks the same.",
--   "Stateless ACLs reject one direction of a flow whose other is accepted.",
--   "Without flow-direction a flow between two logged interfaces is in the log twice.",
-- ]
-- attack = ["T1686.001", "T1133"]
-- requires = ["srcaddr", "dstaddr", "dstport", "action", "bytes", "start", "end"]
-- [improves]
-- flow_direction = "leaves out what hosts of yours send, so a flow is counted once"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.by]
-- type = "choice"
-- choices = ["port", "host"]
-- default = "port"
-- doc = "accepted on the same port of the host, or on any port of it"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["1-32767"]
-- doc = "the destination ports that count"
-- [params.min_rejected]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "rejected records from which on a source is shown"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "sources to leave out"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH tries AS (
  SELECT
    srcaddr,
    dstaddr,
    {% if by == "port" %}
    dstport AS port,
    {% else %}
    CAST(NULL AS integer) AS port,
    {% endif %}
    action,
    bytes,
    "start" AS began,
    "end" AS ended
  FROM {{ table }}
  WHERE {{ window }}
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    AND in_ports(dstport, {{ ports }})
    {% if ignore %}
    AND NOT in_cidr(srcaddr, {{ ignore }})
    {% endif %}
    {% if has_flow_direction %}
    AND flow_direction = 'ingress'
    {% endif %}
    {% if has_tcp_flags %}
    AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
    {% endif %}
),
dated AS (
  SELECT
    srcaddr,
    dstaddr,
    port,
    action,
    bytes,
    began,
    ended,
    min(IF(action = 'REJECT', ended)) OVER (PARTITION BY srcaddr, dstaddr, port) AS turned_away
  FROM tries
)
SELECT
  srcaddr,
  dstaddr,
  port AS dstport,
  is_private(srcaddr) AS from_private,
  count_if(action = 'REJECT') AS rejected,
  count_if(action = 'ACCEPT' AND began >= turned_away) AS accepted_later,
  coalesce(sum(IF(action = 'ACCEPT' AND began >= turned_away, bytes)), 0) AS bytes_later,
  CAST(from_unixtime(min(turned_away)) AS timestamp) AS first_rejected,
  CAST(from_unixtime(min(IF(action = 'ACCEPT' AND began >= turned_away, began))) AS timestamp)
    AS let_in,
  CAST(from_unixtime(max(IF(action = 'ACCEPT', ended))) AS timestamp) AS last_accepted
FROM dated
GROUP BY srcaddr, dstaddr, port
HAVING count_if(action = 'REJECT') >= {{ min_rejected }}
  AND count_if(action = 'ACCEPT' AND began >= turned_away) > 0
ORDER BY let_in DESC, srcaddr, dstaddr, dstport
LIMIT {{ limit }}
