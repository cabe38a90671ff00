-- title = "Which way traffic goes to AWS services"
-- group = "money"
-- description = """
-- Accepted traffic with AWS services on either side, by service, direction and path. S3 or DynamoDB
-- by an internet gateway, where a gateway endpoint is free, is what to look for."""
-- read = """
-- The most bytes first. traffic_path is known for what leaves an interface; what comes in has
-- NULL there."""
-- caveats = [
--   "The path is the next step from the interface: same VPC may be a NAT gateway or an endpoint.",
--   "Where ranges of services overlap AWS names one of them; AMAZON is what has no other name.",
--   "Behind a NAT gateway a flow is there twice, at the host and at the gateway.",
-- ]
-- requires = [
--   "pkt_src_aws_service", "pkt_dst_aws_service", "flow_direction", "traffic_path", "bytes",
--   "action",
-- ]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  pkt_src_aws_service AS src_service,
  pkt_dst_aws_service AS dst_service,
  flow_direction,
  traffic_path,
  traffic_path_name(traffic_path) AS path,
  count(*) AS flows,
  coalesce(sum(bytes), 0) AS bytes
FROM {{ table }}
WHERE {{ window }}
  AND action = 'ACCEPT'
  AND (pkt_src_aws_service <> '-' OR pkt_dst_aws_service <> '-')
GROUP BY pkt_src_aws_service, pkt_dst_aws_service, flow_direction, traffic_path
ORDER BY bytes DESC, src_service, dst_service, flow_direction, traffic_path
LIMIT {{ limit }}
