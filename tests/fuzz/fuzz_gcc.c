#include "fuzz.h"

#include "gcc.h"

static void walk(struct cursor blocks)
{
    struct gcc_block b;
    while (gcc_next_block(&blocks, &b) == 0) {
        MUST(b.len >= GCC_BLOCK_HEADER_LEN);
        touch(b.bytes, b.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor blocks;
    if (gcc_parse_request(data, size, &blocks) == 0)
        walk(blocks);
    if (gcc_parse_response(data, size, &blocks) == 0)
        walk(blocks);
    walk(cursor_init(data, size));
    return 0;
}
