-- title = "TCP that was accepted, or refused, record by record"
-- group = "rejects"
-- description = """
-- The TCP records with one verdict, newest first, with the day of the week. It is what the
-- console's queries of accepted and of rejected TCP traffic show."""
-- read = """
-- One row is one record of the log; the time is the end of its aggregation interval, in UTC, and
-- so is the weekday."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A record covers an aggregation interval of up to ten minutes, and any number of attempts.",
--   "ACCEPT says that the packets got through, not that anything answered.",
-- ]
-- aliases = [
--   "VpcFlowLogsAcceptedTraffic action=ACCEPT",
--   "VpcFlowLogsRejectedTCPTraffic action=REJECT",
--   "accepted-tcp action=ACCEPT",
--   "rejected-tcp action=REJECT",
-- ]
-- requires = [
--   "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
--   "end", "action",
-- ]
-- [improves]
-- tcp_flags = "the flags that were seen"
-- [params.action]
-- type = "choice"
-- choices = ["ACCEPT", "REJECT"]
-- default = "ACCEPT"
-- doc = "the verdict"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("end") AS timestamp) AS "time",
  date_format(from_unixtime("end"), '%W') AS weekday,
  interface_id,
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  action,
  packets,
  bytes,
  {% if has_tcp_flags %}
  tcp_flag_names(tcp_flags) AS tcp_flags
  {% else %}
  CAST(NULL AS varchar) AS tcp_flags
  {% endif %}
FROM {{ table }}
WHERE {{ window }}
  AND protocol = 6
  AND action = {{ action }}
ORDER BY 1 DESC, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
LIMIT {{ limit }}
