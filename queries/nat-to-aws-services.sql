-- title = "What AWS services cost through NAT gateways"
-- group = "money"
-- description = """
-- Traffic of your hosts with AWS services that went through a NAT gateway, and the price of its
-- processing. To S3 and DynamoDB of the same region a gateway endpoint is free."""
-- read = """
-- One row for each service, the most bytes first. endpoint says what would spare the NAT gateway:
-- a gateway endpoint costs nothing, an interface endpoint less than a NAT gateway."""
-- caveats = [
--   "The price is a parameter and no quote: it differs by region, and there are discounts.",
--   "A GB is 2^30 bytes here.",
--   "A gateway endpoint serves its own region: buckets of other regions stay where they are.",
--   "AMAZON is all that has no name of its own, and EC2 may be somebody's instance.",
--   "Without nat and interface_type also attachments of Transit Gateways look like NAT gateways.",
-- ]
-- requires = [
--   "srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr", "pkt_src_aws_service",
--   "pkt_dst_aws_service", "bytes", "action",
-- ]
-- [improves]
-- interface_type = "tells NAT gateways from other things between"
-- resource_id = "sees regional NAT gateways"
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

WITH marked AS (
  SELECT
    is_private(srcaddr) AND NOT is_private(pkt_dstaddr) AS sent,
    is_private(dstaddr) AND NOT is_private(pkt_srcaddr) AS received,
    srcaddr,
    dstaddr,
    pkt_src_aws_service,
    pkt_dst_aws_service,
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
    IF(sent, srcaddr, dstaddr) AS host,
    IF(sent, pkt_dst_aws_service, pkt_src_aws_service) AS service,
    IF(sent, dstaddr, srcaddr) AS gateway,
    sent,
    is_nat,
    is_regional,
    bytes
  FROM marked
  WHERE sent OR received
)
SELECT
  service,
  CASE
    WHEN service IN ('S3', 'DYNAMODB') THEN 'gateway endpoint'
    WHEN service = 'EC2' THEN 'none'
    ELSE 'interface endpoint, if the service has one'
  END AS endpoint,
  count(DISTINCT host) AS hosts,
  count(*) AS flows,
  coalesce(sum(IF(sent, bytes)), 0) AS bytes_sent,
  coalesce(sum(IF(sent, NULL, bytes)), 0) AS bytes_received,
  coalesce(sum(bytes), 0) AS bytes,
  round(CAST(coalesce(sum(bytes), 0) AS double) / 1073741824 * {{ price_per_gb }}, 4) AS usd
FROM sides
WHERE service <> '-'
  AND (
    is_regional
  {% if nat %}
    OR in_cidr(gateway, {{ nat }})
  {% else %}
    OR (is_nat AND is_private(gateway))
  {% endif %}
  )
GROUP BY service
ORDER BY bytes DESC, service
