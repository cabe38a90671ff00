-- title = "What leaves for the internet, and its price"
-- group = "money"
-- description = """
-- Accepted bytes from your hosts to public addresses, by destination, source or pair, and what the
-- data transfer costs. The dearest rows are backups, mirrors, media, or a leak."""
-- read = """
-- The most bytes first. usd is the bytes times price_per_gb; a NULL address is one that the row
-- does not stand for."""
-- caveats = [
--   "The price is a parameter and no quote: tiers, free GBs and regions differ.",
--   "A GB is 2^30 bytes here.",
--   "Without traffic_path a flow behind a NAT gateway counts twice: name the gateways in ignore.",
--   "To AWS services of the same region there is no charge for transfer: aws_service names them.",
--   "Without flow_direction IPv6 senders count only if own names their networks.",
-- ]
-- aliases = ["egress-top-destinations", "internet-egress-by-host by=source"]
-- requires = ["srcaddr", "dstaddr", "packets", "bytes", "action"]
-- [improves]
-- flow_direction = "knows what leaves, also over IPv6"
-- traffic_path = "counts what goes out by an internet gateway, once, and nothing else"
-- pkt_dst_aws_service = "names AWS's own services"
-- [params.by]
-- type = "choice"
-- choices = ["destination", "source", "pair"]
-- default = "destination"
-- doc = "what a row stands for"
-- [params.own]
-- type = "ip_or_cidr"
-- many = true
-- doc = "public and IPv6 networks of yours, which are not the internet"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "senders to leave out, such as NAT gateways"
-- [params.price_per_gb]
-- type = "float"
-- default = 0.09
-- min = 0
-- doc = """USD for each GB: 0.09 is N. Virginia's first tier, as guides of 2026 quote it; \
--   ask AWS's price page of EC2"""
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH leaving AS (
  SELECT
    IF({{ by }} <> 'destination', srcaddr) AS sender,
    IF({{ by }} <> 'source', dstaddr) AS receiver,
    {% if has_pkt_dst_aws_service %}
    pkt_dst_aws_service AS aws_service,
    {% else %}
    CAST(NULL AS varchar) AS aws_service,
    {% endif %}
    packets,
    bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
    AND NOT is_private(dstaddr)
  {% if own %}
    AND NOT in_cidr(dstaddr, {{ own }})
  {% endif %}
  {% if ignore %}
    AND NOT coalesce(in_cidr(srcaddr, {{ ignore }}), FALSE)
  {% endif %}
  {% if has_traffic_path %}
    AND traffic_path IN (2, 8)
  {% else %}
  {% if has_flow_direction %}
    AND flow_direction = 'egress'
  {% else %}
  {% if own %}
    AND (is_private(srcaddr) OR in_cidr(srcaddr, {{ own }}))
  {% else %}
    AND is_private(srcaddr)
  {% endif %}
  {% endif %}
  {% endif %}
)
SELECT
  sender AS srcaddr,
  receiver AS dstaddr,
  aws_service,
  count(*) AS flows,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  round(CAST(coalesce(sum(bytes), 0) AS double) / 1073741824 * {{ price_per_gb }}, 4) AS usd
FROM leaving
GROUP BY sender, receiver, aws_service
ORDER BY bytes DESC, srcaddr, dstaddr, aws_service
LIMIT {{ limit }}
