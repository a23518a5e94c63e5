#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char options_usage[] =
    "linkem --in IF [--in IF ...] --out IF=MAC [--out IF=MAC ...] --seed N\n"
    "       [--delay-us N] [--jitter-us N] [--loss PCT[,CORR] | --gemodel P,R,1-H,1-K]\n"
    "       [--duplicate PCT[,CORR]] [--reorder PCT[,CORR]] [--gap N] [--keep-order]\n"
    "       [--rate-bps N [--queue-bytes N | --queue-packets N]]\n"
    "       [--limit PACKETS] [--control PATH] [--dead-man SECONDS] [--netns PATH]\n"
    "       [--priority 0..99]\n"
    "linkem --simulate PACKETS --seed N [impairment]    print the fate of each packet as CSV\n"
    "linkem --stats PATH                                ask a running linkem for its counters\n"
    "linkem --send PATH 'set --delay-us 6000 ...'       or 'reset', 'stats'\n";

enum code {
    IN = 256,
    OUT,
    DELAY,
    JITTER,
    LOSS,
    GEMODEL,
    DUPLICATE,
    REORDER,
    GAP,
    RATE,
    QUEUE_BYTES,
    QUEUE_PACKETS,
    KEEP_ORDER,
    LIMIT,
    SEED,
    LAST_IMPAIRMENT = SEED,
    CONTROL,
    NETNS,
    DEAD_MAN,
    PRIORITY,
    SIMULATE,
    STATS,
    SEND,
    HELP
};

