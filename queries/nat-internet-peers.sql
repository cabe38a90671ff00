-- title = "Whom NAT gateways talk to outside, and for which host"
-- group = "money"
-- description = """
-- The public addresses behind NAT gateways' traffic, the hosts that it was for, or both, and what
-- the processing costs. One download that every host repeats shows at once."""
-- read = """
-- The most bytes first, both directions added, as AWS bills both. With by=peer host is NULL and
-- peers_or_hosts counts hosts; with by=host it is the other way round."""
-- caveats = [
--   "The price is a parameter and no quote: it differs by region, and there are discounts.",
--   "A GB is 2^30 bytes here.",
--   "Without nat and interface_type also attachments of Transit Gateways look like NAT gateways.",
--   "Without resource_id a regional NAT gateway is not seen.",
-- ]
-- aliases = ["nat-conversations by=conversation", "nat-hosts by=host"]
-- requires = ["srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr", "bytes", "action"]
-- [improves]
-- interface_type = "tells NAT gateways from other things between"
-- resource_id = "sees regional NAT gateways"
-- [params.by]
-- type = "choice"
-- choices = ["peer", "host", "conversation"]
-- default = "peer"
-- doc = "what a row stands for"
-- [params.nat]
-- type = "ip_or_cidr"
-- many = true
-- doc = "private addresses of your NAT gateways; else they are found by what they do"
-- [params.price_per_gb]
-- type = "float"
-- default = 0.045
-- min = 0
-- doc = """USD for each GB processed: 0.045 is N. Virginia's, as guides of 2026 quote it; \
--   ask AWS's price page of VPC"""
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH marked AS (
  SELECT
    is_private(srcaddr) AND NOT is_private(pkt_dstaddr) AS sent,
    is_private(dstaddr) AND NOT is_private(pkt_srcaddr) AS received,
    srcaddr,
    dstaddr,
    pkt_srcaddr,
    pkt_dstaddr,
    {% if has_interface_type %}
    interface_type = 'nat_gateway' AS is_nat,
    {% else %}
    TRUE AS is_nat,
    {% endif %}
    {% if has_resource_id %}
    starts_with(resource_id, 'nat-') AS is_regional,
    {% else %}
    FALSE AS is_regional,
    {% endif %}
    bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
),
sides AS (
  SELECT
    IF(sent, srcaddr, dstaddr) AS inner_host,
    IF(sent, pkt_dstaddr, pkt_srcaddr) AS outer_peer,
    IF(sent, dstaddr, srcaddr) AS gateway,
    sent,
    is_nat,
    is_regional,
    bytes
  FROM marked
  WHERE sent OR received
),
kept AS (
  SELECT
    IF({{ by }} <> 'host', outer_peer) AS peer,
    IF({{ by }} <> 'peer', inner_host) AS host,
    IF({{ by }} = 'host', outer_peer, inner_host) AS counted,
    sent,
    bytes
  FROM sides
  WHERE is_regional
  {% if nat %}
    OR in_cidr(gateway, {{ nat }})
  {% else %}
    OR (is_nat AND is_private(gateway))
  {% endif %}
)
SELECT
  peer,
  host,
  count(DISTINCT counted) AS peers_or_hosts,
  count(*) AS flows,
  coalesce(sum(IF(sent, bytes)), 0) AS bytes_sent,
  coalesce(sum(IF(sent, NULL, bytes)), 0) AS bytes_received,
  coalesce(sum(bytes), 0) AS bytes,
  round(CAST(coalesce(sum(bytes), 0) AS double) / 1073741824 * {{ price_per_gb }}, 4) AS usd
FROM kept
GROUP BY peer, host
ORDER BY bytes DESC, peer, host
LIMIT {{ limit }}
