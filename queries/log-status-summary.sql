-- title = "How complete the logs are"
-- description = """
-- Records by log status. NODATA is an idle interface and normal; SKIPDATA means that AWS
-- left records out, so every other count is low."""
-- requires = ["log_status"]

SELECT
  log_status,
  count(*) AS records
FROM {{ table }}
WHERE {{ window }}
GROUP BY log_status
ORDER BY records DESC, log_status
