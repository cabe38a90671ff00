-- title = "Within, outwards, inwards, and neither side inside"
-- group = "exposure"
-- description = """
-- Traffic by where its two ends lie: inside is what is private, or the networks that you name.
-- With by=pair it lists the pairs of addresses, with scope one kind of them alone."""
-- read = """
-- The most bytes first. Outbound is from inside to outside, inbound the reverse, replies included;
-- external has both ends outside, such as public IPv6 addresses of yours."""
-- caveats = [
--   "Directions are those of the packets, not of who opened the connection.",
--   "A flow between two interfaces that are both logged is in the log twice: internal is doubled.",
--   "Public addresses of yours are outside unless networks names them.",
-- ]
-- aliases = [
--   "private-public-crossing by=pair scope=crossing",
--   "internal-only by=pair scope=internal",
--   "external-only by=pair scope=not-internal",
-- ]
-- requires = ["srcaddr", "dstaddr", "packets", "bytes"]
-- [improves]
-- action = "counts the accepted flows"
-- [params.networks]
-- type = "ip_or_cidr"
-- many = true
-- doc = "what is inside, in place of all private addresses"
-- [params.scope]
-- type = "choice"
-- choices = ["any", "internal", "outbound", "inbound", "external", "crossing", "not-internal"]
-- default = "any"
-- doc = "only this kind; crossing is outbound and inbound"
-- [params.by]
-- type = "choice"
-- choices = ["scope", "pair"]
-- default = "scope"
-- doc = "one row for each kind, or for each pair of addresses"
-- [params.limit]
-- type = "int"
-- default = 100
-- min = 1
-- doc = "rows at the most"

WITH marked AS (
  SELECT
    {% if networks %}
    in_cidr(srcaddr, {{ networks }}) AS from_inside,
    in_cidr(dstaddr, {{ networks }}) AS to_inside,
    {% else %}
    is_private(srcaddr) AS from_inside,
    is_private(dstaddr) AS to_inside,
    {% endif %}
    {% if by == "pair" %}
    srcaddr AS source,
    dstaddr AS target,
    {% else %}
    CAST(NULL AS varchar) AS source,
    CAST(NULL AS varchar) AS target,
    {% endif %}
    {% if has_action %}
    action AS verdict,
    {% else %}
    CAST(NULL AS varchar) AS verdict,
    {% endif %}
    packets,
    bytes
  FROM {{ table }}
  WHERE {{ window }}
),
scoped AS (
  SELECT
    CASE
      WHEN from_inside AND to_inside THEN 'internal'
      WHEN from_inside THEN 'outbound'
      WHEN to_inside THEN 'inbound'
      ELSE 'external'
    END AS scope,
    source,
    target,
    verdict,
    packets,
    bytes
  FROM marked
  WHERE from_inside IS NOT NULL
    AND to_inside IS NOT NULL
)
SELECT
  scope,
  source AS srcaddr,
  target AS dstaddr,
  count(*) AS flows,
  {% if has_action %}
  count_if(verdict = 'ACCEPT') AS accepted,
  {% else %}
  CAST(NULL AS bigint) AS accepted,
  {% endif %}
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes
FROM scoped
{% if scope == "crossing" %}
WHERE scope IN ('outbound', 'inbound')
{% elif scope == "not-internal" %}
WHERE scope <> 'internal'
{% elif scope != "any" %}
WHERE scope = {{ scope }}
{% endif %}
GROUP BY scope, source, target
ORDER BY bytes DESC, scope, srcaddr, dstaddr
LIMIT {{ limit }}
