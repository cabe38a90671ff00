-- title = "Hosts that use NAT gateways most"
-- group = "money"
-- description = """
-- The hosts behind NAT gateways by what they sent and received through them, and what its
-- processing costs. Give the private addresses of your gateways: any log format will do."""
-- read = """
-- The most bytes first, both directions added, as AWS bills both. usd is the bytes times
-- price_per_gb, without the gateway's hours and the data transfer to the internet."""
-- caveats = [
--   "The price is a parameter and no quote: it differs by region, and there are discounts.",
--   "A GB is 2^30 bytes here.",
--   "A regional NAT gateway has no interface of its own: see nat-internet-peers.",
--   "Only the gateway's own interface is counted, so it has to be covered by the flow log.",
-- ]
-- requires = ["srcaddr", "dstaddr", "packets", "bytes", "action"]
-- [params.nat]
-- type = "ip_or_cidr"
-- many = true
-- required = true
-- doc = "private addresses of your NAT gateways"
-- [params.hosts]
-- type = "ip_or_cidr"
-- many = true
-- doc = "networks of the hosts, where private addresses are not the right ones"
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
    coalesce(in_cidr(dstaddr, {{ nat }}), FALSE) AS sent,
    coalesce(in_cidr(srcaddr, {{ nat }}), FALSE) AS received,
    srcaddr,
    dstaddr,
    packets,
    bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
),
sides AS (
  SELECT
    IF(sent, srcaddr, dstaddr) AS host,
    sent,
    packets,
    bytes
  FROM marked
  WHERE sent OR received
)
SELECT
  host,
  count(*) AS flows,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(IF(sent, bytes)), 0) AS bytes_sent,
  coalesce(sum(IF(sent, NULL, bytes)), 0) AS bytes_received,
  coalesce(sum(bytes), 0) AS bytes,
  round(CAST(coalesce(sum(bytes), 0) AS double) / 1073741824 * {{ price_per_gb }}, 4) AS usd
FROM sides
{% if hosts %}
WHERE in_cidr(host, {{ hosts }})
{% else %}
WHERE is_private(host)
{% endif %}
GROUP BY host
ORDER BY bytes DESC, host
LIMIT {{ limit }}
