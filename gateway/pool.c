#include "pool.h"

#include <stdlib.h>
#include <string.h>

uint8_t *pool_take(struct pool *pool)
{
    uint8_t *buffer = pool->free_buffers;
    if (buffer) {
        memcpy(&pool->free_buffers, buffer, sizeof pool->free_buffers);
        pool->kept--;
    } else {
        buffer = malloc(POOL_BUFFER_BYTES);
    }
    if (buffer)
        pool->in_use++;
    return buffer;
}

void pool_give(struct pool *pool, uint8_t *buffer)
{
    pool->in_use--;
    if (pool->kept >= POOL_KEEP_MAX) {
        free(buffer);
        return;
    }
    memcpy(buffer, &pool->free_buffers, sizeof pool->free_buffers);
    pool->free_buffers = buffer;
    pool->kept++;
}

void pool_finish(struct pool *pool)
{
    while (pool->free_buffers) {
        uint8_t *buffer = pool->free_buffers;
        memcpy(&pool->free_buffers, buffer, sizeof pool->free_buffers);
        free(buffer);
    }
    pool->kept = 0;
}
