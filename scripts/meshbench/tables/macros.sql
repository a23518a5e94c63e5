-- What every query may use: tables, rules and claims alike.

-- Statuses from the worst to the best, as `results.records.worst` orders them.
CREATE OR REPLACE TEMP MACRO statuses() AS
    ['failed', 'timeout', 'tool_failed', 'unsupported', 'unavailable', 'ok'];
-- The place of a status in that order, from 1.
CREATE OR REPLACE TEMP MACRO badness(status) AS list_position(statuses(), status);
-- Aggregates: the worst status of a group, and the reason of the first row that has it.
CREATE OR REPLACE TEMP MACRO worst_status(status) AS arg_min(status::VARCHAR, badness(status));
CREATE OR REPLACE TEMP MACRO worst_reason(status, reason, place) AS
    arg_min(reason, (badness(status), place)) FILTER (status <> 'ok');

-- Wilson's interval of a share k / n at the standard normal quantile z: side -1 its low end, 1 its high one
-- (E. B. Wilson, JASA 22, 1927). greatest() and least() pass over nulls, so they must not see one.
CREATE OR REPLACE TEMP MACRO wilson(k, n, z, side) AS CASE
    WHEN k >= 0 AND n > 0 THEN least(1, greatest(0,
        ((k / n) + z * z / (2 * n)
        + side * z * sqrt((k / n) * (1 - k / n) / n + z * z / (4 * n * n)))
        / (1 + z * z / n)
    ))
END;

-- Numbers in words: three digits that matter.
CREATE OR REPLACE TEMP MACRO plain(x) AS CASE
    WHEN x IS NULL THEN '-'
    WHEN abs(x) >= 100 THEN printf('%.0f', x)
    WHEN abs(x) >= 10 THEN printf('%.1f', x)
    WHEN abs(x) >= 1 THEN printf('%.2f', x)
    ELSE printf('%.3g', x)
END;
CREATE OR REPLACE TEMP MACRO mbit(x) AS plain(x / 1e6) || ' Mbit/s';
CREATE OR REPLACE TEMP MACRO percent(x) AS plain(100 * x) || ' %';
CREATE OR REPLACE TEMP MACRO told(x, unit) AS CASE unit
    WHEN 'bit/s' THEN plain(x / 1e6) || ' Mbit/s'
    WHEN '1' THEN plain(100 * x) || ' %'
    ELSE plain(x) || ' ' || unit
END;
