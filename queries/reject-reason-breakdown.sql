-- title = "Why traffic was refused"
-- group = "rejects"
-- description = """
-- Rejected records by reason: VPC Block Public Access, encryption control, or a security group or
-- network ACL, for which the log gives none."""
-- read = """
-- The most frequent first. BPA or EC where nobody expects it is a setting of the VPC or account,
-- and no rule will help."""
-- caveats = [
--   "Rejections by VPC Block Public Access have no bytes.",
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
--   """The log does not say which rule refused, nor whether it was a security group or a \
--   network ACL.""",
-- ]
-- requires = ["interface_id", "srcaddr", "dstaddr", "packets", "action", "reject_reason"]

SELECT
  reject_reason,
  CASE reject_reason
    WHEN 'BPA' THEN 'VPC Block Public Access'
    WHEN 'EC' THEN 'encryption control'
    WHEN '-' THEN 'security group or network ACL'
  END AS meaning,
  count(*) AS rejects,
  coalesce(sum(packets), 0) AS packets,
  count(DISTINCT interface_id) AS interfaces,
  count(DISTINCT srcaddr) AS sources,
  count(DISTINCT dstaddr) AS destinations
FROM {{ table }}
WHERE {{ window }}
  AND action = 'REJECT'
GROUP BY reject_reason
ORDER BY rejects DESC, reject_reason
