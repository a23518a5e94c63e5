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
--                        null (ms); at baseline itself owd_mean_ms
--   delay_sd_ms, owd_p50_ms, owd_p99_ms: of the one-way delay (ms)
--   loss, reordered, duplicated: shares of the probes (0..1; reordered as in RFC 4737)
--   n_probes, n_received: count
--   n_planned            probes that were to be sent; forward only
--   tolerance_delay_ms, tolerance_loss: how far it may be off (ms; share)
--   loss_low, loss_high  99.9 % Wilson interval of this row's loss
--   pooled_loss, n_pooled, pooled_low, pooled_high: the same of the probes of all links, directions and
--                        rounds under the profile: what the loss is judged by; where the profile's links
--                        have losses of their own, of those with this row's
--   counted_loss, n_counted, counted_low, counted_high: the same of all packets that the emulators were
--                        offered under it, calibrations and cells, by their own counters; null where
--                        the profile's links have losses of their own
--   told_below, told_above: a loss below or above these would have been told from the expected one with
--                        that many probes or packets, whichever are more (shares)
--   delay_ok             whether |delay_ms - expected_delay_ms| <= tolerance_delay_ms; null at baseline on
--                        hosts of one's own, whose clocks and distance nothing is known of
--   loss_ok              false if an interval of the loss does not reach expected_loss ± tolerance_loss:
--                        this row's, the round's or the profile's, of the probes or of the counters;
--                        true if none does so, and a loss of half or double the expected one (but 0.1 %
--                        at least) would have been told; null, if it would not
--   nominal_rate_bps, rate_bps, tolerance_rate_bps: of the profile's bottleneck (bit/s); null where it
--                        has none
--   nominal_queue_ms, queue_ms, tolerance_queue_ms: how long a packet waits in its full queue
--   line_ok              whether rate and queue are within; null where there is no bottleneck
--   verdict              'within' if delay_ok and loss_ok are true and line_ok is not false, 'outside' if
--                        one is false, 'cannot tell' when delay_ok or loss_ok is null for want of probes
--                        or clocks, 'unknown' when a value is missing
--   why                  the verdict in words
--   status, reason, engine: of the calibration's link
-- 3.2905: the standard normal quantile of (1 + 0.999) / 2. Correlated losses tell as much as fewer
-- independent ones, by the factor of their variance.
CREATE OR REPLACE TEMP MACRO bound(k, n, variance, side) AS
    wilson(k / coalesce(variance, 1), n / coalesce(variance, 1), 3.2905, side);
-- Wilson's bounds of a share of 0 or 1 miss it by the last bit.
CREATE OR REPLACE TEMP MACRO misses(low, high, expected, tolerance) AS
    low > expected + tolerance + 1e-9 OR high < expected - tolerance - 1e-9;
