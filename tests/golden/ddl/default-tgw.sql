CREATE EXTERNAL TABLE IF NOT EXISTS `flow_logs`.`tgw_flow_logs` (
  `version` int COMMENT 'Flow-log version of the record',
  `resource_type` string COMMENT 'Type of resource that the flow log was created on: TransitGateway (older AWS pages list TransitGatewayAttachment too)',
  `account_id` string COMMENT 'Account that owns the transit gateway, 12 digits kept as text',
  `tgw_id` string COMMENT 'Transit gateway at which the traffic was recorded (tgw-...)',
  `tgw_attachment_id` string COMMENT 'Transit gateway attachment at which the traffic was recorded (tgw-attach-...)',
  `tgw_src_vpc_account_id` string COMMENT 'Account that owns the source VPC, - if the source is no VPC attachment',
  `tgw_dst_vpc_account_id` string COMMENT 'Account that owns the destination VPC, - if the destination is no VPC attachment',
  `tgw_src_vpc_id` string COMMENT 'Source VPC (vpc-...), - if the source is no VPC attachment',
  `tgw_dst_vpc_id` string COMMENT 'Destination VPC (vpc-...), - if the destination is no VPC attachment',
  `tgw_src_subnet_id` string COMMENT 'Source subnet (subnet-...), - if the source is no VPC attachment',
  `tgw_dst_subnet_id` string COMMENT 'Destination subnet (subnet-...), - if the destination is no VPC attachment',
  `tgw_src_eni` string COMMENT 'Network interface of the source attachment (eni-...), - if the source is no VPC attachment',
  `tgw_dst_eni` string COMMENT 'Network interface of the destination attachment (eni-...), - if the destination is no VPC attachment',
  `tgw_src_az_id` string COMMENT 'Availability Zone ID on the source side, such as use1-az1, - in a sublocation',
  `tgw_dst_az_id` string COMMENT 'Availability Zone ID on the destination side, such as use1-az1, - if not applicable',
  `tgw_pair_attachment_id` string COMMENT 'Attachment at the other end of the flow, the egress or the ingress one depending on flow-direction, - if not applicable',
  `srcaddr` string COMMENT 'Source IPv4 or IPv6 address, - in NODATA and SKIPDATA rows',
  `dstaddr` string COMMENT 'Destination IPv4 or IPv6 address, - in NODATA and SKIPDATA rows',
  `srcport` int COMMENT 'Source port, NULL (logged as -) in NODATA and SKIPDATA rows',
  `dstport` int COMMENT 'Destination port, NULL (logged as -) in NODATA and SKIPDATA rows',
  `protocol` bigint COMMENT 'IANA protocol number (1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6), NULL (logged as -) in NODATA and SKIPDATA rows',
  `packets` bigint COMMENT 'Packets of the flow within the interval, NULL (logged as -) in NODATA and SKIPDATA rows',
  `bytes` bigint COMMENT 'Bytes of the flow within the interval, NULL (logged as -) in NODATA and SKIPDATA rows',
  `start` bigint COMMENT 'Time of the first packet of the flow within the interval, in Unix seconds, up to 60 seconds late',
  `end` bigint COMMENT 'Time of the last packet of the flow within the interval, in Unix seconds, up to 60 seconds late',
  `log_status` string COMMENT 'OK, NODATA (the interval had no traffic) or SKIPDATA (AWS lost records of the interval, one such row may stand for many flows)',
  `type` string COMMENT 'Type of the traffic: IPv4, IPv6 or EFA (Elastic Fabric Adapter)',
  `packets_lost_no_route` bigint COMMENT 'Packets dropped because no route was given, NULL (logged as -) in NODATA and SKIPDATA rows',
  `packets_lost_blackhole` bigint COMMENT 'Packets dropped by a blackhole route, NULL (logged as -) in NODATA and SKIPDATA rows',
  `packets_lost_mtu_exceeded` bigint COMMENT 'Packets dropped because they were larger than the MTU, NULL (logged as -) in NODATA and SKIPDATA rows',
  `packets_lost_ttl_expired` bigint COMMENT 'Packets dropped because their time to live ran out, NULL (logged as -) in NODATA and SKIPDATA rows',
  `tcp_flags` int COMMENT 'TCP flags OR-ed over the interval: FIN=1 SYN=2 RST=4 PSH=8 ACK=16 SYN-ACK=18 URG=32, 0 if there were only ACK packets',
  `region` string COMMENT 'Region that the transit gateway is in, such as us-east-1',
  `flow_direction` string COMMENT 'Direction of the flow as seen from the transit gateway: ingress or egress',
  `pkt_src_aws_service` string COMMENT 'AWS service whose published IP ranges hold srcaddr, such as AMAZON, EC2 or S3 (open list, AWS adds to it), - if none',
  `pkt_dst_aws_service` string COMMENT 'AWS service whose published IP ranges hold dstaddr, such as AMAZON, EC2 or S3 (open list, AWS adds to it), - if none'
)
PARTITIONED BY (
  `aws_account_id` string,
  `aws_region` string,
  `date` string
)
ROW FORMAT DELIMITED
FIELDS TERMINATED BY ' '
STORED AS TEXTFILE
LOCATION 's3://bucket/prefix/AWSLogs/'
TBLPROPERTIES (
  'skip.header.line.count' = '1',
  'athena_flow.location' = 's3://bucket/prefix/',
  'athena_flow.layout' = 'daily',
  'athena_flow.file_type' = 'text',
  'athena_flow.partitions' = 'explicit',
  'athena_flow.log_format' = 'version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service'
)
