-- title = "What travels encrypted, and what does not"
-- group = "investigate"
-- description = """
-- Accepted traffic by how it was encrypted in transit: not at all, by the Nitro hardware, by the
-- application, or both. With by=pairs it names who talks to whom, with only=none who does so in
-- clear."""
-- read = """
-- The most bytes first; byte_percent is the part of all rows' bytes. by=port has destination ports,
-- so an answer stands under its client's port."""
-- caveats = [
--   "The status is unknown where VPC Encryption Controls are off.",
--   "AWS takes the application's encryption from port and service: it does not read packets.",
--   "Between two interfaces of yours each packet is in two records.",
-- ]
-- aliases = ["unencrypted-traffic by=pairs only=none"]
-- requires = ["encryption_status", "srcaddr", "dstaddr", "dstport", "bytes", "action"]
-- [params.by]
-- type = "choice"
-- choices = ["status", "port", "pairs"]
-- default = "status"
-- doc = "what a row stands for"
-- [params.only]
-- type = "choice"
-- choices = ["any", "none", "Nitro", "application", "both", "unknown"]
-- default = "any"
-- doc = "only traffic that is encrypted so"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH shown AS (
  SELECT
    CASE encryption_status
      WHEN 0 THEN 'none'
      WHEN 1 THEN 'Nitro'
      WHEN 2 THEN 'application'
      WHEN 3 THEN 'both'
      ELSE 'unknown'
    END AS encryption,
    IF({{ by }} = 'pairs', srcaddr) AS srcaddr,
    IF({{ by }} = 'pairs', dstaddr) AS dstaddr,
    IF({{ by }} <> 'status', dstport) AS dstport,
    bytes
  FROM {{ table }}
  WHERE {{ window }}
    AND action = 'ACCEPT'
),
summed AS (
  SELECT
    encryption,
    srcaddr,
    dstaddr,
    dstport,
    count(*) AS flows,
    coalesce(sum(bytes), 0) AS bytes
  FROM shown
  WHERE {{ only }} IN ('any', encryption)
  GROUP BY encryption, srcaddr, dstaddr, dstport
)
SELECT
  encryption,
  srcaddr,
  dstaddr,
  dstport,
  flows,
  bytes,
  round(1e2 * bytes / nullif(sum(bytes) OVER (), 0), 1) AS byte_percent
FROM summed
ORDER BY bytes DESC, encryption, srcaddr, dstaddr, dstport
LIMIT {{ limit }}
