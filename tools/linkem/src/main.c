#include <inttypes.h>
#include <stdio.h>

#include "client.h"
#include "fate.h"
#include "forward.h"
#include "options.h"

/* One CSV row per packet. Empty fields: the packet (or its copy) does not exist. */
static int simulate(const struct options *options)
{
    struct fates fates;

    fates_start(&fates, &options->impairment);
    puts("packet,lost,copied,copy_lost,at_head,delay_ns,copy_at_head,copy_delay_ns");
    for (uint64_t k = 0; k < options->simulate; k++) {
        struct fate fate = fates_next(&fates);

        printf("%" PRIu64 ",%d,%d,%d,", k, fate.lost, fate.copied, fate.copy_lost);
        if (fate.lost)
            printf(",,");
        else
            printf("%d,%" PRIu64 ",", fate.original.at_head, fate.original.delay_ns);
        if (fate.copied && !fate.copy_lost)
            printf("%d,%" PRIu64 "\n", fate.copy.at_head, fate.copy.delay_ns);
        else
            printf(",\n");
    }
    return ferror(stdout) || fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
    struct options options;
    struct complaint complaint;

    if (!options_parse(argc, argv, &options, &complaint)) {
        fprintf(stderr, "linkem: %s: %s\n", complaint.option, complaint.reason);
        return 2;
    }
    switch (options.mode) {
    case MODE_HELP:
        fputs(options_usage, stdout);
        return 0;
    case MODE_SIMULATE:
        return simulate(&options);
    case MODE_CLIENT:
        return client_run(options.client_path, options.client_line);
    default:
        return forward_run(&options);
    }
}
