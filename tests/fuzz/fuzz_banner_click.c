#include "fuzz.h"

#include <string.h>

#include "banner_click.h"

/* The first byte says which form it is. Only flags of events become others. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct banner_click click = {.left = 100, .top = 16, .width = 600, .height = 60};
    if (!size)
        return 0;
    uint8_t *copy = malloc(size), *twice = malloc(size);
    MUST(copy && twice);
    memcpy(copy, data, size);
    (data[0] & 1 ? banner_click_slow_path : banner_click_fast_path)(&click, copy + 1, size - 1);
    MUST(click.clicked || !memcmp(copy, data, size));
    memcpy(twice, copy, size);
    struct banner_click again = {.left = 100, .top = 16, .width = 600, .height = 60};
    (data[0] & 1 ? banner_click_slow_path : banner_click_fast_path)(&again, twice + 1, size - 1);
    MUST(!again.clicked && !memcmp(copy, twice, size)); /* there is nothing to click any more */
    free(copy);
    free(twice);
    return 0;
}
