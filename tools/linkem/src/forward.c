#include "forward.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control.h"
#include "link.h"
#include "ports.h"

#define EVENTS 32
#define ROUNDS_WITHOUT_POLL 16 /* while traffic never lets up */
#define NS_PER_S 1000000000.0

/* Wake-ups are moderated as a network card moderates its interrupts: when frames
 * come more densely than one in DENSE_NS, work is done every NAP_NS. */
#define NAP_NS 50000u
#define DENSE_NS 30000u

enum source { FROM_SIGNAL, FROM_LISTENER, FROM_CLIENT };

struct forwarder {
    const struct options *options;
    struct counters counters;
    struct pool pool;
    struct link link;
    struct ports ports;
    struct control control;
    int events, signals;
    uint64_t frames_moved; /* received and sent, since last_wait_ns */
    uint64_t last_wait_ns;
    uint64_t started_ns, counting_since_ns, dead_man_ns;
    bool dead_man_fired, stop;
    int priority; /* in effect */
};

static int complain(const struct complaint *complaint, int status)
{
    fprintf(stderr, "linkem: %s: %s\n", complaint->option, complaint->reason);
    return status;
}

static bool watch(struct forwarder *self, int fd, enum source source, int index)
{
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)source << 32 | (uint32_t)index};

    return epoll_ctl(self->events, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void add_ports(struct text *text, const struct options *options)
{
    text_add(text, "\"in\":[");
    for (int i = 0; i < options->in_count; i++) {
        text_add(text, i ? "," : "");
        text_add_json_string(text, options->in[i]);
    }
    text_add(text, "],\"out\":[");
    for (int i = 0; i < options->out_count; i++) {
        const uint8_t *mac = options->out[i].mac;

        text_add(text, "%s{\"interface\":", i ? "," : "");
        text_add_json_string(text, options->out[i].interface);
        text_add(text, ",\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\"}", mac[0], mac[1], mac[2],
                 mac[3], mac[4], mac[5]);
    }
    text_add(text, "]");
}

static void add_stats(struct forwarder *self, struct text *text)
{
    uint64_t now = clock_now();

    ports_read_drops(&self->ports);
    text_add(text, "{");
    add_counters(text, &self->counters);
    text_add(text, ",\"queue_now\":%" PRIu64 ",\"dead_man_fired\":%s,\"parameters\":",
             link_held(&self->link), self->dead_man_fired ? "true" : "false");
    add_impairment(text, &self->link.impairment);
    text_add(text, ",\"seed\":%" PRIu64 ",\"uptime_s\":%.3f,\"counting_s\":%.3f,"
             "\"priority\":%d,",
             self->link.impairment.seed, (double)(now - self->started_ns) / NS_PER_S,
             (double)(now - self->counting_since_ns) / NS_PER_S, self->priority);
    add_ports(text, self->options);
    text_add(text, "}");
}

static void reset_counters(struct forwarder *self)
{
    memset(&self->counters, 0, sizeof self->counters);
    ports_forget_drops(&self->ports);
    self->counters.queue_peak = link_held(&self->link);
    self->counting_since_ns = clock_now();
}

static void put_off_dead_man(struct forwarder *self)
{
    if (self->options->dead_man_s > 0.0)
        self->dead_man_ns = clock_now() + (uint64_t)(self->options->dead_man_s * NS_PER_S);
}

/* Nobody has asked for too long: let everything pass unharmed. */
static void fire_dead_man(struct forwarder *self, uint64_t now)
{
    struct impairment none = {.limit = LIMIT_MAX, .seed = self->link.impairment.seed};

    link_set(&self->link, &none, now);
    self->dead_man_fired = true;
    self->dead_man_ns = NEVER;
}

static void add_error(struct text *text, const struct complaint *complaint)
{
    text_add(text, "{\"error\":");
    text_add_json_string(text, complaint->reason);
    text_add(text, ",\"option\":");
    text_add_json_string(text, complaint->option);
    text_add(text, "}");
}

static void answer_set(struct forwarder *self, const char *words, struct text *text)
{
    struct impairment impairment;
    struct complaint complaint;

    if (!options_parse_change(words, &self->link.impairment, &impairment, &complaint)) {
        add_error(text, &complaint);
        return;
    }
    link_set(&self->link, &impairment, clock_now());
    self->dead_man_fired = false;
    add_impairment(text, &self->link.impairment);
}

static void answer(struct forwarder *self, const char *line, struct text *text)
{
    put_off_dead_man(self);
    if (strcmp(line, "stats") == 0) {
        add_stats(self, text);
    } else if (strcmp(line, "reset") == 0) {
        reset_counters(self);
        text_add(text, "{\"reset\":true}");
    } else if (strcmp(line, "set") == 0 || strncmp(line, "set ", 4) == 0) {
        answer_set(self, line + 3, text);
    } else {
        struct complaint complaint = {.option = "request",
                                      .reason = "only 'stats', 'reset' and 'set ...' are known"};

        add_error(text, &complaint);
    }
}

static void serve_client(struct forwarder *self, int client)
{
    static char space[ANSWER_MAX];
    char line[REQUEST_MAX];
    struct text text = {.start = space, .room = sizeof space};

    if (self->control.clients[client] < 0 ||
        !control_read(&self->control, client, line, sizeof line))
        return;
    answer(self, line, &text);
    control_answer(&self->control, client, space);
}

static void serve_listener(struct forwarder *self)
{
    int client = control_accept(&self->control);

    if (client >= 0)
        watch(self, self->control.clients[client], FROM_CLIENT, client);
}

static void handle_event(struct forwarder *self, const struct epoll_event *event)
{
    int index = (int)(uint32_t)event->data.u64;

    switch ((enum source)(event->data.u64 >> 32)) {
    case FROM_SIGNAL:
        self->stop = true;
        break;
    case FROM_LISTENER:
        serve_listener(self);
        break;
    case FROM_CLIENT:
        serve_client(self, index);
        break;
    }
}

static void serve_events(struct forwarder *self)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(self->events, events, EVENTS, 0);

    for (int i = 0; i < count; i++)
        handle_event(self, &events[i]);
}

