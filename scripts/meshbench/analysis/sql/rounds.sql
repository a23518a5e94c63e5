-- Rounds: each series in each round, the median over the links (or hosts) that have a value.
-- Grain: id, round.
-- Columns: low, high: of the median; *_unmarked: the same without values of marked cells; null: none
SELECT
    id, round,
    middle(list(low) FILTER (low IS NOT NULL)) AS low,
    middle(list(high) FILTER (high IS NOT NULL)) AS high,
    middle(list(low) FILTER (low IS NOT NULL AND NOT marked)) AS low_unmarked,
    middle(list(high) FILTER (high IS NOT NULL AND NOT marked)) AS high_unmarked
FROM points
GROUP BY id, round
ORDER BY id, round;
