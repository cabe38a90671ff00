-- title = "Addresses with the most traffic"
-- description = """
-- Bytes, packets and records of each address, counted on both sides: every record is added
-- to its source and to its destination. A flow seen at two interfaces is in the log twice."""
-- requires = ["srcaddr", "dstaddr", "packets", "bytes"]
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  addr,
  sum(bytes) AS bytes,
  sum(packets) AS packets,
  count(*) AS flows
FROM {{ table }}
CROSS JOIN UNNEST(ARRAY[srcaddr, dstaddr]) AS sides (addr)
WHERE {{ window }}
  AND addr <> '-'
GROUP BY addr
ORDER BY bytes DESC, addr
LIMIT {{ limit }}
