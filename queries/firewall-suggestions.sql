-- title = "Rules that would allow what was seen"
-- group = "graph"
-- description = """
-- What hosts accepted, as rules for their security groups: destination, protocol, port and source
-- network. It shows what a tight rule needs to let in, and what a wide one lets in for nothing."""
-- read = """
-- One row is one rule to write at dstaddr. A network with few records may be a stray caller: ask
-- before you allow it."""
-- caveats = [
--   "A rule for something that happens once a month is not in the list of a week.",
--   """More public networks than max_networks for one port become 0.0.0.0/0 or ::/0: look \
--   whether that is meant.""",
--   "Without flow-direction only hosts with private addresses are taken for yours.",
--   "IPv6 sources are single addresses (/128), which clients change often.",
--   "Behind a load balancer that keeps client addresses these are the clients.",
-- ]
-- aliases = ["security-group-suggestions"]
-- requires = ["srcaddr", "dstaddr", "dstport", "protocol", "bytes", "end", "action"]
-- [improves]
-- flow_direction = "takes what comes in at a host of yours, whatever its address"
-- tcp_flags = "leaves out answers, which have SYN and ACK both"
-- [params.host]
-- type = "ip_or_cidr"
-- many = true
-- doc = "only rules for these hosts or networks"
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["0-32767"]
-- doc = "the ports that count as services"
-- [params.prefix]
-- type = "choice"
-- choices = ["8", "16", "24", "32"]
-- default = "24"
-- doc = "the length to which IPv4 sources are grouped"
-- [params.max_networks]
-- type = "int"
-- default = 10
-- min = 1
-- doc = "more public networks than this become the whole internet"
-- [params.min_flows]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "leave out rules with fewer records"
-- [params.limit]
-- type = "int"
-- default = 500
-- min = 1
-- doc = "rows at the most"

WITH seen AS (
  SELECT
    dstaddr,
    protocol,
    dstport,
    strpos(srcaddr, ':') > 0 AS is_v6,
    coalesce(is_private(srcaddr), FALSE) AS is_near,
    CASE
      WHEN strpos(srcaddr, ':') > 0 THEN srcaddr || '/128'
      {% if prefix == "8" %}
      ELSE regexp_extract(srcaddr, '^[0-9]+[.]') || '0.0.0/8'
      {% elif prefix == "16" %}
      ELSE regexp_extract(srcaddr, '^[0-9]+[.][0-9]+[.]') || '0.0/16'
      {% elif prefix == "32" %}
      ELSE srcaddr || '/32'
      {% else %}
      ELSE regexp_extract(srcaddr, '^[0-9]+[.][0-9]+[.][0-9]+[.]') || '0/24'
      {% endif %}
    END AS network,
    srcaddr,
    bytes,
    "end" AS last_second
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    AND protocol IN (6, 17)
    AND in_ports(dstport, {{ ports }})
    {% if has_flow_direction %}
    AND flow_direction = 'ingress'
    {% else %}
    AND is_private(dstaddr)
    {% endif %}
    {% if has_tcp_flags %}
    AND (tcp_flags IS NULL OR bitwise_and(tcp_flags, 18) <> 18)
    {% endif %}
    {% if host %}
    AND in_cidr(dstaddr, {{ host }})
    {% endif %}
),
networks AS (
  SELECT
    dstaddr,
    protocol,
    dstport,
    is_v6,
    is_near,
    network,
    srcaddr,
    count(*) AS flows,
    sum(bytes) AS bytes,
    max(last_second) AS last_second
  FROM seen
  GROUP BY dstaddr, protocol, dstport, is_v6, is_near, network, srcaddr
),
counted AS (
  SELECT
    dstaddr,
    protocol,
    dstport,
    is_v6,
    is_near,
    network,
    srcaddr,
    flows,
    bytes,
    last_second,
    dense_rank() OVER (
      PARTITION BY dstaddr, protocol, dstport, is_v6, is_near ORDER BY network
    ) AS place
  FROM networks
),
wide AS (
  SELECT
    dstaddr,
    protocol,
    dstport,
    network,
    srcaddr,
    flows,
    bytes,
    last_second,
    is_v6,
    NOT is_near AND max(place) OVER (
      PARTITION BY dstaddr, protocol, dstport, is_v6, is_near
    ) > {{ max_networks }} AS is_wide
  FROM counted
),
rules AS (
  SELECT
    dstaddr,
    protocol,
    dstport,
    IF(is_wide, IF(is_v6, '::/0', '0.0.0.0/0'), network) AS source_network,
    count(DISTINCT srcaddr) AS sources,
    sum(flows) AS flows,
    coalesce(sum(bytes), 0) AS bytes,
    CAST(from_unixtime(max(last_second)) AS timestamp) AS last_seen
  FROM wide
  GROUP BY 1, 2, 3, 4
)
SELECT
  dstaddr,
  protocol_name(protocol) AS protocol,
  dstport,
  port_name(dstport) AS service,
  source_network,
  sources,
  flows,
  bytes,
  last_seen
FROM rules
WHERE flows >= {{ min_flows }}
ORDER BY dstaddr, protocol, dstport, source_network
LIMIT {{ limit }}
