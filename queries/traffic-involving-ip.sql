-- title = "Everything that addresses or networks took part in"
-- group = "investigate"
-- description = """
-- The records with one of the given addresses or networks on either side, or on the side that you
-- name, newest first. Narrow it by ports, protocol and action."""
-- read = """
-- One row is one record. matched says where the address stood: source, destination, both, or
-- packet, which is a record whose own addresses are those of something in between."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "Without the pkt fields an address behind a NAT gateway is seen at its own interface alone.",
-- ]
-- aliases = [
--   "VpcFlowLogsTopTCPTraffic side=source protocol=tcp",
--   "tcp-from-source side=source protocol=tcp",
--   "traffic-from-cidr side=source",
--   "traffic-to-cidr side=destination",
--   "source-port-activity side=source srcports=22",
--   "findip",
-- ]
-- requires = [
--   "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
--   "end", "action",
-- ]
-- [improves]
-- pkt_srcaddr = "finds packets that the address sent through something in between"
-- pkt_dstaddr = "finds packets on their way to the address through something in between"
-- [params.ip]
-- type = "ip_or_cidr"
-- many = true
-- required = true
-- doc = "addresses or networks; ip=@FILE for a list"
-- [params.side]
-- type = "choice"
-- choices = ["either", "source", "destination"]
-- default = "either"
-- doc = "the side on which the address stands"
-- [params.srcports]
-- type = "port_range"
-- many = true
-- doc = "only these source ports"
-- [params.dstports]
-- type = "port_range"
-- many = true
-- doc = "only these destination ports"
-- [params.protocol]
-- type = "protocol"
-- doc = "only this protocol"
-- [params.action]
-- type = "choice"
-- choices = ["any", "ACCEPT", "REJECT"]
-- default = "any"
-- doc = "only accepted or rejected records"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH marked AS (
  SELECT
    "end" AS second,
    interface_id,
    srcaddr,
    dstaddr,
    srcport,
    dstport,
    protocol,
    action,
    packets,
    bytes,
    {{ side }} <> 'destination' AND coalesce(in_cidr(srcaddr, {{ ip }}), FALSE) AS is_source,
    {{ side }} <> 'source' AND coalesce(in_cidr(dstaddr, {{ ip }}), FALSE) AS is_destination,
    {% if has_pkt_srcaddr %}
    {{ side }} <> 'destination' AND coalesce(in_cidr(pkt_srcaddr, {{ ip }}), FALSE) AS sent,
    {% else %}
    FALSE AS sent,
    {% endif %}
    {% if has_pkt_dstaddr %}
    {{ side }} <> 'source' AND coalesce(in_cidr(pkt_dstaddr, {{ ip }}), FALSE) AS received
    {% else %}
    FALSE AS received
    {% endif %}
  FROM {{ table }}
  WHERE {{ window }}
    AND {{ action }} IN ('any', action)
    {% if srcports %}
    AND in_ports(srcport, {{ srcports }})
    {% endif %}
    {% if dstports %}
    AND in_ports(dstport, {{ dstports }})
    {% endif %}
    {% if protocol is not none %}
    AND protocol = {{ protocol }}
    {% endif %}
)
SELECT
  CAST(from_unixtime(second) AS timestamp) AS "time",
  CASE
    WHEN is_source AND is_destination THEN 'both'
    WHEN is_source THEN 'source'
    WHEN is_destination THEN 'destination'
    ELSE 'packet'
  END AS matched,
  interface_id,
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol,
  action,
  packets,
  bytes
FROM marked
WHERE is_source OR is_destination OR sent OR received
ORDER BY 1 DESC, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
LIMIT {{ limit }}
