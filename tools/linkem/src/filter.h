/* The classic BPF program of a receiving socket: group frames and frames to
 * the listed addresses pass, the kernel drops the rest. Pure. */
#ifndef LINKEM_FILTER_H
#define LINKEM_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_MAX (4 + 5 * 64)

/* Returns the number of instructions written. No address: nothing passes. */
size_t filter_build(const uint8_t (*macs)[6], size_t count, struct sock_filter *program);

#endif
