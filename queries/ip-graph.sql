-- title = "Who talks to whom, as nodes and edges"
-- group = "graph"
-- description = """
-- The addresses and the traffic between them as a graph, for Graphviz, Gephi or a notebook: run it
-- once for the edges and once with part=nodes."""
-- read = """
-- An edge goes from source to target; a node stands under source, with how many neighbours it has.
-- The most records first."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "A Transit Gateway logs a flow where it comes in and again where it leaves.",
--   "Behind a NAT gateway or load balancer the address is that of the interface in between.",
--   "Answers are an edge of their own, in the other direction.",
--   """With min_count or limit nodes may be missing to which an edge leads: the edges are the \
--   truth.""",
-- ]
-- aliases = ["ip-graph-edges part=edges", "ip-graph-nodes part=nodes"]
-- requires = ["srcaddr", "dstaddr", "packets", "bytes"]
-- [improves]
-- action = "counts the accepted flows"
-- [params.part]
-- type = "choice"
-- choices = ["edges", "nodes"]
-- default = "edges"
-- doc = "what the rows are"
-- [params.min_count]
-- type = "int"
-- default = 1
-- min = 1
-- doc = "leave out what has fewer records"
-- [params.limit]
-- type = "int"
-- default = 5000
-- min = 1
-- doc = "rows at the most"

{% if part == "nodes" %}
SELECT
  'node' AS kind,
  addr AS source,
  CAST(NULL AS varchar) AS target,
  is_private(addr) AS source_private,
  CAST(NULL AS boolean) AS target_private,
  count(DISTINCT peer) AS neighbours,
  {% if has_action %}
  count_if(action = 'ACCEPT') AS accepted,
  {% else %}
  CAST(NULL AS bigint) AS accepted,
  {% endif %}
  count(*) AS flows,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes
FROM {{ table }}
CROSS JOIN UNNEST(
  ARRAY[srcaddr, dstaddr],
  ARRAY[dstaddr, srcaddr]
) AS sides (addr, peer)
WHERE {{ window }}
  AND srcaddr <> '-'
  AND dstaddr <> '-'
GROUP BY addr
HAVING count(*) >= {{ min_count }}
{% else %}
SELECT
  'edge' AS kind,
  srcaddr AS source,
  dstaddr AS target,
  is_private(srcaddr) AS source_private,
  is_private(dstaddr) AS target_private,
  CAST(NULL AS bigint) AS neighbours,
  {% if has_action %}
  count_if(action = 'ACCEPT') AS accepted,
  {% else %}
  CAST(NULL AS bigint) AS accepted,
  {% endif %}
  count(*) AS flows,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes
FROM {{ table }}
WHERE {{ window }}
  AND srcaddr <> '-'
  AND dstaddr <> '-'
GROUP BY srcaddr, dstaddr
HAVING count(*) >= {{ min_count }}
{% endif %}
ORDER BY flows DESC, source, target
LIMIT {{ limit }}
