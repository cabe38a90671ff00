-- title = "Records of instances, subnets or VPCs"
-- group = "investigate"
-- description = """
-- All that the interfaces of some instances, subnets or VPCs saw, newest first. Give one kind of
-- id or several: a record has to match each kind that is given."""
-- read = "One row is one record, with the resource that its interface belongs to."
-- caveats = [
--   "Between two interfaces of one subnet or VPC each packet is in two records.",
--   "Interfaces that AWS runs, as those of NAT gateways and load balancers, have no instance.",
-- ]
-- aliases = ["instance-traffic", "subnet-traffic", "vpc-traffic"]
-- requires = [
--   "vpc_id", "subnet_id", "instance_id", "interface_id", "srcaddr", "dstaddr", "srcport",
--   "dstport", "protocol", "packets", "bytes", "end", "action",
-- ]
-- [improves]
-- flow_direction = "says whether the packets came in or went out"
-- [params.instance]
-- type = "instance"
-- many = true
-- doc = "only these instances"
-- [params.subnet]
-- type = "subnet"
-- many = true
-- doc = "only these subnets"
-- [params.vpc]
-- type = "vpc"
-- many = true
-- doc = "only these VPCs"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("end") AS timestamp) AS "time",
  vpc_id,
  subnet_id,
  instance_id,
  interface_id,
  {% if has_flow_direction %}
  flow_direction,
  {% else %}
  CAST(NULL AS varchar) AS flow_direction,
  {% endif %}
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol_name(protocol) AS protocol,
  action,
  packets,
  bytes
FROM {{ table }}
WHERE {{ window }}
{% if instance %}
  AND instance_id IN {{ instance }}
{% endif %}
{% if subnet %}
  AND subnet_id IN {{ subnet }}
{% endif %}
{% if vpc %}
  AND vpc_id IN {{ vpc }}
{% endif %}
ORDER BY 1 DESC, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
LIMIT {{ limit }}
