-- What two campaigns' calibrations say of the network that each engine made, over all links, directions and rounds.
-- A mean over links of the delays; loss and reordering of all probes together. `own_ms` is the same campaign's delay
-- where none was asked for: the machine's.
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
    campaign, profile, sent::bigint as sent, (sent - received)::bigint as lost,
    lost / sent as loss, expected_loss, delay_ms,
    coalesce(max(delay_ms) filter (where expected_ms = 0) over (partition by campaign), 0) as own_ms,
    expected_ms, deviation_ms, expected_deviation_ms, reordered
from per_engine
order by profile, campaign;
