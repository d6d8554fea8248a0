#include "tls_memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>

enum {
    LARGE_BYTES = 32 * 1024, /* from here on a block is a read buffer, or rare */
    STEP = 8,                /* OpenSSL's SSL3_ALIGN_PAYLOAD */
    SHIFT = 3,               /* and a record's header of 5 is the multiple */
};

/* malloc() gives multiples of 16, so the address itself says which blocks are shifted. */
static bool is_shifted(const void *block)
{
    return (uintptr_t)block % STEP == SHIFT;
}

static void *block_take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size < LARGE_BYTES || size > SIZE_MAX - STEP)
        return size ? malloc(size) : NULL; /* as OpenSSL's own does */
    char *block = malloc(size + STEP);
    return block ? block + SHIFT : NULL;
}

static void block_give(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(is_shifted(block) ? (char *)block - SHIFT : block);
}

static void *block_resize(void *block, size_t size, const char *file, int line)
{
    if (!block)
        return block_take(size, file, line);
    if (!size) {
        block_give(block, file, line);
        return NULL;
    }
    if (!is_shifted(block))
        return realloc(block, size);
    if (size > SIZE_MAX - STEP)
        return NULL;
    char *grown = realloc((char *)block - SHIFT, size + STEP);
    return grown ? grown + SHIFT : NULL;
}

void tls_memory_init(void)
{
    (void)CRYPTO_set_mem_functions(block_take, block_resize, block_give);
}
