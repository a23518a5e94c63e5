-- Cells: whether each one was measured, and what a reader must know about it.
-- needs: impairment, links
-- Grain: campaign, round, vpn, tuning, profile, placement, benchmark. What an imported run says of its
-- own times and settings is no cell.
-- Columns:
--   n_links, n_ok      links of the record, and those with status ok
--   status, reason     the worst of the links' (in the order of the macro statuses), and its own
--                      reason: that of the first link that has it
--   reasons            distinct reasons of all links, joined by '; ' (null: none)
--   record             the raw file below results/<campaign>/; the first one of an import's
--   attempts           the most that any link took
--   started            of the first link (UTC)
--   duration_s         over the links, times that they share once; null if one is unknown
--   measuring_s        of duration_s: inside the measuring tools; null if one is unknown
--   ready_s            of the slowest pair, from starting the VPN to its first reply
--   vpn_version, path, transport, engine, testbed: distinct, joined by ', '
--   kernel, cpu_model, congestion_control, qdisc, tool: the same, of the hosts and their programs
--   shared_cpu         whether the hosts share one machine's CPU
--   path_changed       whether a path changed while it was measured
--   marks              distinct, sorted
--   emulator_offered, emulator_lost: packets that the cell's emulators were offered, and that they lost
--                      on purpose, by their own counters; null where nothing was impaired
--   emulator_loss      achieved loss per direction: their share (0..1)
--   impairment_ok      whether every calibrated link of the same profile, placement and round was
--                      within tolerance; null when not calibrated or not decided
WITH calibrated AS (
    SELECT
        campaign, profile, placement, round,
        CASE
            WHEN bool_or(verdict = 'outside') THEN false
            WHEN bool_and(verdict = 'within') THEN true
        END AS impairment_ok
    FROM impairment
    GROUP BY ALL
),
cell_marks AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark,
        list_sort(list_distinct(flatten(list(marks)))) AS marks
    FROM links
    GROUP BY ALL
),
cells AS (
    SELECT
        campaign, round, vpn, tuning, profile, placement, benchmark,
        count(*) AS n_links,
        count(*) FILTER (status = 'ok') AS n_ok,
        worst_status(status) AS status,
        worst_reason(status, reason, source || target) AS reason,
        string_agg(DISTINCT reason, '; ' ORDER BY reason) AS reasons,
        max(attempts) AS attempts,
        min(started) AS started,
        CASE WHEN count(own_s) = count(*) THEN sum(own_s) END AS duration_s,
        CASE WHEN count(measuring_s) = count(*) THEN sum(own_measuring_s) END AS measuring_s,
        max(ready_s) AS ready_s,
        string_agg(DISTINCT vpn_version, ', ' ORDER BY vpn_version) AS vpn_version,
        string_agg(DISTINCT path, ', ' ORDER BY path) AS path,
        string_agg(DISTINCT transport, ', ' ORDER BY transport) AS transport,
        string_agg(DISTINCT engine, ', ' ORDER BY engine) AS engine,
        string_agg(DISTINCT testbed, ', ' ORDER BY testbed) AS testbed,
        string_agg(DISTINCT kernel, ', ' ORDER BY kernel) AS kernel,
        string_agg(DISTINCT cpu_model, ', ' ORDER BY cpu_model) AS cpu_model,
        string_agg(
            DISTINCT congestion_control, ', ' ORDER BY congestion_control
        ) AS congestion_control,
        string_agg(DISTINCT qdisc, ', ' ORDER BY qdisc) AS qdisc,
        string_agg(DISTINCT tool, ', ' ORDER BY tool) AS tool,
        -- Every link of a cell has the cell's counters.
        max(emulator_offered) AS emulator_offered,
        max(emulator_lost) AS emulator_lost,
        max(emulator_lost) / nullif(max(emulator_offered), 0) AS emulator_loss,
        bool_or(shared_cpu) AS shared_cpu,
        bool_or(path_changed) AS path_changed,
        min(record) AS record
    FROM links
    WHERE benchmark NOT IN ('timing', 'netem')
    GROUP BY ALL
)
SELECT cells.*, cell_marks.marks, calibrated.impairment_ok
FROM cells
JOIN cell_marks USING (campaign, round, vpn, tuning, profile, placement, benchmark)
LEFT JOIN calibrated USING (campaign, profile, placement, round)
ORDER BY campaign, round, vpn, tuning, profile, placement, benchmark;
