/* Buffers of one size for one thread: a session takes one when bytes arrive and gives it back when they left,
 * so that idle sessions hold none. Owned by a worker; used on its thread only.
 */
#ifndef CARREL_GATEWAY_POOL_H
#define CARREL_GATEWAY_POOL_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* One drain of 64 KiB behind the beginning of a PDU that may itself be 64 KiB long. */
    POOL_BUFFER_BYTES = 128 * 1024,
    /* Free buffers kept for reuse; more are freed at once. */
    POOL_KEEP_MAX = 64,
};

struct pool {
    void *free_buffers; /* a list through the buffers' first words */
    unsigned kept;
    unsigned in_use;
};

uint8_t *pool_take(struct pool *pool); /* NULL when memory is short */
void pool_give(struct pool *pool, uint8_t *buffer);
void pool_finish(struct pool *pool);

#endif
