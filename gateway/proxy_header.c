#include "proxy_header.h"

#include <netinet/in.h>
#include <string.h>

#include "cursor.h"

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

enum {
    VERSION_2 = 0x20,
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    TCP_OVER_IPV4 = 0x11,
    TCP_OVER_IPV6 = 0x21,
};

/* Source address, destination address, source port, destination port. */
static int parse_client(struct cursor c, uint8_t family, struct proxy_header *r)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    bool v6 = family == TCP_OVER_IPV6;
    size_t len = v6 ? sizeof in6.sin6_addr : sizeof in.sin_addr;
    const uint8_t *source = cursor_take(&c, len);
    cursor_skip(&c, len);
    const uint8_t *port = cursor_take(&c, 2);
    cursor_skip(&c, 2);
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    if (v6) {
        memcpy(&in6.sin6_addr, source, len);
        memcpy(&in6.sin6_port, port, sizeof in6.sin6_port);
        memcpy(&r->client, &in6, sizeof in6);
    } else {
        memcpy(&in.sin_addr, source, len);
        memcpy(&in.sin_port, port, sizeof in.sin_port);
        memcpy(&r->client, &in, sizeof in);
    }
    r->has_client = true;
    return 0;
}

int proxy_header_parse(const uint8_t *bytes, size_t len, struct proxy_header *ret)
{
    struct proxy_header r = {0};
    if (memcmp(bytes, signature, len < sizeof signature ? len : sizeof signature) != 0)
        return CE_BAD_INPUT;
    if (len < PROXY_HEADER_MIN_LEN)
        return CE_NEED_MORE;
    struct cursor c = cursor_init(bytes, len);
    cursor_skip(&c, sizeof signature);
    uint8_t command = cursor_u8(&c), family = cursor_u8(&c);
    uint16_t rest = cursor_u16_be(&c);
    r.len = PROXY_HEADER_MIN_LEN + (size_t)rest;
    if ((command & 0xf0) != VERSION_2 || r.len > PROXY_HEADER_MAX_LEN)
        return CE_BAD_INPUT;
    if (rest > cursor_left(&c))
        return CE_NEED_MORE;
    struct cursor addresses = cursor_sub(&c, rest);
    int rc = 0;
    if ((command & 0xf) == COMMAND_PROXY)
        rc = family == TCP_OVER_IPV4 || family == TCP_OVER_IPV6 ? parse_client(addresses, family, &r)
                                                                : CE_BAD_INPUT;
    else if ((command & 0xf) != COMMAND_LOCAL)
        rc = CE_BAD_INPUT;
    if (!rc)
        *ret = r;
    return rc;
}
