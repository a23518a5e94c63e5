-- Retransmits: what each TCP sender had to send again, of every benchmark that counts it.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction.
-- A link that gave no value has a row all the same, once for each mode and direction that the
-- campaign has elsewhere for its benchmark (once with both null where it has none).
-- Columns:
--   retransmits        segments sent again in the whole run, spurious ones included (count)
--   retransmit_rate    of the segments sent, estimated as sent_bytes / mss_bytes (share, 0..1)
--   mss_bytes, sent_bytes: of the sender (byte)
--   status, reason     of the value; 'tool_failed' where an ok link has none
--   marks, engine, shared_cpu: of the link
-- Values are null unless status is ok. Those of single streams are left out: the totals are the
-- rows without a stream.
WITH counted AS (
    SELECT * FROM samples
    WHERE
        metric IN ('retransmits', 'retransmit_rate', 'mss', 'sent')
        AND stream IS NULL AND t_s IS NULL
),
variants AS (
    SELECT DISTINCT campaign, benchmark, mode, direction FROM counted WHERE metric = 'retransmits'
),
wanted AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        variants.mode, variants.direction,
        links.status AS link_status, links.reason AS link_reason, marks, engine, shared_cpu
    FROM links
    LEFT JOIN variants USING (campaign, benchmark)
    -- Where nothing at all was measured, only the name tells what would have been.
    WHERE variants.direction IS NOT NULL OR starts_with(benchmark, 'tcp')
),
measured AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        mode, direction,
        max(value) FILTER (status = 'ok' AND metric = 'retransmits') AS retransmits,
        max(value) FILTER (status = 'ok' AND metric = 'retransmit_rate') AS retransmit_rate,
        max(value) FILTER (status = 'ok' AND metric = 'mss') AS mss_bytes,
        max(value) FILTER (status = 'ok' AND metric = 'sent') AS sent_bytes,
        min(status) FILTER (status <> 'ok') AS sample_status,
        min(reason) FILTER (status <> 'ok') AS sample_reason
    FROM counted
    GROUP BY ALL
)
SELECT
    wanted.campaign, wanted.round, wanted.vpn, wanted.tuning, wanted.profile, wanted.placement,
    wanted.benchmark, wanted.source, wanted.target, wanted.mode, wanted.direction,
    retransmits, retransmit_rate, mss_bytes, sent_bytes,
    CASE
        WHEN retransmits IS NOT NULL THEN 'ok'
        WHEN link_status <> 'ok' THEN link_status
        ELSE coalesce(sample_status, 'tool_failed')
    END AS status,
    CASE
        WHEN retransmits IS NOT NULL THEN NULL
        WHEN link_status <> 'ok' THEN link_reason
        WHEN sample_status IS NOT NULL THEN sample_reason
        ELSE 'the tool reported no retransmits'
    END AS reason,
    marks, engine, shared_cpu
FROM wanted
LEFT JOIN measured ON
    measured.campaign = wanted.campaign
    AND measured.round = wanted.round
    AND measured.vpn = wanted.vpn
    AND measured.tuning = wanted.tuning
    AND measured.profile = wanted.profile
    AND measured.placement = wanted.placement
    AND measured.benchmark = wanted.benchmark
    AND measured.source = wanted.source
    AND measured.target = wanted.target
    AND measured.mode IS NOT DISTINCT FROM wanted.mode
    AND measured.direction = wanted.direction
ORDER BY ALL;
