/* The forwarding process: one thread, one event loop. */
#ifndef LINKEM_FORWARD_H
#define LINKEM_FORWARD_H

#include "options.h"

/* Runs until SIGTERM or SIGINT; the exit status (0, 1: the system refused
 * something, 2: bad input). */
int forward_run(const struct options *options);

#endif
