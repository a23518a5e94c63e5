/* The control socket: a Unix SOCK_SEQPACKET, one request line in, one JSON object out. */
#ifndef LINKEM_CONTROL_H
#define LINKEM_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

#define CONTROL_CLIENTS 16
#define REQUEST_MAX 1024
#define ANSWER_MAX 16384

struct control {
    const char *path;
    int listener; /* -1: no control socket */
    int clients[CONTROL_CLIENTS];
};

bool control_open(struct control *control, const char *path, struct complaint *complaint,
                  bool *bad_input);
void control_close(struct control *control);

/* Accept one client; its place in `clients`, or -1. */
int control_accept(struct control *control);

/* Read a request into `line`; false when there is none (a client that has gone
 * is closed). */
bool control_read(struct control *control, int client, char *line, size_t room);
void control_answer(struct control *control, int client, const char *answer);

#endif
