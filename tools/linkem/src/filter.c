#include "filter.h"

#define ACCEPT 0x40000u

size_t filter_build(const uint8_t (*macs)[6], size_t count, struct sock_filter *program)
{
    struct sock_filter *next = program;

    if (count > 0) {
        *next++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0);
        *next++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1);
        *next++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ACCEPT);
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *mac = macs[i];
        uint32_t high = (uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 | (uint32_t)mac[2] << 8 |
                        mac[3];
        uint32_t low = (uint32_t)mac[4] << 8 | mac[5];

        *next++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
        *next++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 3);
        *next++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4);
        *next++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 1);
        *next++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ACCEPT);
    }
    *next++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    return (size_t)(next - program);
}
