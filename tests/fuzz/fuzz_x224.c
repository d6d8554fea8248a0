#include "fuzz.h"

#include <string.h>

#include "x224.h"

static void check_request(const struct x224_request *r)
{
    MUST(strlen(r->cookie_user) < X224_LINE_MAX && strlen(r->routing_token) < X224_LINE_MAX);
    for (const char *p = r->cookie_user; *p; p++)
        MUST(*p >= 0x20 && *p < 0x7f);
    for (const char *p = r->routing_token; *p; p++)
        MUST(*p >= 0x20 && *p < 0x7f);
    if (!r->has_negotiation || r->flags || r->protocols == 0)
        return;
    /* What was understood can be said again, and is understood as the same. */
    uint8_t buf[X224_REQUEST_MAX_LEN];
    struct writer w = writer_init(buf, sizeof buf);
    x224_write_request(&w, r->cookie_user, NULL, 0, r->protocols);
    struct x224_request again;
    MUST(writer_ok(&w) && x224_parse_request(buf, writer_len(&w), &again) == 0);
    MUST(strcmp(again.cookie_user, r->cookie_user) == 0 && again.protocols == r->protocols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct x224_request r;
    struct x224_confirm c;
    struct cursor payload;
    if (x224_parse_request(data, size, &r) == 0)
        check_request(&r);
    if (x224_parse_confirm(data, size, &c) == 0)
        MUST(c.has_negotiation || !c.failed);
    if (x224_parse_data(data, size, &payload) == 0)
        MUST(cursor_left(&payload) == size - X224_DATA_HEADER_LEN);
    return 0;
}
