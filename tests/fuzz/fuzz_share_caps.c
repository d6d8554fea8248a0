#include "fuzz.h"

#include <string.h>

#include "share_caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *once = malloc(size + 1), *twice = malloc(size + 1);
    MUST(once && twice);
    memcpy(once, data, size);
    struct share_facts facts = {0};
    share_caps_read(once, size, &facts);
    share_caps_forbid_compression(once, size);
    memcpy(twice, once, size);
    share_caps_forbid_compression(twice, size);
    MUST(!memcmp(once, twice, size));
    for (size_t i = 0; i < size; i++)
        MUST(once[i] == data[i] || once[i] == (data[i] & ~3));
    free(once);
    free(twice);
    return 0;
}
