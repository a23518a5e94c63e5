-- Parallel: what TCP carried over all links at the same time, by each way of counting, and against one link
-- at a time.
-- needs: links, throughput
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark, mode, counted.
-- Columns:
--   counted            which flows: 'forward' (as in the thesis), 'reverse', or, of a run in both directions
--                      at the same time, 'all'
--   n_flows, n_planned: flows that have a value, and those of the links of this benchmark and round
--   streams            the most streams that any session says it has in a direction (1: one per flow)
--   sum_bps            of the flows' goodput (bit/s); null unless all of them have one
--   sum_sent_bps       the same of their send rates, which is what the thesis sums
--   single_bps         mean goodput of a flow over one link at a time (bit/s), of the benchmark 'tcp' (or 'tcp@x'
--                      beside 'tcp_parallel@x') in the same round, mode and counting; null unless each flow has one
--   factor             sum_bps / single_bps
--   allowed            the factor that counting allows where one flow fills what its hosts can send and
--                      receive: then each flow has an equal share of the busier end of its link
--   fairness           Jain's index over the flows' goodput (0..1); null unless all of them have one
--   start_spread_s     between the first and the last start of the sessions (s)
--   status, reason     the worst of the flows', with its link
--   marks, engine, shared_cpu, record: of the cell
WITH flows AS (
    SELECT
        throughput.* EXCLUDE (marks, engine, shared_cpu, record),
        regexp_extract(benchmark, '@.*$') AS variant,
        -- Flows of a mode that are not in both directions at once run after each other.
        CASE WHEN mode = 'bidir' THEN 'all' ELSE direction END AS at_once,
        CASE WHEN direction = 'forward' THEN source ELSE target END AS sender,
        CASE WHEN direction = 'forward' THEN target ELSE source END AS receiver,
        links.marks, links.engine, links.shared_cpu, links.record
    FROM throughput
    JOIN links USING (campaign, round, vpn, tuning, profile, placement, benchmark, source, target)
    WHERE coalesce(links.kind, benchmark) = 'tcp_parallel'
),
shared AS (
    SELECT *,
        1 / greatest(
            count(*) OVER (
                PARTITION BY campaign, round, vpn, tuning, profile, placement, benchmark, mode, at_once, sender
            ),
            count(*) OVER (
                PARTITION BY campaign, round, vpn, tuning, profile, placement, benchmark, mode, at_once, receiver
            )
        ) AS share
    FROM flows
),
counted AS (
    SELECT direction AS counted, * FROM shared
    UNION ALL BY NAME
    SELECT 'all' AS counted, * FROM shared WHERE mode = 'bidir'
),
one_at_a_time AS (
    SELECT *, regexp_extract(benchmark, '@.*$') AS variant
    FROM throughput WHERE benchmark = 'tcp' OR starts_with(benchmark, 'tcp@')
),
single AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, variant, mode, counted,
        CASE WHEN count(goodput_bps) = count(*) THEN avg(goodput_bps) END AS single_bps
    FROM (
        SELECT direction AS counted, * FROM one_at_a_time
        UNION ALL BY NAME
        SELECT 'all' AS counted, * FROM one_at_a_time WHERE mode = 'bidir'
    )
    GROUP BY ALL
),
said AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark,
        max(value) FILTER (metric = 'streams') AS streams,
        max(value) FILTER (metric = 'start_spread') AS start_spread_s
    FROM samples
    WHERE metric IN ('streams', 'start_spread') AND status = 'ok'
    GROUP BY ALL
),
sums AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark, variant, mode, counted,
        count(goodput_bps) AS n_flows, count(*) AS n_rows,
        sum(goodput_bps) AS goodput_bps, sum(send_rate_bps) AS send_rate_bps,
        sum(goodput_bps) ** 2 / nullif(count(*) * sum(goodput_bps ** 2), 0) AS fairness,
        sum(share) AS allowed,
        worst_status(status) AS status,
        worst_reason(status, source || '->' || target || ': ' || reason, source || target) AS reason,
        list_sort(list_distinct(flatten(list(marks)))) AS marks,
        any_value(engine) AS engine, any_value(shared_cpu) AS shared_cpu,
        min(record) AS record
    FROM counted
    GROUP BY ALL
),
planned AS (
    SELECT *,
        max(n_rows) OVER (PARTITION BY campaign, round, tuning, benchmark, mode, counted) AS n_planned
    FROM sums
),
complete AS (
    SELECT *, n_flows = n_planned AS complete FROM planned
)
SELECT
    campaign, round, vpn, tuning, profile, placement, benchmark, mode, counted,
    n_flows, n_planned, streams,
    CASE WHEN complete THEN goodput_bps END AS sum_bps,
    CASE WHEN complete THEN send_rate_bps END AS sum_sent_bps,
    single_bps,
    CASE WHEN complete THEN goodput_bps / nullif(single_bps, 0) END AS factor,
    allowed,
    CASE WHEN complete THEN fairness END AS fairness,
    start_spread_s,
    CASE WHEN n_rows < n_planned AND status = 'ok' THEN 'tool_failed' ELSE status END AS status,
    CASE
        WHEN n_rows < n_planned AND status = 'ok'
            THEN printf('%d of %d flows have no record', n_planned - n_rows, n_planned)
        ELSE reason
    END AS reason,
    marks, engine, shared_cpu, record
FROM complete
LEFT JOIN single USING (campaign, round, vpn, tuning, profile, placement, variant, mode, counted)
LEFT JOIN said USING (campaign, round, vpn, tuning, profile, placement, benchmark)
ORDER BY ALL;