CREATE OR REPLACE TEMP MACRO hundredths(share) AS printf('%.2f %%', 100.0 * share);
CREATE OR REPLACE TEMP MACRO thousands(n) AS format('{:,}', n::BIGINT);
WITH variants AS (
    SELECT DISTINCT campaign, direction FROM calibration_samples
),
wanted AS (
    SELECT
        campaign, profile, placement, round, source, target,
        coalesce(direction, 'forward') AS direction, status, reason, engine,
        coalesce(testbed, '') LIKE 'ssh:%' AS own_hosts
    FROM calibration_links
    LEFT JOIN variants USING (campaign)
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
        max(value) FILTER (metric = 'loss_variance') AS loss_variance,
        max(value) FILTER (metric = 'owd_mean') AS owd_mean_ms,
        max(value) FILTER (metric = 'owd_sd') AS delay_sd_ms,
        max(value) FILTER (metric = 'owd_p50') AS owd_p50_ms,
        max(value) FILTER (metric = 'owd_p99') AS owd_p99_ms,
        max(value) FILTER (metric = 'probe_loss') AS loss,
        max(value) FILTER (metric = 'reordered') AS reordered,
        max(value) FILTER (metric = 'duplicated') AS duplicated,
        max(value) FILTER (metric = 'probe_planned') AS planned,
        max(value) FILTER (metric = 'probe_sent') AS sent,
        max(value) FILTER (metric = 'probe_received') AS received,
        max(value) FILTER (metric = 'tolerance_delay') AS tolerance_delay_ms,
        max(value) FILTER (metric = 'tolerance_loss') AS tolerance_loss,
        max(value) FILTER (metric = 'nominal_rate') AS nominal_rate_bps,
        max(value) FILTER (metric = 'line_rate') AS rate_bps,
        max(value) FILTER (metric = 'tolerance_rate') AS tolerance_rate_bps,
        max(value) FILTER (metric = 'nominal_queue') AS nominal_queue_ms,
        max(value) FILTER (metric = 'queue_wait') AS queue_ms,
        max(value) FILTER (metric = 'tolerance_queue') AS tolerance_queue_ms
    FROM calibration_samples
    WHERE t_s IS NULL
    GROUP BY ALL
),
base AS (
    SELECT campaign, placement, round, source, target, direction, owd_mean_ms AS base_owd_ms
    FROM probed
    WHERE profile = 'baseline'
),
-- Every link of a cell has the cell's counters.
counted AS (
    SELECT
        campaign, profile, placement, round,
        max(emulator_offered) AS offered, max(emulator_lost) AS lost
    FROM (FROM links UNION ALL BY NAME FROM calibration_links)
    WHERE emulator_offered > 0
    GROUP BY campaign, profile, placement, round, vpn, tuning, benchmark
),
round_counters AS (
    SELECT
        campaign, profile, placement, round,
        sum(offered) AS round_offered, sum(lost) AS round_counted_lost
    FROM counted
    GROUP BY ALL
),
counters AS (
    SELECT
        campaign, profile, placement, sum(offered) AS n_counted, sum(lost) AS counted_lost
    FROM counted
    GROUP BY ALL
),
varied AS (
    SELECT
        campaign, profile, placement, max(expected_loss) > min(expected_loss) AS unequal_losses
    FROM probed
    GROUP BY ALL
),
alike AS (
    SELECT *, CASE WHEN unequal_losses THEN expected_loss END AS loss_class
    FROM wanted
    LEFT JOIN probed USING (campaign, profile, placement, round, source, target, direction)
    LEFT JOIN varied USING (campaign, profile, placement)
),
pooled AS (
    SELECT
        * REPLACE (
            CASE WHEN unequal_losses THEN NULL ELSE round_offered END AS round_offered,
            CASE WHEN unequal_losses THEN NULL ELSE round_counted_lost END AS round_counted_lost,
            CASE WHEN unequal_losses THEN NULL ELSE n_counted END AS n_counted,
            CASE WHEN unequal_losses THEN NULL ELSE counted_lost END AS counted_lost
        ),
        owd_mean_ms - CASE WHEN profile = 'baseline' THEN 0 ELSE coalesce(base_owd_ms, 0) END
            AS delay_ms,
        sum(sent) OVER profile_probes AS n_pooled,
        sum(sent - received) OVER profile_probes AS pooled_lost,
        sum(sent) OVER round_probes AS round_sent,
        sum(sent - received) OVER round_probes AS round_lost
    FROM alike
    LEFT JOIN base USING (campaign, placement, round, source, target, direction)
    LEFT JOIN round_counters USING (campaign, profile, placement, round)
    LEFT JOIN counters USING (campaign, profile, placement)
    WINDOW
        profile_probes AS (PARTITION BY campaign, profile, placement, loss_class),
        round_probes AS (PARTITION BY campaign, profile, placement, round, loss_class)
),
bounded AS (
    SELECT
        *,
        bound(sent - received, sent, loss_variance, -1) AS loss_low,
        bound(sent - received, sent, loss_variance, 1) AS loss_high,
        bound(round_lost, round_sent, loss_variance, -1) AS round_low,
        bound(round_lost, round_sent, loss_variance, 1) AS round_high,
        bound(round_counted_lost, round_offered, loss_variance, -1) AS round_counted_low,
        bound(round_counted_lost, round_offered, loss_variance, 1) AS round_counted_high,
        bound(pooled_lost, n_pooled, loss_variance, -1) AS pooled_low,
        bound(pooled_lost, n_pooled, loss_variance, 1) AS pooled_high,
        bound(counted_lost, n_counted, loss_variance, -1) AS counted_low,
        bound(counted_lost, n_counted, loss_variance, 1) AS counted_high,
        greatest(n_pooled, coalesce(n_counted, 0)) AS n_most,
        greatest(0, expected_loss - tolerance_loss) AS least_loss,
        expected_loss + tolerance_loss AS most_loss
    FROM pooled
),
judged AS (
    SELECT
        *,
        bound(least_loss * n_most, n_most, loss_variance, -1) AS told_below,
        bound(most_loss * n_most, n_most, loss_variance, 1) AS told_above,
        CASE
            WHEN profile = 'baseline' AND own_hosts THEN NULL
            ELSE abs(delay_ms - expected_delay_ms) <= tolerance_delay_ms
        END AS delay_ok,
        CASE
            WHEN expected_loss IS NULL OR tolerance_loss IS NULL OR sent IS NULL THEN NULL
            ELSE coalesce(misses(loss_low, loss_high, expected_loss, tolerance_loss), false)
                OR coalesce(misses(round_low, round_high, expected_loss, tolerance_loss), false)
                OR coalesce(misses(pooled_low, pooled_high, expected_loss, tolerance_loss), false)
                OR coalesce(
                    misses(round_counted_low, round_counted_high, expected_loss, tolerance_loss),
                    false
                )
                OR coalesce(misses(counted_low, counted_high, expected_loss, tolerance_loss), false)
        END AS loss_misses,
        CASE WHEN nominal_rate_bps IS NOT NULL THEN
            abs(rate_bps - nominal_rate_bps) <= tolerance_rate_bps
            AND abs(queue_ms - nominal_queue_ms) <= tolerance_queue_ms
        END AS line_ok
    FROM bounded
),
decided AS (
    SELECT
        *,
        CASE
            WHEN loss_misses THEN false
            WHEN NOT loss_misses
                AND told_below >= expected_loss - greatest(expected_loss / 2, 0.001)
                AND told_above <= expected_loss + greatest(expected_loss, 0.001) THEN true
        END AS loss_ok,
        owd_mean_ms IS NULL OR expected_delay_ms IS NULL OR tolerance_delay_ms IS NULL
            OR loss_misses IS NULL
            OR (nominal_rate_bps IS NOT NULL AND (rate_bps IS NULL OR queue_ms IS NULL)) AS incomplete
    FROM judged
)
SELECT
    campaign, profile, placement, round, source, target, direction,
    nominal_delay_ms, nominal_jitter_ms, nominal_loss, nominal_reorder,
    expected_delay_ms, expected_jitter_sd_ms, expected_loss,
    owd_mean_ms, base_owd_ms, delay_ms, delay_sd_ms, owd_p50_ms, owd_p99_ms,
    loss, reordered, duplicated,
    planned::BIGINT AS n_planned, sent::BIGINT AS n_probes, received::BIGINT AS n_received,
    tolerance_delay_ms, tolerance_loss, loss_low, loss_high,
    pooled_lost / nullif(n_pooled, 0) AS pooled_loss, n_pooled::BIGINT AS n_pooled,
    pooled_low, pooled_high,
    counted_lost / nullif(n_counted, 0) AS counted_loss, n_counted::BIGINT AS n_counted,
    counted_low, counted_high, told_below, told_above,
    nominal_rate_bps, rate_bps, tolerance_rate_bps,
    nominal_queue_ms, queue_ms, tolerance_queue_ms,
    delay_ok, loss_ok, line_ok,
    CASE
        WHEN NOT delay_ok OR NOT loss_ok OR NOT line_ok THEN 'outside'
        WHEN incomplete THEN 'unknown'
        WHEN delay_ok AND loss_ok THEN 'within'
        ELSE 'cannot tell'
    END AS verdict,
    CASE
        WHEN NOT delay_ok OR NOT loss_ok OR NOT line_ok OR NOT incomplete THEN concat_ws(
            '; ',
            CASE
                WHEN delay_ok AND NOT (loss_ok AND coalesce(line_ok, true)) THEN NULL
                WHEN profile = 'baseline' AND own_hosts
                    THEN 'nothing to judge the delay of these hosts by'
                ELSE printf(
                    'delay %.2f ms, expected %.2f ± %.2f ms', delay_ms, expected_delay_ms,
                    tolerance_delay_ms
                )
            END,
            CASE WHEN loss_ok AND NOT (delay_ok AND coalesce(line_ok, true)) THEN NULL ELSE concat(
                'loss ', hundredths(loss), ' of ', thousands(sent), '; of all ',
                thousands(n_pooled), ' probes ', hundredths(pooled_lost / n_pooled),
                CASE WHEN n_counted > 0 THEN concat(
                    ', of ', thousands(n_counted), ' packets counted by the emulators ',
                    hundredths(counted_lost / n_counted)
                ) END,
                ', expected ', hundredths(expected_loss), ' ± ', hundredths(tolerance_loss),
                '; told from it: ',
                CASE WHEN told_below > 0
                    THEN concat('less than ', hundredths(told_below), ' or ')
                END,
                'more than ', hundredths(told_above)
            ) END,
            CASE WHEN nominal_rate_bps IS NOT NULL THEN printf(
                'bottleneck %.3g Mbit/s, expected %.3g ± %.2g; full queue %.0f ms, expected %.0f ± %.0f ms',
                rate_bps / 1e6, nominal_rate_bps / 1e6, tolerance_rate_bps / 1e6,
                queue_ms, nominal_queue_ms, tolerance_queue_ms
            ) END,
            CASE WHEN sent < 0.9 * planned
                THEN concat('irtt sent ', thousands(sent), ' of ', thousands(planned), ' probes')
            END
        )
        WHEN status <> 'ok' THEN concat_ws(': ', status, reason)
        ELSE 'no complete calibration'
    END AS why,
    status, reason, engine
FROM decided
ORDER BY campaign, profile, placement, round, source, target, direction;
