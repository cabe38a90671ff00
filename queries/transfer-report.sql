-- title = "Day by day, the hosts of a network that moved most"
-- group = "volume"
-- description = """
-- For each day (UTC) the hosts of a network with the most bytes, sent and received, with how many
-- addresses they talked to and which of them had the most."""
-- read = """
-- Days in order, in each the largest host first. A host that is new at the top, or a new top_peer,
-- is worth a question."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "The first and the last day may be covered in part only.",
-- ]
-- aliases = ["transfer-report-top-hosts"]
-- requires = ["srcaddr", "dstaddr", "bytes", "end"]
-- [params.network]
-- type = "ip_or_cidr"
-- many = true
-- doc = "whose hosts; without it those with private addresses"
-- [params.hosts]
-- type = "int"
-- default = 10
-- min = 1
-- doc = "hosts for each day at the most"

WITH pairs AS (
  SELECT
    time_bucket('day', "end") AS day,
    IF(is_source, srcaddr, dstaddr) AS host,
    IF(is_source, dstaddr, srcaddr) AS peer,
    coalesce(sum(IF(is_source, bytes)), 0) AS sent_bytes,
    coalesce(sum(IF(NOT is_source, bytes)), 0) AS received_bytes
  FROM {{ table }}
  CROSS JOIN UNNEST(ARRAY[TRUE, FALSE]) AS sides (is_source)
  WHERE {{ window }}
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    {% if network %}
    AND in_cidr(IF(is_source, srcaddr, dstaddr), {{ network }})
    {% else %}
    AND is_private(IF(is_source, srcaddr, dstaddr))
    {% endif %}
  GROUP BY 1, 2, 3
),
placed_pairs AS (
  SELECT
    day,
    host,
    peer,
    sent_bytes,
    received_bytes,
    row_number() OVER (
      PARTITION BY day, host ORDER BY sent_bytes + received_bytes DESC, peer
    ) AS place
  FROM pairs
),
hosts AS (
  SELECT
    day,
    host,
    sum(sent_bytes) AS sent_bytes,
    sum(received_bytes) AS received_bytes,
    count(*) AS peers,
    max(IF(place = 1, peer)) AS top_peer,
    max(IF(place = 1, sent_bytes + received_bytes)) AS top_peer_bytes
  FROM placed_pairs
  GROUP BY day, host
),
placed AS (
  SELECT
    day,
    host,
    sent_bytes,
    received_bytes,
    peers,
    top_peer,
    top_peer_bytes,
    row_number() OVER (PARTITION BY day ORDER BY sent_bytes + received_bytes DESC, host) AS place
  FROM hosts
)
SELECT
  day,
  place,
  host,
  sent_bytes + received_bytes AS bytes,
  sent_bytes,
  received_bytes,
  peers,
  top_peer,
  top_peer_bytes
FROM placed
WHERE place <= {{ hosts }}
ORDER BY day, place, host, bytes, sent_bytes, received_bytes, peers, top_peer, top_peer_bytes
