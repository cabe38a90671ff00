-- title = "Both directions as one: clients and their servers"
-- group = "graph"
-- description = """
-- Requests and answers of an accepted connection folded into one row for each client, server and
-- port. The handshake's flags say which side serves; where none was seen it is the lower port."""
-- read = """
-- The most bytes first. guessed is how many of the connections went by the port alone: near 0 the
-- row is sure."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "Without tcp-flags every side is a guess, and one with equal ports is arbitrary.",
--   "Both sides need their records: through a NAT gateway a connection is two.",
-- ]
-- aliases = ["conversations"]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end",
--   "action",
-- ]
-- [improves]
-- tcp_flags = "the handshake says which side serves"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH halves AS (
  SELECT
    srcaddr,
    dstaddr,
    srcport,
    dstport,
    protocol,
    packets,
    bytes,
    "start" AS first_second,
    "end" AS last_second,
    srcport < dstport OR (srcport = dstport AND srcaddr < dstaddr) AS from_low,
    {% if has_tcp_flags %}
    bitwise_and(tcp_flags, 18) AS handshake
    {% else %}
    CAST(NULL AS bigint) AS handshake
    {% endif %}
  FROM {{ table }}
  WHERE {{ window }}
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    AND srcaddr <> dstaddr
    AND srcport IS NOT NULL
    AND dstport IS NOT NULL
    AND protocol IN (6, 17)
    AND action = 'ACCEPT'
),
connections AS (
  SELECT
    IF(from_low, srcaddr, dstaddr) AS low_addr,
    IF(from_low, srcport, dstport) AS low_port,
    IF(from_low, dstaddr, srcaddr) AS high_addr,
    IF(from_low, dstport, srcport) AS high_port,
    protocol,
    count(*) AS records,
    coalesce(sum(packets), 0) AS packets,
    coalesce(sum(IF(from_low, bytes)), 0) AS low_bytes,
    coalesce(sum(IF(NOT from_low, bytes)), 0) AS high_bytes,
    count_if(handshake = IF(from_low, 18, 2)) AS low_serves,
    count_if(handshake = IF(from_low, 2, 18)) AS high_serves,
    min(first_second) AS first_second,
    max(last_second) AS last_second
  FROM halves
  GROUP BY 1, 2, 3, 4, 5
),
sides AS (
  SELECT
    IF(high_serves > low_serves, low_addr, high_addr) AS client,
    IF(high_serves > low_serves, high_addr, low_addr) AS server,
    IF(high_serves > low_serves, high_port, low_port) AS server_port,
    protocol,
    records,
    packets,
    IF(high_serves > low_serves, low_bytes, high_bytes) AS client_bytes,
    IF(high_serves > low_serves, high_bytes, low_bytes) AS server_bytes,
    high_serves = low_serves AS is_guess,
    first_second,
    last_second
  FROM connections
),
pairs AS (
  SELECT
    client,
    server,
    server_port,
    protocol,
    count(*) AS connections,
    count_if(is_guess) AS guessed,
    sum(records) AS flows,
    sum(packets) AS packets,
    sum(client_bytes) AS client_bytes,
    sum(server_bytes) AS server_bytes,
    CAST(from_unixtime(min(first_second)) AS timestamp) AS first_seen,
    CAST(from_unixtime(max(last_second)) AS timestamp) AS last_seen
  FROM sides
  GROUP BY client, server, server_port, protocol
)
SELECT
  client,
  server,
  server_port,
  protocol_name(protocol) AS protocol,
  client_bytes + server_bytes AS bytes,
  client_bytes,
  server_bytes,
  packets,
  flows,
  connections,
  guessed,
  first_seen,
  last_seen
FROM pairs
ORDER BY bytes DESC, client, server, server_port, protocol
LIMIT {{ limit }}
