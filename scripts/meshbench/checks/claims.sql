-- Words for claims: scalar macros that give {value, n, of}: a number, over how many links or hosts,
-- of how many there should be. A number that is not there gives a null value, never zero.
--   v: system, p: profile, b: benchmark, m: metric; d: direction, t: tuning, s: source.
-- A macro is text: do not hand it a column called like one of the tables' (vpn), but an alias (system).

-- Values of links that ended well, means over the rounds.
CREATE TEMP TABLE per_link AS
SELECT vpn, tuning, profile, benchmark, metric, direction, source, target, avg(value) AS value
FROM whole WHERE status = 'ok' AND source <> '*' GROUP BY ALL;

-- The same of every run of a test that has several (the thesis averages these).
CREATE TEMP TABLE per_run AS
SELECT vpn, tuning, profile, benchmark, metric, direction, source, target, avg(value) AS value
FROM samples
WHERE status = 'ok' AND stream IS NOT NULL AND t_s IS NULL AND value IS NOT NULL
GROUP BY ALL;

CREATE TEMP MACRO links_of(b, t) AS (SELECT max(n_expected) FROM expected WHERE benchmark = b AND tuning = t);
CREATE TEMP MACRO answer(x, n, of) AS {'value': x::DOUBLE, 'n': n::BIGINT, 'of': of::BIGINT};

-- Over links: mean, sum, least, most; and of one link by its source.
CREATE TEMP MACRO mean(v, p, b, m, d := 'forward', t := 'stock') AS (
    SELECT answer(avg(value), count(*), links_of(b, t)) FROM per_link
    WHERE vpn = v AND profile = p AND benchmark = b AND metric = m AND direction = d AND tuning = t);
CREATE TEMP MACRO total(v, p, b, m, d := 'forward', t := 'stock') AS (
    SELECT answer(sum(value), count(*), links_of(b, t)) FROM per_link
    WHERE vpn = v AND profile = p AND benchmark = b AND metric = m AND direction = d AND tuning = t);
CREATE TEMP MACRO least_link(v, p, b, m, d := 'forward', t := 'stock') AS (
    SELECT answer(min(value), count(*), links_of(b, t)) FROM per_link
    WHERE vpn = v AND profile = p AND benchmark = b AND metric = m AND direction = d AND tuning = t);
CREATE TEMP MACRO most_link(v, p, b, m, d := 'forward', t := 'stock') AS (
    SELECT answer(max(value), count(*), links_of(b, t)) FROM per_link
    WHERE vpn = v AND profile = p AND benchmark = b AND metric = m AND direction = d AND tuning = t);
CREATE TEMP MACRO link(v, p, b, m, s, d := 'forward', t := 'stock') AS (
    SELECT answer(avg(value), 1, 1) FROM per_link
    WHERE vpn = v AND profile = p AND benchmark = b AND metric = m AND direction = d AND tuning = t AND source = s);
CREATE TEMP MACRO mean_of_runs(v, p, b, m, d := 'forward', t := 'stock') AS (
    SELECT answer(avg(value), count(*), links_of(b, t)) FROM per_run
    WHERE vpn = v AND profile = p AND benchmark = b AND metric = m AND direction = d AND tuning = t);

-- Over hosts: when the first peer answered (the thesis's reading of the connection checks).
CREATE TEMP MACRO first_peer(v, p, b, m, t := 'stock') AS (
    SELECT answer(avg(one), count(*), (SELECT count(DISTINCT source) FROM links WHERE benchmark = b AND tuning = t AND source <> '*'))
    FROM (SELECT source, min(value) AS one FROM per_link
        WHERE vpn = v AND profile = p AND benchmark = b AND metric = m AND tuning = t GROUP BY source));
CREATE TEMP MACRO first_peer_of(v, p, b, m, s, t := 'stock') AS (
    SELECT answer(min(value), 1, 1) FROM per_link
    WHERE vpn = v AND profile = p AND benchmark = b AND metric = m AND tuning = t AND source = s);

-- What belongs to no link: settings (the same for all systems) and the runner's time.
CREATE TEMP MACRO setting(p, m, t := 'stock') AS (
    SELECT answer(max(value), 1, 1) FROM whole WHERE source = '*' AND profile = p AND metric = m AND tuning = t);
CREATE TEMP MACRO all_systems(p, b, m, t := 'stock') AS (
    SELECT answer(sum(value), count(DISTINCT vpn), (SELECT count(DISTINCT vpn) FROM links WHERE tuning = t))
    FROM whole WHERE profile = p AND benchmark = b AND metric = m AND tuning = t);

-- Ratios, differences, scaled answers. An argument is named in a subquery, as a macro would repeat it.
-- The n of m of two answers is that of the less complete one.
CREATE TEMP MACRO scaled(a, k) AS (
    SELECT answer(one.value * k, one.n, one.of) FROM (SELECT a AS one));
CREATE TEMP MACRO less_one(a) AS (
    SELECT answer(one.value - 1, one.n, one.of) FROM (SELECT a AS one));
CREATE TEMP MACRO one_less(a) AS (
    SELECT answer(1 - one.value, one.n, one.of) FROM (SELECT a AS one));
CREATE TEMP MACRO weaker(x, one, other) AS
    CASE WHEN one.n * other.of <= other.n * one.of
        THEN answer(x, one.n, one.of) ELSE answer(x, other.n, other.of) END;
CREATE TEMP MACRO ratio(a, b) AS (
    SELECT weaker(one.value / other.value, one, other) FROM (SELECT a AS one, b AS other));
CREATE TEMP MACRO minus(a, b) AS (
    SELECT weaker(one.value - other.value, one, other) FROM (SELECT a AS one, b AS other));

-- Kinds of tests with at least one link that ended well, of those the system was given; in percent.
CREATE TEMP MACRO success_rate(v, p, t := 'stock') AS (
    SELECT answer(100.0 * count(DISTINCT benchmark) FILTER (status = 'ok') / count(DISTINCT benchmark), 1, 1)
    FROM links
    WHERE vpn = v AND profile = p AND tuning = t AND source <> '*'
        AND benchmark NOT IN ('bootstrap', 'reboot'));

-- Seconds of the suite over all systems at one profile, by what they went into.
CREATE TEMP MACRO tests_s(p) AS (
    SELECT sum(one) FROM (SELECT max(duration_s) AS one FROM links
        WHERE profile = p AND tuning = 'stock' AND source <> '*'
        GROUP BY vpn, benchmark, CASE WHEN benchmark LIKE '%parallel%' THEN '' ELSE source END));
CREATE TEMP MACRO spent_s(p, m) AS (
    SELECT sum(value) FROM whole WHERE profile = p AND tuning = 'stock' AND metric = m);
CREATE TEMP MACRO suite_s(p) AS (
    SELECT tests_s(p) + spent_s(p, 'installation_time') + spent_s(p, 'stabilisation_time')
        + spent_s(p, 'restart_time') + spent_s(p, 'connectivity_wait'));
