-- title = "How complete the logs are"
-- group = "health"
-- description = """
-- Records by log status. NODATA is an idle interface and normal; SKIPDATA means that AWS
-- left records out, so every other count is low."""
-- read = "One row for each status, the most frequent first."
-- caveats = ["One SKIPDATA record may stand for many flows: how many, nobody knows."]
-- requires = ["log_status"]

SELECT
  log_status,
  count(*) AS records
FROM {{ table }}
WHERE {{ window }}
GROUP BY log_status
ORDER BY records DESC, log_status