static bool is_dense(struct forwarder *self, uint64_t now)
{
    uint64_t elapsed = now - self->last_wait_ns;
    bool dense = self->frames_moved * DENSE_NS > 2 * elapsed; /* each moves twice: in and out */

    self->frames_moved = 0;
    self->last_wait_ns = now;
    return dense;
}

/* Sleep until a frame is due or arrives, or somebody asks.
 *
 * The ports are in a poll set, not in the epoll set: an epoll set stays
 * registered with the socket while we work, and each arriving frame would pay
 * for waking somebody who is awake. */
static void wait_for_events(struct forwarder *self)
{
    struct pollfd watched[1 + PORTS_MAX] = {{.fd = self->events, .events = POLLIN}};
    struct in_port *in = self->ports.in;
    uint64_t now = clock_now();
    bool nap = is_dense(self, now);
    int count = nap ? 0 : self->ports.in_count;
    uint64_t deadline = link_deadline(&self->link);

    if (self->dead_man_ns < deadline)
        deadline = self->dead_man_ns;
    if (nap)
        deadline = now + NAP_NS;
    for (int i = 0; i < count; i++)
        watched[1 + i] = (struct pollfd){.fd = in[i].socket, .events = POLLIN};

    uint64_t wait = deadline > now ? deadline - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000u),
                               .tv_nsec = (long)(wait % 1000000000u)};

    if (ppoll(watched, (nfds_t)count + 1, deadline == NEVER ? NULL : &timeout, NULL) < 0)
        return;
    if (watched[0].revents != 0)
        serve_events(self);
    for (int i = 0; i < self->ports.in_count; i++)
        in[i].ready = nap || watched[1 + i].revents != 0;
}

