#include "stats.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "fate.h"

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text->start + text->used, text->room - text->used, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= text->room - text->used)
        text->full = true;
    else
        text->used += (size_t)length;
}

void text_add_json_string(struct text *text, const char *value)
{
    text_add(text, "\"");
    for (; *value; value++) {
        unsigned char byte = (unsigned char)*value;

        if (byte == '"' || byte == '\\')
            text_add(text, "\\%c", byte);
        else if (byte < 0x20 || byte >= 0x7f)
            text_add(text, "\\u%04x", byte);
        else
            text_add(text, "%c", byte);
    }
    text_add(text, "\"");
}

static void add_chance(struct text *text, const char *name, const struct chance *chance)
{
    text_add(text, "\"%s\":{\"percent\":%.10g,\"correlation\":%.10g},", name, chance->percent,
             chance->correlation);
}

void add_impairment(struct text *text, const struct impairment *impairment)
{
    text_add(text, "{\"delay_us\":%" PRIu64 ",\"jitter_us\":%" PRIu64 ",", impairment->delay_us,
             impairment->jitter_us);
    text_add(text, "\"mean_delay_us\":%.3f,", (double)mean_delay_ns(impairment) / 1e3);
    add_chance(text, "loss", &impairment->loss);
    add_chance(text, "duplicate", &impairment->duplicate);
    add_chance(text, "reorder", &impairment->reorder);
    text_add(text, "\"gap\":%" PRIu32 ",\"gemodel\":", impairment->gap);
    if (impairment->gemodel)
        text_add(text, "[%.10g,%.10g,%.10g,%.10g]", impairment->gemodel_percent[0],
                 impairment->gemodel_percent[1], impairment->gemodel_percent[2],
                 impairment->gemodel_percent[3]);
    else
        text_add(text, "null");
    text_add(text, ",\"keep_order\":%s,\"queue_bytes\":%" PRIu64 ",\"queue_packets\":%" PRIu32,
             impairment->keep_order ? "true" : "false", impairment->queue_bytes,
             impairment->queue_packets);
    text_add(text, ",\"rate_bps\":%" PRIu64 ",\"limit\":%" PRIu32 ",\"seed\":%" PRIu64 "}",
             impairment->rate_bps, impairment->limit, impairment->seed);
}

void add_counters(struct text *text, const struct counters *counters)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"received", counters->received},
        {"received_bytes", counters->received_bytes},
        {"forwarded", counters->forwarded},
        {"bytes", counters->bytes},
        {"exempt", counters->exempt},
        {"lost", counters->lost},
        {"duplicated", counters->duplicated},
        {"replicated", counters->replicated},
        {"reordered", counters->reordered},
        {"tail_drop", counters->tail_drop},
        {"queue_drop", counters->queue_drop},
        {"oversize", counters->oversize},
        {"checksum_not_ready", counters->checksum_not_ready},
        {"unroutable", counters->unroutable},
        {"kernel_drop", counters->kernel_drop},
        {"device_drop", counters->device_drop},
        {"send_error", counters->send_error},
        {"link_error", counters->link_error},
        {"queue_peak", counters->queue_peak},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        text_add(text, "\"%s\":%" PRIu64 ",", rows[i].name, rows[i].value);

    double mean = counters->forwarded
                      ? counters->lateness_sum_ns / (double)counters->forwarded / 1e3
                      : 0.0;

    text_add(text, "\"lateness_us\":{\"mean\":%.3f,\"max\":%.3f,\"over_1ms\":%" PRIu64 "}", mean,
             (double)counters->lateness_max_ns / 1e3, counters->late_over_1ms);
}

void count_lateness(struct counters *counters, uint64_t late_ns)
{
    counters->lateness_sum_ns += (double)late_ns;
    if (late_ns > counters->lateness_max_ns)
        counters->lateness_max_ns = late_ns;
    if (late_ns > 1000000)
        counters->late_over_1ms++;
}
