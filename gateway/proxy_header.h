/* The header of the PROXY protocol, version 2, with which a balancer says before a connection's first bytes who
 * the client is:
 *
 *     signature of 12 bytes | version and command | family | length, big endian | addresses | more, skipped
 *
 * Pure function, any thread.
 */
#ifndef CARREL_GATEWAY_PROXY_HEADER_H
#define CARREL_GATEWAY_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <carrel/error.h>

enum {
    PROXY_HEADER_MIN_LEN = 16,
    PROXY_HEADER_MAX_LEN = 1024, /* a longer one is refused: addresses and their extensions have far less */
};

struct proxy_header {
    size_t len;                     /* of the whole header */
    bool has_client;                /* false: the balancer's own connection, a health check */
    struct sockaddr_storage client; /* its address and port */
};

/* CE_NEED_MORE; CE_BAD_INPUT where BYTES do not begin with such a header. */
int proxy_header_parse(const uint8_t *bytes, size_t len, struct proxy_header *ret) MUST_CHECK;

#endif
