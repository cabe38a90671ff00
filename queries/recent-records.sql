-- title = "The newest records, or the oldest of a window"
-- group = "investigate"
-- description = """
-- A few records as they are, with readable times. It answers whether the table is right, whether
-- anything arrives, and what happened in these five minutes."""
-- read = "One row is one record; one without addresses is NODATA or SKIPDATA, as log_status says."
-- caveats = [
--   "Logs arrive 5 to 15 minutes after the traffic: the newest record is never from just now.",
--   "Athena has no cheap way to the newest rows: it reads the whole window, so keep it short.",
-- ]
-- aliases = ["preview limit=10", "newest", "records-in-window order=oldest limit=1000"]
-- requires = [
--   "account_id", "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol",
--   "packets", "bytes", "start", "end", "action", "log_status",
-- ]
-- [params.order]
-- type = "choice"
-- choices = ["newest", "oldest"]
-- default = "newest"
-- doc = "which records come first"
-- [params.limit]
-- type = "int"
-- default = 20
-- min = 1
-- doc = "rows at the most"

SELECT
  CAST(from_unixtime("start") AS timestamp) AS start_time,
  CAST(from_unixtime("end") AS timestamp) AS end_time,
  account_id,
  interface_id,
  srcaddr,
  dstaddr,
  srcport,
  dstport,
  protocol_name(protocol) AS protocol,
  packets,
  bytes,
  action,
  log_status
FROM {{ table }}
WHERE {{ window }}
{% if order == 'oldest' %}
ORDER BY 2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
{% else %}
ORDER BY 2 DESC, 1 DESC, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
{% endif %}
LIMIT {{ limit }}
