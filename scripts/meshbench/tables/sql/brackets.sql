-- Brackets: the bare link before and after the cells of each round, of campaigns that ask for it (`bracket: true`).
-- Grain: campaign, round, profile, placement, benchmark, mode, direction, metric.
-- Columns:
--   n_links, n_of      links with a value on both sides, and those that were to have one
--   before_value, after_value, unit: medians over the links with both
--   ratio              after_value over before_value; null unless both are above zero
--   bound              how far the ratio may be from 1 either way (0.2: not above 1.2, not below 1 / 1.2); null of
--                      metrics that are not judged: judged are goodput and rtt_p50
--   moved              whether it is farther, of the sums over the directions; an RTT has also moved by more than
--                      0.1 ms then, as below that a sleeping CPU's waking is seen; null where not judged
--   status, reason     the worst of all links on both sides
--   before_end, after_start: when the last link before the cells had ended, of all the benchmarks measured there,
--                      and the first one after them began (UTC)
--   n_cells, n_between: of the round, profile and placement: cells, and those measured between these times
WITH sides AS (
    SELECT *, split_part(record, '/', 2) AS side
    FROM bracket_samples
    WHERE t_s IS NULL AND stream IS NULL AND source <> '*'
),
both_sides AS (
    SELECT
        campaign, round, profile, placement, benchmark, mode, direction, metric, source, target,
        any_value(unit) AS unit,
        max(value) FILTER (side = 'before' AND status = 'ok') AS before_value,
        max(value) FILTER (side = 'after' AND status = 'ok') AS after_value,
        worst_status(status) AS status,
        worst_reason(status, reason, side) AS reason
    FROM sides
    GROUP BY ALL
),
rounds AS (
    SELECT
        campaign, round, profile, placement, benchmark, mode, direction, metric,
        any_value(unit) AS unit,
        count(before_value + after_value) AS n_links,
        count(*) AS n_of,
        median(before_value) FILTER (after_value IS NOT NULL) AS before_value,
        median(after_value) FILTER (before_value IS NOT NULL) AS after_value,
        worst_status(status) AS status,
        worst_reason(status, reason, source || target) AS reason
    FROM both_sides
    GROUP BY ALL
),
compared AS (
    SELECT
        *,
        CASE WHEN before_value > 0 AND after_value > 0 THEN after_value / before_value END AS ratio,
        CASE WHEN metric IN ('goodput', 'rtt_p50') THEN 0.2::DOUBLE END AS bound
    FROM rounds
),
summed AS (
    SELECT
        *,
        count(ratio) OVER directions = count(*) OVER directions AS complete,
        sum(before_value) OVER directions AS before_sum,
        sum(after_value) OVER directions AS after_sum
    FROM compared
    WINDOW directions AS (
        PARTITION BY campaign, round, profile, placement, benchmark, mode, metric
    )
),
times AS (
    SELECT
        campaign, round, profile, placement,
        to_timestamp(
            max(epoch(started) + coalesce(duration_s, 0))
                FILTER (split_part(record, '/', 2) = 'before')
        ) AS before_end,
        min(started) FILTER (split_part(record, '/', 2) = 'after') AS after_start
    FROM bracket_links
    GROUP BY ALL
),
cells AS (
    SELECT
        campaign, round, profile, placement, vpn, tuning, benchmark,
        min(started) AS began,
        to_timestamp(max(epoch(started) + coalesce(duration_s, 0))) AS ended
    FROM links
    GROUP BY ALL
),
counted AS (
    SELECT
        campaign, round, profile, placement, before_end, after_start,
        count(began) AS n_cells,
        count(*) FILTER (began >= before_end AND ended <= after_start) AS n_between
    FROM times
    LEFT JOIN cells USING (campaign, round, profile, placement)
    GROUP BY ALL
)
SELECT
    campaign, round, profile, placement, benchmark, mode, direction, metric, unit,
    n_links, n_of, before_value, after_value, ratio, bound,
    CASE
        WHEN bound IS NOT NULL AND complete
            THEN greatest(after_sum / before_sum, before_sum / after_sum) > 1 + bound
                AND (unit <> 'ms' OR abs(after_sum - before_sum) > 0.1)
    END AS moved,
    status, reason, before_end, after_start, n_cells, n_between
FROM summed
JOIN counted USING (campaign, round, profile, placement)
ORDER BY campaign, round, profile, placement, benchmark, mode, direction, metric;
