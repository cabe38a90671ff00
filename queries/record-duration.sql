-- title = "How long the records' intervals are"
-- group = "health"
-- description = """
-- Records by the seconds between their start and end. It shows whether a flow log aggregates over
-- one minute or ten, and whether clocks or columns are wrong."""
-- read = """
-- One row for each class of lengths. Many over 60 s mean an aggregation interval of 10 minutes;
-- over 600 s or start after end should be rare: else look whether the table's columns are right."""
-- caveats = [
--   "AWS's times may be off by a minute, so single records fall into a neighbouring class.",
--   "Interfaces on Nitro instances aggregate over a minute at the most, whatever was asked for.",
-- ]
-- requires = ["start", "end"]

WITH lengths AS (
  SELECT
    "end" - "start" AS seconds,
    CASE
      WHEN "end" < "start" THEN '1 start after end'
      WHEN "end" - "start" = 0 THEN '2 no time'
      WHEN "end" - "start" <= 60 THEN '3 up to 60 s'
      WHEN "end" - "start" <= 600 THEN '4 up to 600 s'
      WHEN "end" - "start" > 600 THEN '5 over 600 s'
      ELSE '6 unknown'
    END AS length
  FROM {{ table }}
  WHERE {{ window }}
)
SELECT
  length,
  count(*) AS records,
  min(seconds) AS shortest_seconds,
  max(seconds) AS longest_seconds,
  round(avg(CAST(seconds AS double)), 1) AS mean_seconds
FROM lengths
GROUP BY length
ORDER BY length