static const struct option long_options[] = {
    {"in", required_argument, NULL, IN},
    {"out", required_argument, NULL, OUT},
    {"delay-us", required_argument, NULL, DELAY},
    {"jitter-us", required_argument, NULL, JITTER},
    {"loss", required_argument, NULL, LOSS},
    {"gemodel", required_argument, NULL, GEMODEL},
    {"duplicate", required_argument, NULL, DUPLICATE},
    {"reorder", required_argument, NULL, REORDER},
    {"gap", required_argument, NULL, GAP},
    {"rate-bps", required_argument, NULL, RATE},
    {"queue-bytes", required_argument, NULL, QUEUE_BYTES},
    {"queue-packets", required_argument, NULL, QUEUE_PACKETS},
    {"keep-order", no_argument, NULL, KEEP_ORDER},
    {"limit", required_argument, NULL, LIMIT},
    {"seed", required_argument, NULL, SEED},
    {"control", required_argument, NULL, CONTROL},
    {"netns", required_argument, NULL, NETNS},
    {"dead-man", required_argument, NULL, DEAD_MAN},
    {"priority", required_argument, NULL, PRIORITY},
    {"simulate", required_argument, NULL, SIMULATE},
    {"stats", required_argument, NULL, STATS},
    {"send", required_argument, NULL, SEND},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static bool complain(struct complaint *complaint, const char *option, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

static bool complain(struct complaint *complaint, const char *option, const char *reason, ...)
{
    va_list arguments;

    snprintf(complaint->option, sizeof complaint->option, "%.39s", option);
    va_start(arguments, reason);
    vsnprintf(complaint->reason, sizeof complaint->reason, reason, arguments);
    va_end(arguments);
    return false;
}

static bool is_plain_number(const char *text, const char *allowed)
{
    return *text != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool parse_whole(const char *option, const char *text, uint64_t low, uint64_t high,
                        uint64_t *value, struct complaint *complaint)
{
    errno = 0;
    if (is_plain_number(text, "0123456789")) {
        *value = strtoull(text, NULL, 10);
        if (errno == 0 && *value >= low && *value <= high)
            return true;
    }
    return complain(complaint, option, "'%.40s' is not allowed: a whole number from %llu to %llu",
                    text, (unsigned long long)low, (unsigned long long)high);
}

static bool parse_percent(const char *text, double *value)
{
    char *end;

    if (!is_plain_number(text, "0123456789."))
        return false;
    *value = strtod(text, &end);
    return *end == '\0' && end != text && *value >= 0.0 && *value <= 100.0;
}

/* Comma separated percentages; returns how many, or 0 when anything is wrong. */
static int parse_percents(const char *text, double *values, int most)
{
    char copy[128];
    char *rest = copy;
    char *part;
    int count = 0;

    if (strlen(text) >= sizeof copy)
        return 0;
    memcpy(copy, text, strlen(text) + 1);
    while ((part = strsep(&rest, ",")) != NULL)
        if (count == most || !parse_percent(part, &values[count++]))
            return 0;
    return count;
}

static bool parse_chance(const char *option, const char *text, struct chance *chance,
                         struct complaint *complaint)
{
    double values[2] = {0.0, 0.0};

    if (parse_percents(text, values, 2) == 0)
        return complain(complaint, option,
                        "'%.40s' is not allowed: PERCENT or PERCENT,CORRELATION, both from 0 to 100",
                        text);
    chance->percent = values[0];
    chance->correlation = values[1];
    return true;
}

static bool parse_gemodel(const char *text, struct impairment *impairment,
                          struct complaint *complaint)
{
    double values[4] = {0.0, 0.0, 100.0, 0.0}; /* tc's defaults for 1-h and 1-k */
    int count = parse_percents(text, values, 4);

    if (count == 0)
        return complain(complaint, "--gemodel",
                        "'%.40s' is not allowed: P[,R[,1-H[,1-K]]], percentages from 0 to 100",
                        text);
    if (count == 1)
        values[1] = 100.0 - values[0];
    impairment->gemodel = true;
    memcpy(impairment->gemodel_percent, values, sizeof values);
    return true;
}

static bool parse_interface(const char *option, const char *name, size_t length, char *interface,
                            struct complaint *complaint)
{
    if (length == 0 || length >= IFNAMSIZ)
        return complain(complaint, option,
                        "'%.40s' is not allowed: an interface name has 1 to %d characters", name,
                        IFNAMSIZ - 1);
    memcpy(interface, name, length);
    interface[length] = '\0';
    return true;
}

static bool parse_mac(const char *text, uint8_t *mac)
{
    if (strlen(text) != 17)
        return false;
    for (int i = 0; i < 17; i++)
        if (i % 3 == 2 ? text[i] != ':' : strchr("0123456789abcdefABCDEF", text[i]) == NULL)
            return false;
    for (int i = 0; i < 6; i++)
        mac[i] = (uint8_t)strtoul(text + 3 * i, NULL, 16);
    return true;
}

static bool parse_in(const char *text, struct options *options, struct complaint *complaint)
{
    if (options->in_count == PORTS_MAX)
        return complain(complaint, "--in", "at most %d", PORTS_MAX);
    if (!parse_interface("--in", text, strlen(text), options->in[options->in_count], complaint))
        return false;
    for (int i = 0; i < options->in_count; i++)
        if (strcmp(options->in[i], text) == 0)
            return complain(complaint, "--in", "'%.15s' is given twice", text);
    options->in_count++;
    return true;
}

static bool parse_out(const char *text, struct options *options, struct complaint *complaint)
{
    const char *equals = strrchr(text, '=');

    if (options->out_count == PORTS_MAX)
        return complain(complaint, "--out", "at most %d", PORTS_MAX);

    struct destination *out = &options->out[options->out_count];

    if (equals == NULL || !parse_mac(equals + 1, out->mac) || (out->mac[0] & 1) != 0)
        return complain(complaint, "--out",
                        "'%.60s' is not allowed: INTERFACE=MAC with a unicast address such as "
                        "02:00:00:00:00:01",
                        text);
    if (!parse_interface("--out", text, (size_t)(equals - text), out->interface, complaint))
        return false;
    for (int i = 0; i < options->out_count; i++)
        if (memcmp(options->out[i].mac, out->mac, 6) == 0)
            return complain(complaint, "--out", "the address '%.17s' is given twice", equals + 1);
    options->out_count++;
    return true;
}

static bool parse_seconds(const char *option, const char *text, double *seconds,
                          struct complaint *complaint)
{
    char *end;

    if (is_plain_number(text, "0123456789.")) {
        *seconds = strtod(text, &end);
        if (*end == '\0' && end != text && *seconds > 0.0 && *seconds <= 1e6)
            return true;
    }
    return complain(complaint, option, "'%.40s' is not allowed: seconds above 0, up to 1000000",
                    text);
}

static bool parse_one(int code, const char *text, struct options *options,
                      struct complaint *complaint)
{
    struct impairment *impairment = &options->impairment;
    uint64_t number;

    switch (code) {
    case IN:
        return parse_in(text, options, complaint);
    case OUT:
        return parse_out(text, options, complaint);
    case DELAY:
        return parse_whole("--delay-us", text, 0, DELAY_MAX_US, &impairment->delay_us, complaint);
    case JITTER:
        return parse_whole("--jitter-us", text, 0, JITTER_MAX_US, &impairment->jitter_us,
                           complaint);
    case LOSS:
        return parse_chance("--loss", text, &impairment->loss, complaint);
    case GEMODEL:
        return parse_gemodel(text, impairment, complaint);
    case DUPLICATE:
        return parse_chance("--duplicate", text, &impairment->duplicate, complaint);
    case REORDER:
        return parse_chance("--reorder", text, &impairment->reorder, complaint);
    case GAP:
        if (!parse_whole("--gap", text, 0, UINT32_MAX, &number, complaint))
            return false;
        impairment->gap = (uint32_t)number;
        return true;
    case RATE:
        if (!parse_whole("--rate-bps", text, 0, 1000000000000u, &impairment->rate_bps, complaint))
            return false;
        if (impairment->rate_bps != 0 && impairment->rate_bps < RATE_MIN_BPS)
            return complain(complaint, "--rate-bps", "0 (unlimited) or at least %u", RATE_MIN_BPS);
        return true;
    case QUEUE_BYTES:
        return parse_whole("--queue-bytes", text, 1, QUEUE_BYTES_MAX, &impairment->queue_bytes,
                           complaint);
    case QUEUE_PACKETS:
        if (!parse_whole("--queue-packets", text, 1, LIMIT_MAX, &number, complaint))
            return false;
        impairment->queue_packets = (uint32_t)number;
        return true;
    case KEEP_ORDER:
        impairment->keep_order = true;
        return true;
    case LIMIT:
        if (!parse_whole("--limit", text, 1, LIMIT_MAX, &number, complaint))
            return false;
        impairment->limit = (uint32_t)number;
        return true;
    case SEED:
        options->seed_given = true;
        return parse_whole("--seed", text, 0, UINT64_MAX, &impairment->seed, complaint);
    case CONTROL:
        options->control = text;
        return true;
    case NETNS:
        options->netns = text;
        return true;
    case DEAD_MAN:
        return parse_seconds("--dead-man", text, &options->dead_man_s, complaint);
    case PRIORITY:
        if (!parse_whole("--priority", text, 0, 99, &number, complaint))
            return false;
        options->priority = (int)number;
        options->priority_given = true;
        return true;
    case SIMULATE:
        options->mode = MODE_SIMULATE;
        return parse_whole("--simulate", text, 1, 1000000000u, &options->simulate, complaint);
    case STATS:
    case SEND:
        options->mode = MODE_CLIENT;
        options->client_path = text;
        options->client_line = code == STATS ? "stats" : NULL;
        return true;
    default:
        options->mode = MODE_HELP;
        return true;
    }
}

static bool check_impairment(struct impairment *impairment, struct complaint *complaint)
{
    /* tc refuses the first two as well. */
    if (impairment->reorder.percent > 0.0 && impairment->delay_us == 0)
        return complain(complaint, "--reorder",
                        "reordering is not possible without --delay-us above 0");
    if (impairment->gap > 0 && impairment->reorder.percent == 0.0)
        return complain(complaint, "--gap", "only together with --reorder above 0");
    if (impairment->gemodel && impairment->loss.percent > 0.0)
        return complain(complaint, "--gemodel", "not together with --loss");
    if (impairment->queue_bytes > 0 && impairment->queue_packets > 0)
        return complain(complaint, "--queue-packets", "not together with --queue-bytes");
    if (impairment->rate_bps == 0 && (impairment->queue_bytes > 0 || impairment->queue_packets > 0))
        return complain(complaint, impairment->queue_bytes > 0 ? "--queue-bytes" : "--queue-packets",
                        "only together with --rate-bps above 0");
    if (impairment->reorder.percent > 0.0 && impairment->gap == 0)
        impairment->gap = 1;
    return true;
}

static bool check_forwarding(const struct options *options, struct complaint *complaint)
{
    if (options->in_count == 0)
        return complain(complaint, "--in", "at least one is needed (see --help)");
    if (options->out_count == 0)
        return complain(complaint, "--out", "at least one is needed");
    if (options->dead_man_s > 0.0 && options->control == NULL)
        return complain(complaint, "--dead-man", "only together with --control");
    return true;
}

/* getopt's loop, for the command line and for a control line. */
static bool parse_all(int argc, char **argv, bool impairment_only, struct options *options,
                      struct complaint *complaint)
{
    int code;

    opterr = 0;
    optind = 0; /* start afresh (GNU) */
    while ((code = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (code == '?' || code == ':') {
            const char *word = argv[optind - 1];

            return complain(complaint, word, "%s",
                            code == ':' ? "a value is missing" : "no such option (see --help)");
        }
        if (impairment_only && (code < DELAY || code > LAST_IMPAIRMENT)) {
            for (const struct option *option = long_options; option->name; option++)
                if (option->val == code) {
                    char name[40];

                    snprintf(name, sizeof name, "--%.30s", option->name);
                    return complain(complaint, name, "can not be changed while running");
                }
        }
        if (!parse_one(code, optarg, options, complaint))
            return false;
    }
    return true;
}

bool options_parse(int argc, char **argv, struct options *options, struct complaint *complaint)
{
    *options = (struct options){.impairment.limit = DEFAULT_LIMIT,
                                .priority = DEFAULT_PRIORITY};
    if (!parse_all(argc, argv, false, options, complaint))
        return false;
    if (options->mode == MODE_HELP)
        return true;
    if (options->mode == MODE_CLIENT && options->client_line == NULL && optind < argc)
        options->client_line = argv[optind++];
    if (optind < argc)
        return complain(complaint, argv[optind], "no such argument (see --help)");
    if (options->mode == MODE_CLIENT)
        return options->client_line != NULL ||
               complain(complaint, "--send", "a request is needed: PATH 'stats', 'reset' or 'set ...'");
    if (!options->seed_given)
        return complain(complaint, "--seed", "is needed: a whole number");
    if (!check_impairment(&options->impairment, complaint))
        return false;
    return options->mode != MODE_FORWARD || check_forwarding(options, complaint);
}

bool options_parse_change(const char *words, const struct impairment *now,
                          struct impairment *impairment, struct complaint *complaint)
{
    struct options options = {.impairment.limit = DEFAULT_LIMIT, .impairment.seed = now->seed};
    char copy[1024];
    char *argv[64] = {(char[]){"set"}};
    int argc = 1;
    char *rest = copy;
    char *word;

    if (strlen(words) >= sizeof copy)
        return complain(complaint, "set", "the line is too long");
    memcpy(copy, words, strlen(words) + 1);
    while ((word = strsep(&rest, " \t\r\n")) != NULL) {
        if (*word == '\0')
            continue;
        if (argc == 63)
            return complain(complaint, "set", "too many words");
        argv[argc++] = word;
    }
    if (!parse_all(argc, argv, true, &options, complaint))
        return false;
    if (optind < argc)
        return complain(complaint, argv[optind], "no such argument");
    if (!check_impairment(&options.impairment, complaint))
        return false;
    *impairment = options.impairment;
    return true;
}
