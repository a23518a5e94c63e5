-- Impairment: what the network really did to packets, against what was asked of it.
-- Grain: campaign, profile, placement, round, source, target, direction; of the calibrations only.
-- Columns:
--   nominal_delay_ms, nominal_jitter_ms, nominal_loss, nominal_reorder: as the profile says
--                        (ms; shares 0..1)
--   expected_delay_ms, expected_jitter_sd_ms, expected_loss: what that comes to, given how the
--                        emulator draws its delays (ms: mean and standard deviation; share)
--   owd_mean_ms          one-way delay, mean over the probes (ms)
--   base_owd_ms          the same of the profile 'baseline' in the same round; null: not measured
--   delay_ms             added delay: owd_mean_ms - base_owd_ms, or owd_mean_ms where the latter is
--                        null (ms); so 0 at baseline itself
--   delay_sd_ms, owd_p50_ms, owd_p99_ms: of the one-way delay (ms)
--   loss, reordered, duplicated: shares of the probes (0..1; reordered as in RFC 4737)
--   n_probes, n_received count
--   tolerance_delay_ms, tolerance_loss: how far it may be off (ms; share)
--   loss_low, loss_high  99.9 % Wilson interval of the loss
--   delay_ok             whether |delay_ms - expected_delay_ms| <= tolerance_delay_ms
--   loss_ok              whether expected_loss is in [loss_low, loss_high] widened by tolerance_loss
--   verdict              'within' if both are true, 'outside' if one is false,
--                        'unknown' when a value for it is missing
--   why                  the verdict in words
--   status, reason, engine: of the calibration's link
CREATE OR REPLACE TEMP MACRO wilson(k, n, z, side) AS CASE
    -- greatest() and least() pass over nulls, so they must not see one.
    WHEN k >= 0 AND n > 0 THEN least(1, greatest(0,
        ((k / n) + z * z / (2 * n)
        + side * z * sqrt((k / n) * (1 - k / n) / n + z * z / (4 * n * n)))
        / (1 + z * z / n)
    ))
END;
CREATE OR REPLACE TEMP MACRO percent(share) AS printf('%.2f %%', 100.0 * share);
WITH variants AS (
    SELECT DISTINCT campaign, direction FROM samples WHERE benchmark = 'calibration'
),
wanted AS (
    SELECT
        campaign, profile, placement, round, source, target,
        coalesce(direction, 'forward') AS direction, links.status, links.reason, engine
    FROM links
    LEFT JOIN variants USING (campaign)
    WHERE benchmark = 'calibration'
),
probed AS (
    SELECT
        campaign, profile, placement, round, source, target, direction,
        max(value) FILTER (metric = 'nominal_delay') AS nominal_delay_ms,
        max(value) FILTER (metric = 'nominal_jitter') AS nominal_jitter_ms,
        max(value) FILTER (metric = 'nominal_loss') AS nominal_loss,
        max(value) FILTER (metric = 'nominal_reorder') AS nominal_reorder,
        max(value) FILTER (metric = 'expected_delay') AS expected_delay_ms,
        max(value) FILTER (metric = 'expected_delay_sd') AS expected_jitter_sd_ms,
        max(value) FILTER (metric = 'expected_loss') AS expected_loss,
        max(value) FILTER (metric = 'owd_mean') AS owd_mean_ms,
        max(value) FILTER (metric = 'owd_sd') AS delay_sd_ms,
        max(value) FILTER (metric = 'owd_p50') AS owd_p50_ms,
        max(value) FILTER (metric = 'owd_p99') AS owd_p99_ms,
        max(value) FILTER (metric = 'probe_loss') AS loss,
        max(value) FILTER (metric = 'reordered') AS reordered,
        max(value) FILTER (metric = 'duplicated') AS duplicated,
        max(value) FILTER (metric = 'probe_sent') AS sent,
        max(value) FILTER (metric = 'probe_received') AS received,
        max(value) FILTER (metric = 'tolerance_delay') AS tolerance_delay_ms,
        max(value) FILTER (metric = 'tolerance_loss') AS tolerance_loss
    FROM samples
    WHERE benchmark = 'calibration' AND t_s IS NULL
    GROUP BY ALL
),
base AS (
    SELECT campaign, placement, round, source, target, direction, owd_mean_ms AS base_owd_ms
    FROM probed
    WHERE profile = 'baseline'
),
achieved AS (
    SELECT
        *,
        owd_mean_ms - coalesce(base_owd_ms, 0) AS delay_ms,
        -- 3.2905: the standard normal quantile of (1 + 0.999) / 2
        wilson(sent - received, sent, 3.2905, -1) AS loss_low,
        wilson(sent - received, sent, 3.2905, 1) AS loss_high
    FROM wanted
    LEFT JOIN probed USING (campaign, profile, placement, round, source, target, direction)
    LEFT JOIN base USING (campaign, placement, round, source, target, direction)
),
judged AS (
    SELECT
        *,
        abs(delay_ms - expected_delay_ms) <= tolerance_delay_ms AS delay_ok,
        -- Wilson's bounds of a share of 0 or 1 miss it by the last bit.
        expected_loss BETWEEN loss_low - tolerance_loss - 1e-9
            AND loss_high + tolerance_loss + 1e-9 AS loss_ok
    FROM achieved
)
SELECT
    campaign, profile, placement, round, source, target, direction,
    nominal_delay_ms, nominal_jitter_ms, nominal_loss, nominal_reorder,
    expected_delay_ms, expected_jitter_sd_ms, expected_loss,
    owd_mean_ms, base_owd_ms, delay_ms, delay_sd_ms, owd_p50_ms, owd_p99_ms,
    loss, reordered, duplicated,
    sent::BIGINT AS n_probes, received::BIGINT AS n_received,
    tolerance_delay_ms, tolerance_loss, loss_low, loss_high, delay_ok, loss_ok,
    CASE
        WHEN NOT delay_ok OR NOT loss_ok THEN 'outside'
        WHEN delay_ok AND loss_ok THEN 'within'
        ELSE 'unknown'
    END AS verdict,
    CASE
        WHEN NOT delay_ok OR NOT loss_ok OR (delay_ok AND loss_ok) THEN concat_ws(
            '; ',
            CASE WHEN delay_ok AND NOT loss_ok THEN NULL ELSE printf(
                'delay %.2f ms, expected %.2f ± %.2f ms', delay_ms, expected_delay_ms,
                tolerance_delay_ms
            ) END,
            CASE WHEN loss_ok AND NOT delay_ok THEN NULL ELSE concat(
                'loss ', percent(loss), ' of ', sent::BIGINT, ', expected ',
                percent(expected_loss), ' ± ', percent(tolerance_loss)
            ) END
        )
        WHEN status <> 'ok' THEN concat_ws(': ', status, reason)
        ELSE 'no complete calibration'
    END AS why,
    status, reason, engine
FROM judged
ORDER BY campaign, profile, placement, round, source, target, direction;
