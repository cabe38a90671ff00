-- title = "When a source was first and last seen, and what it tried"
-- group = "investigate"
-- description = """
-- For each source address the first and last time, how many targets and ports it had, and the
-- beginning of both lists. Give ip to ask for some sources alone."""
-- read = """
-- The most targets first. The lists are cut after so many entries: the counts beside them are
-- complete. Ports above max_port, where answers go, are left out of ports and list."""
-- caveats = [
--   "First seen means in this window: ask again with an earlier --since.",
--   "A source behind a NAT gateway shows as the gateway's address.",
-- ]
-- aliases = ["distinct-destinations entries=1"]
-- requires = ["srcaddr", "dstaddr", "dstport", "start", "end", "action"]
-- [params.ip]
-- type = "ip_or_cidr"
-- many = true
-- doc = "only these sources: addresses or networks"
-- [params.max_port]
-- type = "port"
-- default = 32767
-- doc = "the highest destination port that counts"
-- [params.entries]
-- type = "int"
-- default = 10
-- min = 1
-- max = 1000
-- doc = "entries of each list at the most"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  srcaddr,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  count(DISTINCT dstaddr) AS targets,
  array_join(
    slice(array_sort(array_agg(DISTINCT dstaddr)), 1, {{ entries }}), ' '
  ) AS target_list,
  count(DISTINCT IF(dstport <= {{ max_port }}, dstport)) AS ports,
  array_join(
    slice(
      array_sort(array_agg(DISTINCT dstport) FILTER (WHERE dstport <= {{ max_port }})),
      1,
      {{ entries }}
    ),
    ' '
  ) AS port_list,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
WHERE {{ window }}
  AND srcaddr <> '-'
  AND dstaddr <> '-'
{% if ip %}
  AND in_cidr(srcaddr, {{ ip }})
{% endif %}
GROUP BY srcaddr
ORDER BY targets DESC, srcaddr
LIMIT {{ limit }}
