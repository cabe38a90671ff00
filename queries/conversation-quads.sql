-- title = "The connections of one host"
-- group = "investigate"
-- description = """
-- Both directions of each connection of one address folded into one row: its port, the peer, the
-- peer's port, and how much went each way."""
-- read = """
-- One row for each peer, pair of ports and protocol, the most bytes first. Bytes in one direction
-- alone are an attempt without an answer, or an answer that took another way."""
-- caveats = [
--   "Where the peer is an interface of yours too, each packet is in two records and counts twice.",
--   "A port that was used for several connections in the window is one row.",
-- ]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "bytes", "start", "end", "action",
-- ]
-- [params.ip]
-- type = "ip"
-- required = true
-- doc = "the address of the host, IPv4 or IPv6"
-- [params.min_bytes]
-- type = "int"
-- default = 0
-- min = 0
-- doc = "only connections with so many bytes in both directions together"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH sides AS (
  SELECT
    srcaddr = {{ ip }} AS sent,
    IF(srcaddr = {{ ip }}, dstaddr, srcaddr) AS peer,
    IF(srcaddr = {{ ip }}, srcport, dstport) AS port,
    IF(srcaddr = {{ ip }}, dstport, srcport) AS peer_port,
    protocol,
    bytes AS size_bytes,
    action,
    "start" AS first_second,
    "end" AS last_second
  FROM {{ table }}
  WHERE {{ window }}
    AND (srcaddr = {{ ip }} OR dstaddr = {{ ip }})
)
SELECT
  peer,
  port,
  peer_port,
  protocol_name(protocol) AS protocol,
  count(*) AS flows,
  count_if(action = 'REJECT') AS rejected,
  coalesce(sum(IF(sent, size_bytes)), 0) AS bytes_sent,
  coalesce(sum(IF(sent, NULL, size_bytes)), 0) AS bytes_received,
  coalesce(sum(size_bytes), 0) AS bytes,
  CAST(from_unixtime(min(first_second)) AS timestamp) AS first_seen,
  CAST(from_unixtime(max(last_second)) AS timestamp) AS last_seen
FROM sides
GROUP BY peer, port, peer_port, 4
HAVING coalesce(sum(size_bytes), 0) >= {{ min_bytes }}
ORDER BY bytes DESC, peer, port, peer_port, 4
LIMIT {{ limit }}
