#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool refuse(struct complaint *complaint, const char *what)
{
    snprintf(complaint->option, sizeof complaint->option, "--control");
    snprintf(complaint->reason, sizeof complaint->reason, "%s", what);
    return false;
}

/* A socket that nobody listens on is a leftover of a killed process. */
static bool remove_leftover(const struct sockaddr_un *address)
{
    struct stat status;
    int probe;
    bool dead;

    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false;
    dead = connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 &&
           errno == ECONNREFUSED;
    close(probe);
    return dead && unlink(address->sun_path) == 0;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(0077);
    int result = bind(fd, (const struct sockaddr *)address, sizeof *address);

    umask(before);
    return result;
}

bool control_open(struct control *control, const char *path, struct complaint *complaint,
                  bool *bad_input)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    control->path = NULL;
    control->listener = -1;
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        control->clients[i] = -1;
    if (path == NULL)
        return true;

    *bad_input = true;
    if (*path == '\0' || strlen(path) >= sizeof address.sun_path)
        return refuse(complaint, "a path of 1 to 107 characters is needed");
    memcpy(address.sun_path, path, strlen(path) + 1);

    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return refuse(complaint, strerror(errno));
    if (bind_private(fd, &address) != 0 &&
        (errno != EADDRINUSE || !remove_leftover(&address) || bind_private(fd, &address) != 0)) {
        refuse(complaint, strerror(errno));
        close(fd);
        return false;
    }
    if (listen(fd, CONTROL_CLIENTS) != 0) {
        refuse(complaint, strerror(errno));
        close(fd);
        return false;
    }
    control->path = path;
    control->listener = fd;
    return true;
}

static void drop_client(struct control *control, int client)
{
    close(control->clients[client]);
    control->clients[client] = -1;
}

void control_close(struct control *control)
{
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (control->clients[i] >= 0)
            drop_client(control, i);
    if (control->listener >= 0) {
        close(control->listener);
        unlink(control->path);
    }
    control->listener = -1;
}

int control_accept(struct control *control)
{
    int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return -1;
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        if (control->clients[i] < 0) {
            control->clients[i] = fd;
            return i;
        }
    close(fd); /* too many at once */
    return -1;
}

bool control_read(struct control *control, int client, char *line, size_t room)
{
    ssize_t length = recv(control->clients[client], line, room - 1, MSG_DONTWAIT | MSG_TRUNC);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (length <= 0) {
        drop_client(control, client);
        return false;
    }
    if ((size_t)length >= room) {
        control_answer(control, client,
                       "{\"error\":\"request too long\",\"option\":\"request\"}");
        return false;
    }
    line[length] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

void control_answer(struct control *control, int client, const char *answer)
{
    if (send(control->clients[client], answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        drop_client(control, client);
}
