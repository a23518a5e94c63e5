#include "ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "filter.h"
#include "frame.h"

#define SEND_BUFFER (64 << 20)
#define SEND_ATTEMPTS 4
#define AGE_MAX_NS 1000000000
#define CLOCKS_APART_NS 2000u

/* Receive ring: 8192 slots are 30 ms at 270,000 frames a second; more would hide
 * an overload as delay, and a full ring is counted (kernel_drop). */
#define RING_SLOTS 8192u
#define RING_SLOT_HEADER 80u /* what the kernel puts before the frame */
#define RING_SLOT_SMALL 2048u
#define RING_BLOCK (128u << 10)

/* Older headers lack these. */
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct out_port {
    char name[IFNAMSIZ];
    int index;
    int socket;
    unsigned staged;
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct frame *frames[BATCH];
    uint64_t due_ns[BATCH];
};

static uint64_t clock_read(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_now(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

static bool system_failure(struct complaint *complaint, const char *option, const char *what)
{
    snprintf(complaint->option, sizeof complaint->option, "%s", option);
    snprintf(complaint->reason, sizeof complaint->reason, "%s: %s", what, strerror(errno));
    return false;
}

static uint64_t mac_key(const uint8_t *mac)
{
    uint64_t key = 0;

    memcpy(&key, mac, 6);
    return key;
}

/* A packet socket that takes part in nothing until it is bound to a protocol. */
static int open_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool bind_socket(int fd, int index, uint16_t protocol)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = index};

    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static bool set_flag(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool attach_filter(struct ports *ports, const struct in_port *port)
{
    struct sock_filter program[FILTER_MAX];
    uint8_t macs[PORTS_MAX][6];
    size_t count = 0;

    for (int i = 0; i < ports->table_count; i++)
        if (ports->table[i].out != port->same_out)
            memcpy(macs[count++], &ports->table[i].mac, 6);

    struct sock_fprog filter = {.filter = program};

    filter.len = (unsigned short)filter_build((const uint8_t(*)[6])macs, count, program);
    return setsockopt(port->socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

/* Room for any frame that may arrive: above the MTU there are only frames that
 * an offload left in one piece, and those are dropped anyway. */
static size_t slot_size(const struct in_port *port)
{
    struct ifreq request = {0};

    memcpy(request.ifr_name, port->name, IFNAMSIZ);
    if (ioctl(port->socket, SIOCGIFMTU, &request) == 0 &&
        (size_t)request.ifr_mtu + ETHERNET_HEADER + RING_SLOT_HEADER <= RING_SLOT_SMALL)
        return RING_SLOT_SMALL;
    return (RING_SLOT_HEADER + FRAME_MAX + TPACKET_ALIGNMENT - 1) & ~(TPACKET_ALIGNMENT - 1u);
}

/* The kernel writes frames into memory shared with us: no system call and no
 * socket buffer per frame. */
static bool map_ring(struct in_port *port)
{
    struct tpacket_req request = {.tp_block_size = RING_BLOCK};

    port->slot_size = slot_size(port);
    port->slots_per_block = RING_BLOCK / port->slot_size;
    request.tp_frame_size = (unsigned)port->slot_size;
    request.tp_block_nr = RING_SLOTS / (unsigned)port->slots_per_block;
    request.tp_frame_nr = request.tp_block_nr * (unsigned)port->slots_per_block;
    port->slots = request.tp_frame_nr;
    port->ring_bytes = (size_t)request.tp_block_nr * RING_BLOCK;
    if (!set_flag(port->socket, SOL_PACKET, PACKET_VERSION, TPACKET_V2) ||
        setsockopt(port->socket, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0)
        return false;

    void *ring = mmap(NULL, port->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                      port->socket, 0);

    if (ring == MAP_FAILED)
        return false;
    port->ring = ring;
    return true;
}

static bool open_in(struct ports *ports, struct in_port *port, struct complaint *complaint)
{
    int fd = port->socket = open_socket();

    if (fd < 0)
        return system_failure(complaint, "--in", "packet socket");
    if (!attach_filter(ports, port))
        return system_failure(complaint, "--in", "packet filter");
    if (!set_flag(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1))
        return system_failure(complaint, "--in", "PACKET_IGNORE_OUTGOING");
    if (!map_ring(port))
        return system_failure(complaint, "--in", "receive ring");
    if (!bind_socket(fd, port->index, ETH_P_ALL))
        return system_failure(complaint, "--in", port->name);
    port->ready = true;
    return true;
}

static bool open_out(struct out_port *port, struct complaint *complaint)
{
    int fd = port->socket = open_socket();

    if (fd < 0)
        return system_failure(complaint, "--out", "packet socket");
    set_flag(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
    if (!set_flag(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER))
        set_flag(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
    if (!bind_socket(fd, port->index, 0))
        return system_failure(complaint, "--out", port->name);
    for (int i = 0; i < BATCH; i++) {
        port->messages[i].msg_hdr.msg_iov = &port->parts[i];
        port->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return true;
}

/* Find or add the port of a destination; several addresses may share one. */
static int out_of(struct ports *ports, const struct destination *destination, int index)
{
    for (int i = 0; i < ports->out_count; i++)
        if (ports->out[i].index == index)
            return i;

    struct out_port *port = &ports->out[ports->out_count];

    memset(port, 0, sizeof *port);
    memcpy(port->name, destination->interface, IFNAMSIZ);
    port->index = index;
    port->socket = -1;
    return ports->out_count++;
}

static bool find_interface(const char *option, const char *name, int *index,
                           struct complaint *complaint, bool *bad_input)
{
    *index = (int)if_nametoindex(name);
    if (*index != 0)
        return true;
    *bad_input = true;
    snprintf(complaint->option, sizeof complaint->option, "%s", option);
    snprintf(complaint->reason, sizeof complaint->reason,
             "'%s' is not an interface of this network namespace", name);
    return false;
}

bool ports_open(struct ports *ports, const struct options *options, struct pool *pool,
                struct counters *counters, struct complaint *complaint, bool *bad_input)
{
    memset(ports, 0, sizeof *ports);
    *bad_input = false;
    ports->pool = pool;
    ports->counters = counters;
    ports->out = calloc((size_t)options->out_count, sizeof *ports->out);
    if (ports->out == NULL)
        return system_failure(complaint, "--out", "memory");

    for (int i = 0; i < options->out_count; i++) {
        const struct destination *destination = &options->out[i];
        int index;

        if (!find_interface("--out", destination->interface, &index, complaint, bad_input))
            return false;
        ports->table[i].mac = mac_key(destination->mac);
        ports->table[i].out = out_of(ports, destination, index);
        ports->table_count++;
    }
    for (int i = 0; i < options->in_count; i++) {
        struct in_port *port = &ports->in[i];

        memcpy(port->name, options->in[i], IFNAMSIZ);
        port->socket = -1;
        if (!find_interface("--in", port->name, &port->index, complaint, bad_input))
            return false;
        port->same_out = -1;
        for (int j = 0; j < ports->out_count; j++)
            if (ports->out[j].index == port->index)
                port->same_out = j;
        ports->in_count++;
    }
    for (int i = 0; i < ports->out_count; i++)
        if (!open_out(&ports->out[i], complaint))
            return false;
    for (int i = 0; i < ports->in_count; i++)
        if (!open_in(ports, &ports->in[i], complaint))
            return false;
    ports_forget_drops(ports);
    return true;
}

void ports_close(struct ports *ports)
{
    for (int i = 0; i < ports->in_count; i++) {
        if (ports->in[i].ring != NULL)
            munmap(ports->in[i].ring, ports->in[i].ring_bytes);
        if (ports->in[i].socket >= 0)
            close(ports->in[i].socket);
    }
    for (int i = 0; i < ports->out_count; i++)
        if (ports->out[i].socket >= 0)
            close(ports->out[i].socket);
    free(ports->out);
}

/* The kernel stamps frames with the wall clock; delays are kept on the steady one. */
struct clocks {
    uint64_t steady_ns, wall_ns;
};

/* Read both as one. Being held up in between must not make a frame look older
 * than it is (it would leave too early), so the steady clock is read last. */
static struct clocks read_clocks(void)
{
    struct clocks clocks;
    uint64_t before;
    int attempts = 0;

    do {
        before = clock_now();
        clocks.wall_ns = clock_read(CLOCK_REALTIME);
        clocks.steady_ns = clock_now();
    } while (clocks.steady_ns - before > CLOCKS_APART_NS && ++attempts < 3);
    return clocks;
}

/* Delay counts from the moment the frame reached the port, not from when this
 * process got round to reading it. After a step of the wall clock the stamp is
 * nonsense and left out. */
static uint64_t arrival_of(uint64_t stamp_ns, const struct clocks *clocks)
{
    int64_t since = (int64_t)(stamp_ns - clocks->wall_ns);

    if (since > AGE_MAX_NS || since < -AGE_MAX_NS)
        since = 0;
    return clocks->steady_ns + (uint64_t)since;
}

static int find_out(const struct ports *ports, const uint8_t *data, int same_out)
{
    if (is_group(data)) {
        bool alone = ports->out_count == 1 && same_out == 0;

        return alone ? OUT_NONE : OUT_GROUP;
    }

    uint64_t key = mac_key(data);

    for (int i = 0; i < ports->table_count; i++)
        if (ports->table[i].mac == key && ports->table[i].out != same_out)
            return ports->table[i].out;
    return OUT_NONE;
}

static struct tpacket2_hdr *slot_at(const struct in_port *port, size_t slot)
{
    size_t block = slot / port->slots_per_block;
    size_t place = slot % port->slots_per_block;

    return (struct tpacket2_hdr *)(void *)(port->ring + block * RING_BLOCK +
                                           place * port->slot_size);
}

/* Copy a frame out of its slot; NULL: counted and not to be carried. */
static struct frame *accept_frame(struct ports *ports, int in, const struct tpacket2_hdr *slot,
                                  const struct clocks *clocks)
{
    const uint8_t *data = (const uint8_t *)slot + slot->tp_mac;
    uint32_t length = slot->tp_len;
    bool vlan = (slot->tp_status & TP_STATUS_VLAN_VALID) != 0;

    ports->counters->received++;
    ports->counters->received_bytes += length;
    if ((slot->tp_status & TP_STATUS_CSUMNOTREADY) != 0)
        ports->counters->checksum_not_ready++;
    if (length > slot->tp_snaplen || length > FRAME_MAX - (vlan ? 4 : 0)) {
        ports->counters->oversize++;
        return NULL;
    }
    if (length < ETHERNET_HEADER) {
        ports->counters->unroutable++;
        return NULL;
    }

    int out = find_out(ports, data, ports->in[in].same_out);

    if (out == OUT_NONE) {
        ports->counters->unroutable++;
        return NULL;
    }

    struct frame *frame = pool_take(ports->pool, length);

    if (frame == NULL) {
        ports->counters->tail_drop++;
        return NULL;
    }
    memcpy(frame->data, data, length);
    frame->length = length;
    frame->exempt = is_exempt(data, length);
    if (vlan) {
        bool known = (slot->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;

        frame->data = restore_vlan(frame->data, known ? slot->tp_vlan_tpid : ETH_P_8021Q,
                                   slot->tp_vlan_tci);
        frame->length += 4;
    }
    frame->in = (int16_t)in;
    frame->out = (int16_t)out;
    frame->arrival_ns =
        arrival_of((uint64_t)slot->tp_sec * 1000000000u + slot->tp_nsec, clocks);
    return frame;
}

/* A socket's pending error ("the interface went down") would wake us for ever. */
static void clear_error(struct ports *ports, const struct in_port *port)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(port->socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
        ports->counters->link_error++;
}

size_t ports_receive(struct ports *ports, int in, struct frame **frames)
{
    struct in_port *port = &ports->in[in];
    size_t accepted = 0;
    struct clocks clocks = read_clocks();
    int taken;

    for (taken = 0; taken < BATCH; taken++) {
        struct tpacket2_hdr *slot = slot_at(port, port->next_slot);

        if ((__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0)
            break;

        struct frame *frame = accept_frame(ports, in, slot, &clocks);

        if (frame != NULL)
            frames[accepted++] = frame;
        __atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        port->next_slot = (port->next_slot + 1) % port->slots;
    }
    port->ready = taken == BATCH;
    if (taken == 0)
        clear_error(ports, port);
    return accepted;
}

static void count_failure(struct ports *ports, int error)
{
    if (error == EMSGSIZE)
        ports->counters->oversize++; /* longer than the outgoing MTU */
    else
        ports->counters->send_error++;
}

static void flush_port(struct ports *ports, struct out_port *port)
{
    unsigned total = port->staged;
    unsigned sent = 0;
    unsigned attempts = 0;
    uint64_t before = clock_now();

    port->staged = 0;
    while (sent < total) {
        int count = sendmmsg(port->socket, port->messages + sent, total - sent, MSG_DONTWAIT);

        if (count > 0) {
            uint64_t after = clock_now();

            for (int i = 0; i < count; i++) {
                /* Sent one by one between the two readings. */
                uint64_t left = before + (after - before) * (uint64_t)(i + 1) / (uint64_t)count;
                uint64_t due = port->due_ns[sent + (unsigned)i];

                ports->counters->forwarded++;
                ports->counters->bytes += port->frames[sent + (unsigned)i]->length;
                count_lateness(ports->counters, left > due ? left - due : 0);
            }
            before = after;
            sent += (unsigned)count;
            attempts = 0;
            continue;
        }
        if (errno == EINTR)
            continue;
        if ((errno == EAGAIN || errno == ENOBUFS) && ++attempts < SEND_ATTEMPTS)
            continue;
        count_failure(ports, errno);
        sent++;
        attempts = 0;
    }
    for (unsigned i = 0; i < total; i++)
        pool_release(ports->pool, port->frames[i]);
}

static void stage(struct ports *ports, int out, struct frame *frame, uint64_t due_ns)
{
    struct out_port *port = &ports->out[out];
    unsigned slot = port->staged++;

    port->frames[slot] = frame;
    port->due_ns[slot] = due_ns;
    port->parts[slot] = (struct iovec){.iov_base = frame->data, .iov_len = frame->length};
    if (port->staged == BATCH)
        flush_port(ports, port);
}

void ports_send(struct ports *ports, const struct entry *entry)
{
    struct frame *frame = entry->frame;

    if (frame->out != OUT_GROUP) {
        stage(ports, frame->out, frame, entry->due_ns);
        return;
    }

    int same_out = ports->in[frame->in].same_out;
    int copies = 0;

    for (int i = 0; i < ports->out_count; i++) {
        if (i == same_out)
            continue;
        if (copies++ > 0)
            ports->counters->replicated++;
        frame->references++;
        stage(ports, i, frame, entry->due_ns);
    }
    pool_release(ports->pool, frame);
}

void ports_flush(struct ports *ports)
{
    for (int i = 0; i < ports->out_count; i++)
        if (ports->out[i].staged > 0)
            flush_port(ports, &ports->out[i]);
}

/* Transmit drops of our outgoing interfaces since they exist: behind a packet
 * socket's success the device may still throw a frame away (a full backlog). */
static uint64_t device_drops(const struct ports *ports)
{
    /* "thread-self" follows setns; "self/net" would too, but only for this thread. */
    FILE *file = fopen("/proc/thread-self/net/dev", "re");
    char line[512];
    uint64_t total = 0;

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char *colon = strrchr(line, ':');
        char *name = line + strspn(line, " ");
        uint64_t dropped;

        if (colon == NULL)
            continue;
        *colon = '\0';
        if (sscanf(colon + 1,
                   "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &dropped) != 1)
            continue;
        for (int i = 0; i < ports->out_count; i++)
            if (strcmp(ports->out[i].name, name) == 0)
                total += dropped;
    }
    fclose(file);
    return total;
}

void ports_read_drops(struct ports *ports)
{
    for (int i = 0; i < ports->in_count; i++) {
        struct tpacket_stats stats; /* reading sets the kernel's counters to zero */
        socklen_t size = sizeof stats;

        if (getsockopt(ports->in[i].socket, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
            ports->counters->kernel_drop += stats.tp_drops;
    }

    uint64_t drops = device_drops(ports);

    if (drops >= ports->device_drop_base)
        ports->counters->device_drop = drops - ports->device_drop_base;
}

void ports_forget_drops(struct ports *ports)
{
    ports_read_drops(ports);
    ports->counters->kernel_drop = 0;
    ports->counters->device_drop = 0;
    ports->device_drop_base = device_drops(ports);
}
