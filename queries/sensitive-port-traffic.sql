-- title = "Traffic to administration and database ports"
-- group = "exposure"
-- description = """
-- Who talks to the ports by which machines and databases are managed, allowed and refused. Few
-- sources have business there: each of them should have a name."""
-- read = """
-- One row for each port, source and destination, the most bytes first. A source that is not
-- private and has accepted flows reaches the port from outside."""
-- caveats = [
--   "A flow between two interfaces that are both logged is in the log twice.",
--   "Console ports such as 8080 also carry ordinary web traffic: choose a kind.",
--   "A number says where a service usually listens, not what answers there.",
-- ]
-- aliases = [
--   "VpcFlowLogsAdminPortTraffic kind=console",
--   "admin-port-traffic kind=admin",
--   "database-traffic kind=database action=accept",
--   "ssh-accepted-signal ports=22 action=accept",
-- ]
-- attack = ["T1021"]
-- requires = ["srcaddr", "dstaddr", "dstport", "action", "packets", "bytes"]
-- [params.kind]
-- type = "choice"
-- choices = ["any", "admin", "database", "console"]
-- default = "any"
-- doc = "log in and manage, databases and their like, or web consoles"
-- [params.ports]
-- type = "port_range"
-- many = true
-- doc = "destination ports, in place of those of a kind"
-- [params.sources]
-- type = "choice"
-- choices = ["any", "public", "private"]
-- default = "any"
-- doc = "only sources with public, or with private addresses"
-- [params.action]
-- type = "choice"
-- choices = ["any", "accept", "reject"]
-- default = "any"
-- doc = "only what was accepted, or only what was rejected"
-- [params.limit]
-- type = "int"
-- default = 50
-- min = 1
-- doc = "rows at the most"

SELECT
  dstport,
  port_name(dstport) AS service,
  srcaddr,
  dstaddr,
  is_private(srcaddr) AS from_private,
  count(*) AS flows,
  count_if(action = 'ACCEPT') AS accepted,
  coalesce(sum(packets), 0) AS packets,
  coalesce(sum(bytes), 0) AS bytes
FROM {{ table }}
WHERE {{ window }}
{% if ports %}
  AND in_ports(dstport, {{ ports }})
{% elif kind == "admin" %}
  AND in_ports(dstport, (
    '22-23', '135', '139', '445', '2375-2376', '3389', '5900-5901', '5985-5986', '6443', '10250'
  ))
{% elif kind == "database" %}
  AND in_ports(dstport, (
    '1433-1434', '1521', '2483-2484', '3306', '5432', '5439', '6379', '7000-7001', '8182', '9042',
    '9200', '11211', '27017-27019', '50000'
  ))
{% elif kind == "console" %}
  AND in_ports(dstport, ('8000', '8080', '8088', '8443', '8888', '9090'))
{% else %}
  AND in_ports(dstport, (
    '22-23', '135', '139', '445', '2375-2376', '3389', '5900-5901', '5985-5986', '6443', '10250',
    '1433-1434', '1521', '2483-2484', '3306', '5432', '5439', '6379', '7000-7001', '8182', '9042',
    '9200', '11211', '27017-27019', '50000',
    '8000', '8080', '8088', '8443', '8888', '9090'
  ))
{% endif %}
{% if sources == "public" %}
  AND NOT is_private(srcaddr)
{% endif %}
{% if sources == "private" %}
  AND is_private(srcaddr)
{% endif %}
{% if action == "accept" %}
  AND action = 'ACCEPT'
{% endif %}
{% if action == "reject" %}
  AND action = 'REJECT'
{% endif %}
GROUP BY dstport, srcaddr, dstaddr
ORDER BY bytes DESC, dstport, srcaddr, dstaddr
LIMIT {{ limit }}
