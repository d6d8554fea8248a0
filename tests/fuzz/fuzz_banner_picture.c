#include "fuzz.h"

#include "lobby/banner_picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct banner_picture p;
    if (banner_picture_parse(data, size, &p))
        return 0;
    size_t at = p.at;
    for (unsigned i = 0; i < p.count; i++) {
        struct banner_tile t;
        MUST(banner_tile_next(data, size, &at, &t) == 0);
        MUST(t.x + t.width <= p.width && t.y + t.height <= p.height && t.len <= BANNER_TILE_MAX_BYTES);
        MUST(t.bytes >= data && t.bytes + t.len <= data + size);
    }
    MUST(at == size);
    return 0;
}
