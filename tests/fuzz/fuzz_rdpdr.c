#include "fuzz.h"

#include <string.h>

#include "rdpdr.h"

struct asked {
    uint32_t pattern;
    unsigned count, kept;
};

static bool keep(void *arg, uint32_t type, uint32_t id)
{
    struct asked *asked = arg;
    bool wanted = asked->pattern >> (asked->count++ % 32) & 1;
    asked->kept += wanted;
    return wanted;
}

static bool keep_all(void *arg, uint32_t type, uint32_t id)
{
    ++*(unsigned *)arg;
    return true;
}

/* The first four bytes choose what is kept. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct asked asked = {0};
    uint32_t id;
    if (size < sizeof asked.pattern)
        return 0;
    memcpy(&asked.pattern, data, sizeof asked.pattern);
    size_t len = size - sizeof asked.pattern, kept_len = len;
    uint8_t *message = malloc(len + 1);
    MUST(message);
    memcpy(message, data + sizeof asked.pattern, len);
    (void)rdpdr_message_kind(message, len);
    MUST((rdpdr_request_device(message, len, &id) == 0) == (len >= RDPDR_REQUEST_MIN_LEN));
    if (rdpdr_keep_devices(message, &kept_len, keep, &asked) == 0) {
        unsigned again = 0;
        size_t same_len = kept_len;
        MUST(kept_len <= len);
        MUST(rdpdr_keep_devices(message, &same_len, keep_all, &again) == 0);
        MUST(same_len == kept_len && again == asked.kept);
    }
    free(message);
    return 0;
}
