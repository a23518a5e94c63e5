/* The other end of the control socket. */
#ifndef LINKEM_CLIENT_H
#define LINKEM_CLIENT_H

/* Send one request, print the answer; the exit status: 0, 1 (nobody answers),
 * 2 (the request was refused). */
int client_run(const char *path, const char *line);

#endif
