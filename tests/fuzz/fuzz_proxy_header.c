#include "fuzz.h"

#include "proxy_header.h"

/* A header is read at its whole length and nowhere before, and what follows it changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole, again;
    if (proxy_header_parse(data, size, &whole))
        return 0;
    MUST(whole.len >= PROXY_HEADER_MIN_LEN && whole.len <= size && whole.len <= PROXY_HEADER_MAX_LEN);
    MUST(proxy_header_parse(data, whole.len, &again) == 0 && again.len == whole.len);
    MUST(again.has_client == whole.has_client && again.client.ss_family == whole.client.ss_family);
    for (size_t n = 0; n < whole.len; n++)
        MUST(proxy_header_parse(data, n, &again) == CE_NEED_MORE);
    return 0;
}
