/* What the first bytes of an Ethernet frame say. Pure. */
#ifndef LINKEM_FRAME_H
#define LINKEM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_BYTES 6u
#define ETHERNET_HEADER 14u

bool is_group(const uint8_t *frame);

/* Link upkeep that has no counterpart on a wide-area path and whose timing is
 * random: group frames, ARP and IPv6 neighbour discovery. It takes no fate. */
bool is_exempt(const uint8_t *frame, size_t length);

/* Put a VLAN tag back that the kernel took out. Needs 4 bytes of room in front;
 * returns the new start. */
uint8_t *restore_vlan(uint8_t *frame, uint16_t protocol, uint16_t tag);

#endif
