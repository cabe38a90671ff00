-- title = "How much was accepted, how much refused"
-- group = "volume"
-- description = """
-- Records, packets and bytes by verdict, with the share of each. A share of refused records that
-- rises is a scan, or a rule that somebody removed."""
-- read = """
-- One row for each verdict, the most records first. Refused traffic has many records and few
-- bytes."""
-- caveats = [
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "ACCEPT says that security groups and network ACLs let it pass, not that anything answered.",
-- ]
-- requires = ["srcaddr", "action", "packets", "bytes"]

WITH actions AS (
  SELECT
    action,
    coalesce(sum(bytes), 0) AS bytes,
    coalesce(sum(packets), 0) AS packets,
    count(*) AS flows,
    count(DISTINCT srcaddr) AS sources
  FROM {{ table }}
  WHERE {{ window }}
    AND action <> '-'
  GROUP BY action
)
SELECT
  action,
  flows,
  round(1e2 * flows / nullif(sum(flows) OVER (), 0), 1) AS flow_percent,
  packets,
  bytes,
  round(1e2 * bytes / nullif(sum(bytes) OVER (), 0), 1) AS byte_percent,
  sources
FROM actions
ORDER BY flows DESC, action
