ALTER TABLE `flow_logs`.`vpc_flow_logs` ADD IF NOT EXISTS
  PARTITION (`aws_account_id` = '123456789012', `aws_region` = 'us-gov-west-1', `date` = '2028-02-29', `hour` = '07') LOCATION 's3://bucket/prefix/AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-gov-west-1/year=2028/month=02/day=29/hour=07/'
  PARTITION (`aws_account_id` = '123456789012', `aws_region` = 'us-gov-west-1', `date` = '2028-02-29', `hour` = '08') LOCATION 's3://bucket/prefix/AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-gov-west-1/year=2028/month=02/day=29/hour=08/'
