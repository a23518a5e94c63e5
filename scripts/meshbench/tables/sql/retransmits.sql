-- Retransmits: what each TCP sender had to send again, of every benchmark that counts it.
-- needs: links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction.
-- A link that gave no value has a row all the same.
-- Columns:
--   retransmits        segments sent again in the whole run, spurious ones included (count)
--   retransmit_rate    of the segments sent, estimated as sent_bytes / mss_bytes (share, 0..1)
--   mss_bytes, sent_bytes: of the sender (byte)
--   status, reason     of the retransmits; their values are null unless status is ok
--   marks, engine, shared_cpu, record: of the link
-- Those of single streams are left out: the totals are the rows without a stream.
WITH counted AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, source, target,
        mode, direction,
        max(value) FILTER (status = 'ok' AND metric = 'retransmits') AS retransmits,
        max(value) FILTER (status = 'ok' AND metric = 'retransmit_rate') AS retransmit_rate,
        max(value) FILTER (status = 'ok' AND metric = 'mss') AS mss_bytes,
        max(value) FILTER (status = 'ok' AND metric = 'sent') AS sent_bytes,
        any_value(status) FILTER (metric = 'retransmits') AS status,
        any_value(reason) FILTER (metric = 'retransmits') AS reason
    FROM samples
    WHERE
        metric IN ('retransmits', 'retransmit_rate', 'mss', 'sent')
        AND stream IS NULL AND t_s IS NULL
    GROUP BY ALL
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, source, target, mode, direction,
    retransmits, retransmit_rate, mss_bytes, sent_bytes,
    counted.status, counted.reason, marks, engine, shared_cpu, links.record
FROM counted
JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
WHERE counted.status IS NOT NULL
ORDER BY ALL;
