-- title = "Traffic by tag"
-- group = "investigate"
-- description = """
-- Traffic by the values of the tags that the flow log asks for: of instances, of network interfaces
-- and of Auto Scaling groups. It divides the traffic among teams or products, and shows what nobody
-- has tagged."""
-- read = """
-- One row for each kind of tag and each of its values, the most bytes first. The tag - is what has
-- none, or belongs to another account."""
-- caveats = [
--   "Each record counts once for each kind of tag: do not add up rows of different kinds.",
--   "Traffic between two logged interfaces is counted at both, each under its own tag.",
--   "The log has the tags' values alone: their keys are in the settings of the flow log.",
--   "A tag that was changed is in the log with its old value until then.",
-- ]
-- aliases = ["bytes-by-tag", "traffic-by-asg kind=asg-tag"]
-- requires = [
--   "instance_tag", "account_id", "interface_id", "packets", "bytes", "start", "end", "action",
-- ]
-- [improves]
-- instance_tag_2 = "has rows of the second instance tag"
-- interface_tag = "has rows of the first network-interface tag"
-- interface_tag_2 = "has rows of the second network-interface tag"
-- asg_tag = "has rows of the first Auto Scaling group tag"
-- asg_tag_2 = "has rows of the second Auto Scaling group tag"
-- [params.kind]
-- type = "choice"
-- choices = [
--   "any", "instance-tag", "instance-tag-2", "interface-tag", "interface-tag-2", "asg-tag",
--   "asg-tag-2",
-- ]
-- default = "any"
-- doc = "only the values of this tag"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  kind,
  url_decode(tag) AS tag,
  count(DISTINCT account_id) AS accounts,
  count(DISTINCT nullif(interface_id, '-')) AS interfaces,
  count(*) AS flows,
  count_if(action = 'REJECT') AS rejected,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes,
  CAST(from_unixtime(min("start")) AS timestamp) AS first_seen,
  CAST(from_unixtime(max("end")) AS timestamp) AS last_seen
FROM {{ table }}
CROSS JOIN UNNEST(
  ARRAY[
    'instance-tag'
    {% if has_instance_tag_2 %}
    , 'instance-tag-2'
    {% endif %}
    {% if has_interface_tag %}
    , 'interface-tag'
    {% endif %}
    {% if has_interface_tag_2 %}
    , 'interface-tag-2'
    {% endif %}
    {% if has_asg_tag %}
    , 'asg-tag'
    {% endif %}
    {% if has_asg_tag_2 %}
    , 'asg-tag-2'
    {% endif %}
  ],
  ARRAY[
    instance_tag
    {% if has_instance_tag_2 %}
    , instance_tag_2
    {% endif %}
    {% if has_interface_tag %}
    , interface_tag
    {% endif %}
    {% if has_interface_tag_2 %}
    , interface_tag_2
    {% endif %}
    {% if has_asg_tag %}
    , asg_tag
    {% endif %}
    {% if has_asg_tag_2 %}
    , asg_tag_2
    {% endif %}
  ]
) AS tags (kind, tag)
WHERE {{ window }}
  AND coalesce(packets, bytes) IS NOT NULL
  AND {{ kind }} IN ('any', kind)
GROUP BY kind, 2
ORDER BY bytes DESC, kind, 2
LIMIT {{ limit }}
