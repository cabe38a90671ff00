-- title = "Connections that are new, or gone, since a time"
-- group = "graph"
-- description = """
-- Source, destination and port that were accepted only after a time, or only before it, by default
-- 24 hours ago. After a deployment or an incident it says what changed."""
-- read = """
-- The most bytes first, new and gone in one list. A new row to an address outside is worth a look;
-- a row that is gone may be a broken service."""
-- caveats = [
--   "The window has to reach far enough to both sides of at, or everything is new, or gone.",
--   "What happens once a week is new every week.",
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "Answers go to ports above 32767 as a rule, which the default of ports leaves out.",
-- ]
-- aliases = ["new-connections change=new", "gone-connections change=gone"]
-- requires = ["srcaddr", "dstaddr", "dstport", "protocol", "bytes", "start", "end", "action"]
-- [improves]
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.at]
-- type = "time"
-- default = "24h"
-- doc = "the time that parts before from after"
-- [params.change]
-- type = "choice"
-- choices = ["both", "new", "gone"]
-- default = "both"
-- doc = "which rows"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["0-32767"]
-- doc = "the destination ports that count"
-- [params.min_flows]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "leave out connections with fewer records"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH edges AS (
  SELECT
    IF(max("end") < {{ at }}, 'gone', 'new') AS change,
    srcaddr,
    dstaddr,
    dstport,
    protocol,
    count(*) AS flows,
    coalesce(sum(bytes), 0) AS bytes,
    CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
    CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
  FROM {{ table }}
  WHERE {{ window }}
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    AND in_ports(dstport, {{ ports }})
    AND action = 'ACCEPT'
    {% if has_tcp_flags %}
    AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
    {% endif %}
  GROUP BY srcaddr, dstaddr, dstport, protocol
  HAVING count(*) >= {{ min_flows }}
    AND (max("end") < {{ at }} OR min("end") >= {{ at }})
)
SELECT
  change,
  srcaddr,
  dstaddr,
  dstport,
  protocol_name(protocol) AS protocol,
  flows,
  bytes,
  first_seen,
  last_seen
FROM edges
{% if change != "both" %}
WHERE change = {{ change }}
{% endif %}
ORDER BY bytes DESC, change, srcaddr, dstaddr, dstport, protocol
LIMIT {{ limit }}
