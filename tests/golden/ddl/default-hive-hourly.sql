CREATE EXTERNAL TABLE IF NOT EXISTS `flow_logs`.`vpc_flow_logs` (
  `version` int COMMENT 'Highest flow-log version among the chosen fields, so 2 for the default format',
  `account_id` string COMMENT 'Account that owns the source network interface, 12 digits kept as text, or the word unknown if an AWS service created the interface',
  `interface_id` string COMMENT 'Network interface at which the traffic was recorded (eni-...), - for flows of a regional NAT gateway',
  `srcaddr` string COMMENT 'Source IPv4 or IPv6 address, for egress that of the interface itself (pkt-srcaddr has the original), - in NODATA and SKIPDATA rows',
  `dstaddr` string COMMENT 'Destination IPv4 or IPv6 address, for ingress that of the interface itself (pkt-dstaddr has the original), - in NODATA and SKIPDATA rows',
  `srcport` int COMMENT 'Source port (0 for ICMP), NULL (logged as -) in NODATA and SKIPDATA rows',
  `dstport` int COMMENT 'Destination port (0 for ICMP), NULL (logged as -) in NODATA and SKIPDATA rows',
  `protocol` bigint COMMENT 'IANA protocol number (1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6), NULL (logged as -) in NODATA and SKIPDATA rows',
  `packets` bigint COMMENT 'Packets of the flow within the interval, NULL (logged as -) in NODATA and SKIPDATA rows',
  `bytes` bigint COMMENT 'Bytes of the flow within the interval, NULL (logged as -) in NODATA and SKIPDATA rows, not recorded for rejections by VPC Block Public Access',
  `start` bigint COMMENT 'Time of the first packet of the flow within the interval, in Unix seconds, up to 60 seconds off either way',
  `end` bigint COMMENT 'Time of the last packet of the flow within the interval, in Unix seconds, up to 60 seconds late',
  `action` string COMMENT 'Whether the traffic was let through: ACCEPT or REJECT, - in NODATA and SKIPDATA rows',
  `log_status` string COMMENT 'OK, NODATA (the interval had no traffic) or SKIPDATA (AWS lost records of the interval, one such row may stand for many flows)'
)
PARTITIONED BY (
  `aws_account_id` string,
  `aws_region` string,
  `date` string,
  `hour` string
)
ROW FORMAT DELIMITED
FIELDS TERMINATED BY ' '
STORED AS TEXTFILE
LOCATION 's3://bucket/prefix/AWSLogs/'
TBLPROPERTIES (
  'skip.header.line.count' = '1',
  'athena_flow.location' = 's3://bucket/prefix/',
  'athena_flow.layout' = 'hive-hourly',
  'athena_flow.file_type' = 'text',
  'athena_flow.partitions' = 'explicit',
  'athena_flow.log_format' = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
)
