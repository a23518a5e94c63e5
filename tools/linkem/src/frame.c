#include "frame.h"

#include <string.h>

#define TYPE_ARP 0x0806u
#define TYPE_IPV6 0x86ddu
#define IPV6_HEADER 40u
#define NEXT_ICMPV6 58u
#define ROUTER_SOLICITATION 133u
#define REDIRECT 137u

bool is_group(const uint8_t *frame)
{
    return (frame[0] & 1) != 0;
}

bool is_exempt(const uint8_t *frame, size_t length)
{
    if (is_group(frame))
        return true;

    unsigned type = (unsigned)frame[12] << 8 | frame[13];

    if (type == TYPE_ARP)
        return true;
    if (type != TYPE_IPV6 || length < ETHERNET_HEADER + IPV6_HEADER + 1)
        return false;

    unsigned next = frame[ETHERNET_HEADER + 6];
    unsigned icmp = frame[ETHERNET_HEADER + IPV6_HEADER];

    return next == NEXT_ICMPV6 && icmp >= ROUTER_SOLICITATION && icmp <= REDIRECT;
}

uint8_t *restore_vlan(uint8_t *frame, uint16_t protocol, uint16_t tag)
{
    uint8_t *start = frame - 4;

    memmove(start, frame, 2 * MAC_BYTES);
    start[12] = (uint8_t)(protocol >> 8);
    start[13] = (uint8_t)protocol;
    start[14] = (uint8_t)(tag >> 8);
    start[15] = (uint8_t)tag;
    return start;
}
