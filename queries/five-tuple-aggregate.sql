-- title = "One row for each connection"
-- group = "volume"
-- description = """
-- The records of one source, source port, destination, destination port and protocol as one row,
-- with first and last time. A long connection has a record for each aggregation interval; here it
-- is whole."""
-- read = """
-- The most bytes first. One direction is one row; tcp_flags are all flags that were seen in it."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "A client that uses the same source port again later is the same row.",
--   "Without the fields action and tcp-flags their columns are NULL.",
-- ]
-- aliases = ["aggregate"]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end",
-- ]
-- [improves]
-- action = "counts the accepted and the rejected records"
-- tcp_flags = "all flags that were seen"
-- [params.protocol]
-- type = "protocol"
-- doc = "only this protocol"
-- [params.min_bytes]
-- type = "int"
-- default = 0
-- min = 0
-- doc = "leave out connections with fewer bytes"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH connections AS (
  SELECT
    srcaddr,
    srcport,
    dstaddr,
    dstport,
    protocol,
    coalesce(sum(bytes), 0) AS bytes,
    coalesce(sum(packets), 0) AS packets,
    count(*) AS records,
    {% if has_action %}
    count_if(action = 'ACCEPT') AS accepted,
    count_if(action = 'REJECT') AS rejected,
    {% else %}
    CAST(NULL AS bigint) AS accepted,
    CAST(NULL AS bigint) AS rejected,
    {% endif %}
    {% if has_tcp_flags %}
    bitwise_or_agg(tcp_flags) AS flags,
    {% else %}
    CAST(NULL AS bigint) AS flags,
    {% endif %}
    CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
    CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
  FROM {{ table }}
  WHERE {{ window }}
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    {% if protocol is not none %}
    AND protocol = {{ protocol }}
    {% endif %}
  GROUP BY srcaddr, srcport, dstaddr, dstport, protocol
)
SELECT
  srcaddr,
  srcport,
  dstaddr,
  dstport,
  protocol_name(protocol) AS protocol,
  bytes,
  packets,
  records,
  accepted,
  rejected,
  tcp_flag_names(flags) AS tcp_flags,
  first_seen,
  last_seen
FROM connections
WHERE bytes >= {{ min_bytes }}
ORDER BY bytes DESC, srcaddr, srcport, dstaddr, dstport, protocol
LIMIT {{ limit }}
