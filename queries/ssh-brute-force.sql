-- title = "Passwords guessed: many tries, then a session"
-- group = "detect"
-- description = """
-- Pairs of addresses with many short or refused connections to a login port, and whether a longer
-- one followed. A guesser who stops trying and stays has guessed."""
-- read = """
-- Pairs with sessions right after many tries first, then the most tries within one span. A row with
-- sessions wants the host's own log of logins at once; the others a narrower security group."""
-- caveats = [
--   "A connection is told by its source port; one used again counts as one connection.",
--   "How long a failed login is depends on the server: a try sends up to max_try_bytes.",
--   "Agents and health checks that connect and leave look like tries: put them on ignore.",
-- ]
-- aliases = ["rdp-brute-force ports=3389", "password-guessing ports=22 ports=3389"]
-- attack = ["T1110.001", "T1021.004"]
-- requires = [
--   "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action", "bytes", "start", "end",
-- ]
-- [params.ports]
-- type = "port_range"
-- many = true
-- default = ["22"]
-- doc = "the login ports"
-- [params.min_tries]
-- type = "int"
-- default = 10
-- min = 2
-- doc = "tries within one span from which on a pair is shown"
-- [params.span]
-- type = "duration"
-- default = "1h"
-- doc = "the time within which tries are counted, and a session follows them"
-- [params.max_try_bytes]
-- type = "int"
-- default = 6000
-- min = 1
-- doc = "bytes up to which an accepted connection is a try, not a session"
-- [params.ignore]
-- type = "ip_or_cidr"
-- many = true
-- doc = "sources to leave out"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

WITH connections AS (
  SELECT
    srcaddr,
    dstaddr,
    dstport,
    srcport,
    count_if(action = 'ACCEPT') > 0 AND coalesce(sum(bytes), 0) > {{ max_try_bytes }} AS is_session,
    count_if(action = 'REJECT') > 0 AS refused,
    min("start") AS began,
    max("end") AS ended
  FROM {{ table }}
  WHERE {{ window }}
    AND protocol = 6
    AND srcaddr <> '-'
    AND dstaddr <> '-'
    AND srcport IS NOT NULL
    AND in_ports(dstport, {{ ports }})
    {% if ignore %}
    AND NOT in_cidr(srcaddr, {{ ignore }})
    {% endif %}
  GROUP BY srcaddr, dstaddr, dstport, srcport
),
tried AS (
  SELECT
    srcaddr,
    dstaddr,
    dstport,
    is_session,
    refused,
    began,
    ended,
    count(IF(NOT is_session, 1)) OVER (
      PARTITION BY srcaddr, dstaddr, dstport
      ORDER BY began
      RANGE BETWEEN {{ span }} PRECEDING AND CURRENT ROW
    ) AS tries_before
  FROM connections
)
SELECT
  srcaddr,
  dstaddr,
  dstport,
  is_private(srcaddr) AS from_private,
  count_if(NOT is_session) AS tries,
  max(tries_before) AS most_tries,
  count_if(NOT is_session AND refused) AS refused,
  count_if(is_session AND tries_before >= {{ min_tries }}) AS sessions,
  CAST(from_unixtime(min(IF(NOT is_session, began))) AS timestamp) AS first_try,
  CAST(from_unixtime(min(IF(is_session AND tries_before >= {{ min_tries }}, began))) AS timestamp)
    AS first_session,
  CAST(from_unixtime(max(ended)) AS timestamp) AS last_seen
FROM tried
GROUP BY srcaddr, dstaddr, dstport
HAVING max(tries_before) >= {{ min_tries }}
ORDER BY sessions DESC, most_tries DESC, srcaddr, dstaddr, dstport
LIMIT {{ limit }}
