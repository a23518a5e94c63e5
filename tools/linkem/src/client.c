#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

#define PATIENCE_S 10

static int fail(const char *path, int fd)
{
    fprintf(stderr, "linkem: %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return 1;
}

int client_run(const char *path, const char *line)
{
    static char answer[ANSWER_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd;
    ssize_t length;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return fail(path, -1);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(path, fd);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
        return fail(path, fd);
    length = recv(fd, answer, sizeof answer - 1, 0);
    if (length <= 0) {
        errno = length == 0 ? ECONNRESET : errno;
        return fail(path, fd);
    }
    answer[length] = '\0';
    puts(answer);
    close(fd);
    return strncmp(answer, "{\"error\"", 8) == 0 ? 2 : 0;
}