static bool read_ports(struct forwarder *self)
{
    struct frame *frames[BATCH];
    bool more = false;

    for (int i = 0; i < self->ports.in_count; i++) {
        if (!self->ports.in[i].ready)
            continue;

        size_t count = ports_receive(&self->ports, i, frames);

        for (size_t k = 0; k < count; k++)
            link_put(&self->link, frames[k]);
        self->frames_moved += count;
        more = more || self->ports.in[i].ready;
    }
    return more;
}

static void send_due(struct forwarder *self)
{
    uint64_t now = clock_now();
    struct entry entry;

    while (link_get(&self->link, now, &entry)) {
        ports_send(&self->ports, &entry);
        self->frames_moved++;
    }
    ports_flush(&self->ports);
}

static void run(struct forwarder *self)
{
    unsigned rounds = 0;
    bool more = false;

    while (!self->stop) {
        if (!more) {
            wait_for_events(self);
        } else if (++rounds >= ROUNDS_WITHOUT_POLL) {
            serve_events(self);
            rounds = 0;
        }
        more = read_ports(self);
        if (self->dead_man_ns != NEVER && clock_now() >= self->dead_man_ns)
            fire_dead_man(self, clock_now());
        send_due(self);
    }
}

static bool enter_netns(const char *path, struct complaint *complaint)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;

    if (!entered) {
        snprintf(complaint->option, sizeof complaint->option, "--netns");
        snprintf(complaint->reason, sizeof complaint->reason,
                 "'%.150s' is not a network namespace to enter: %s", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return entered;
}

static bool make_event_sources(struct forwarder *self)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return false;
    self->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    self->events = epoll_create1(EPOLL_CLOEXEC);
    if (self->signals < 0 || self->events < 0)
        return false;
    if (!watch(self, self->signals, FROM_SIGNAL, 0))
        return false;
    if (self->control.listener >= 0 &&
        !watch(self, self->control.listener, FROM_LISTENER, 0))
        return false;
    /* Else the kernel may let a sleep last 50 us longer than asked. */
    return prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0) == 0;
}

/* A wire does not queue for the processor behind the programs that use it. Not
 * being allowed to is an error only when the priority was asked for. */
static bool take_priority(struct forwarder *self, struct complaint *complaint)
{
    struct sched_param parameters = {.sched_priority = self->options->priority};

    if (self->options->priority == 0)
        return true;
    if (sched_setscheduler(0, SCHED_FIFO, &parameters) == 0) {
        self->priority = self->options->priority;
        return true;
    }
    snprintf(complaint->option, sizeof complaint->option, "--priority");
    snprintf(complaint->reason, sizeof complaint->reason, "%s", strerror(errno));
    return !self->options->priority_given;
}

static int set_up(struct forwarder *self, const struct options *options)
{
    struct complaint complaint = {0};
    bool bad_input = false;

    self->options = options;
    self->control.listener = -1;
    self->link.pool = &self->pool;
    self->link.counters = &self->counters;
    self->dead_man_ns = NEVER;
    if (options->netns != NULL && !enter_netns(options->netns, &complaint))
        return complain(&complaint, 2);
    if (!ports_open(&self->ports, options, &self->pool, &self->counters, &complaint, &bad_input))
        return complain(&complaint, bad_input ? 2 : 1);
    if (!take_priority(self, &complaint))
        return complain(&complaint, 1);
    self->started_ns = self->counting_since_ns = clock_now();
    link_set(&self->link, &options->impairment, self->started_ns);
    put_off_dead_man(self);
    /* Last: whoever can connect may rely on frames being carried. */
    if (!control_open(&self->control, options->control, &complaint, &bad_input))
        return complain(&complaint, bad_input ? 2 : 1);
    if (!make_event_sources(self)) {
        perror("linkem");
        return 1;
    }
    return 0;
}

int forward_run(const struct options *options)
{
    static struct forwarder self;
    static char space[ANSWER_MAX];
    struct text text = {.start = space, .room = sizeof space};
    int status = set_up(&self, options);

    if (status == 0) {
        run(&self);
        add_stats(&self, &text);
        puts(space);
    }
    control_close(&self.control);
    ports_close(&self.ports);
    link_free(&self.link);
    pool_free(&self.pool);
    return status;
}
