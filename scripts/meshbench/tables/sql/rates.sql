-- Rates: how often a system did what a benchmark asked of it.
-- needs: links
-- Grain: campaign, vpn, tuning, profile, placement, benchmark; over all rounds.
-- Columns:
--   n_links            links with a record, without those that were unavailable
--   n_ok, rate, rate_low, rate_high: of these, those with status ok; their share with its 95 % Wilson
--                      interval (E. B. Wilson, JASA 22, 1927), null without a link
--   n_cells, n_cells_ok, cell_rate, cell_rate_low, cell_rate_high: the same of cells, ok if all links are.
--                      Links of a cell share hosts, so the interval of cells is the one to quote
--   n_failed, n_timeout, n_tool_failed, n_unsupported, n_unavailable: links by status
--   n_marked           of n_links: of marked cells
--   reasons            distinct reasons, joined by '; '
-- 1.959964: the standard normal quantile of (1 + 0.95) / 2.
WITH counted AS (
    SELECT
        campaign, vpn, tuning, profile, placement, benchmark,
        count(*) FILTER (status <> 'unavailable') AS n_links,
        count(*) FILTER (status = 'ok') AS n_ok,
        count(*) FILTER (status = 'failed') AS n_failed,
        count(*) FILTER (status = 'timeout') AS n_timeout,
        count(*) FILTER (status = 'tool_failed') AS n_tool_failed,
        count(*) FILTER (status = 'unsupported') AS n_unsupported,
        count(*) FILTER (status = 'unavailable') AS n_unavailable,
        count(*) FILTER (status <> 'unavailable' AND len(marks) > 0) AS n_marked,
        string_agg(DISTINCT reason, '; ' ORDER BY reason) AS reasons
    FROM links
    WHERE source <> '*' AND benchmark NOT IN ('timing', 'netem')
    GROUP BY ALL
),
each_cell AS (
    SELECT
        campaign, vpn, tuning, profile, placement, benchmark, round,
        bool_and(status = 'ok') AS whole
    FROM links
    WHERE status <> 'unavailable' AND source <> '*' AND benchmark NOT IN ('timing', 'netem')
    GROUP BY ALL
),
cells AS (
    SELECT
        campaign, vpn, tuning, profile, placement, benchmark,
        count(*) AS n_cells, count(*) FILTER (whole) AS n_cells_ok
    FROM each_cell
    GROUP BY ALL
)
SELECT
    campaign, vpn, tuning, profile, placement, benchmark,
    n_links, n_ok, n_ok / nullif(n_links, 0) AS rate,
    wilson(n_ok, n_links, 1.959964, -1)::DOUBLE AS rate_low,
    wilson(n_ok, n_links, 1.959964, 1)::DOUBLE AS rate_high,
    coalesce(n_cells, 0) AS n_cells, coalesce(n_cells_ok, 0) AS n_cells_ok,
    n_cells_ok / nullif(n_cells, 0) AS cell_rate,
    wilson(n_cells_ok, n_cells, 1.959964, -1)::DOUBLE AS cell_rate_low,
    wilson(n_cells_ok, n_cells, 1.959964, 1)::DOUBLE AS cell_rate_high,
    n_failed, n_timeout, n_tool_failed, n_unsupported, n_unavailable, n_marked, reasons
FROM counted
LEFT JOIN cells USING (campaign, vpn, tuning, profile, placement, benchmark)
ORDER BY campaign, vpn, tuning, profile, placement, benchmark;
