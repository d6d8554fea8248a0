#include "fuzz.h"

#include <string.h>

#include "zone.h"

/* The first eight bytes are the time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t at_s;
    int32_t offset_s = 0;
    if (size < sizeof at_s)
        return 0;
    memcpy(&at_s, data, sizeof at_s);
    at_s %= (int64_t)1 << 40; /* some 34,000 years */
    if (zone_offset_of(data + sizeof at_s, size - sizeof at_s, at_s, &offset_s) == 0)
        MUST(offset_s >= -200 * 3600 && offset_s <= 200 * 3600);
    return 0;
}
