-- What two campaigns' calibrations say of the network that each engine made, over all links, directions and rounds.
-- A mean over links of the delays; loss and reordering of all probes together.
with per_engine as (
    select
        campaign, profile,
        sum(value) filter (where metric = 'probe_sent') as sent,
        sum(value) filter (where metric = 'probe_received') as received,
        avg(value) filter (where metric = 'owd_mean') as delay_ms,
        avg(value) filter (where metric = 'expected_delay') as expected_ms,
        avg(value) filter (where metric = 'owd_sd') as deviation_ms,
        avg(value) filter (where metric = 'expected_delay_sd') as expected_deviation_ms,
        avg(value) filter (where metric = 'expected_loss') as expected_loss,
        avg(value) filter (where metric = 'reordered') as reordered
    from calibration
    where t_s is null
    group by all
)
select
    campaign, profile, sent::bigint,
    100 * (1 - received / sent) as loss_percent, 100 * expected_loss as expected_loss_percent,
    delay_ms, expected_ms, deviation_ms, expected_deviation_ms, 100 * reordered as reordered_percent
from per_engine
order by profile, campaign;
