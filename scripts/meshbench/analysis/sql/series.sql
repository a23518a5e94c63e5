-- Series: what is known of each one beside its values.
-- Grain: id.
-- Columns:
--   n_rows, n_subjects       values there are or should be; links (or hosts) that have a row
--   n_valid, n_censored      of n_rows: values, and time-outs of which a bound is known
--   n_marked                 of these: values of marked cells
--   between_subjects         largest less smallest median over the rounds of a link (or host); null: one
--   troubles                 of the others: status, reason and how many
WITH subjects AS (
    SELECT id, subject, median(low) AS value
    FROM points
    WHERE low = high
    GROUP BY id, subject
),
spread AS (
    SELECT id, CASE WHEN count(*) > 1 THEN max(value) - min(value) END AS between_subjects
    FROM subjects
    GROUP BY id
),
counted AS (
    SELECT
        id, count(*) AS n_rows, count(DISTINCT subject) AS n_subjects,
        count(low) FILTER (NOT censored) AS n_valid,
        count(*) FILTER (censored) AS n_censored,
        count(low) FILTER (marked) AS n_marked
    FROM points
    GROUP BY id
),
reasons AS (
    SELECT id, status, coalesce(reason, '') AS reason, count(*) AS n
    FROM points
    WHERE low IS NULL OR censored
    GROUP BY ALL
),
listed AS (
    SELECT
        id,
        list({'status': status::VARCHAR, 'reason': reason, 'n': n} ORDER BY n DESC, status, reason)
            AS troubles
    FROM reasons
    GROUP BY id
)
SELECT
    series.*,
    coalesce(n_rows, 0) AS n_rows, coalesce(n_subjects, 0) AS n_subjects,
    coalesce(n_valid, 0) AS n_valid, coalesce(n_censored, 0) AS n_censored,
    coalesce(n_marked, 0) AS n_marked, between_subjects, coalesce(troubles, []) AS troubles
FROM series
LEFT JOIN counted USING (id)
LEFT JOIN spread USING (id)
LEFT JOIN listed USING (id)
ORDER BY id;
