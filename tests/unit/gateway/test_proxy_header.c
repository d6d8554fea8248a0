#include "proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "suite.h"

#define SIGNATURE 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a

static const uint8_t ipv4[] = {SIGNATURE, 0x21, 0x11, 0, 12,   192,  0,    2,   7,
                               10,        0,    0,    1, 0xc0, 0x01, 0x0d, 0x3d};

static void a_client_of_ipv4_is_read(void)
{
    struct proxy_header h;
    struct sockaddr_in in;
    CU_ASSERT_EQUAL_FATAL(proxy_header_parse(ipv4, sizeof ipv4, &h), 0);
    CU_ASSERT_EQUAL(h.len, sizeof ipv4);
    CU_ASSERT_TRUE(h.has_client);
    memcpy(&in, &h.client, sizeof in);
    CU_ASSERT_EQUAL(in.sin_family, AF_INET);
    CU_ASSERT_EQUAL(ntohl(in.sin_addr.s_addr), 0xc0000207);
    CU_ASSERT_EQUAL(ntohs(in.sin_port), 0xc001);
}

static void a_client_of_ipv6_is_read_and_extensions_are_skipped(void)
{
    uint8_t bytes[16 + 36 + 7] = {SIGNATURE, 0x21, 0x21, 0, 36 + 7, 0x20, 0x01, 0x0d, 0xb8};
    struct proxy_header h;
    struct sockaddr_in6 in6;
    char text[INET6_ADDRSTRLEN];
    bytes[16 + 15] = 9;
    CU_ASSERT_EQUAL_FATAL(proxy_header_parse(bytes, sizeof bytes, &h), 0);
    CU_ASSERT_EQUAL(h.len, sizeof bytes);
    memcpy(&in6, &h.client, sizeof in6);
    CU_ASSERT_STRING_EQUAL(inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text), "2001:db8::9");
}

static void a_balancers_own_connection_has_no_client(void)
{
    static const uint8_t local[] = {SIGNATURE, 0x20, 0x00, 0, 0};
    struct proxy_header h;
    CU_ASSERT_EQUAL_FATAL(proxy_header_parse(local, sizeof local, &h), 0);
    CU_ASSERT_FALSE(h.has_client);
}

static void a_beginning_needs_more(void)
{
    struct proxy_header h;
    for (size_t n = 0; n < sizeof ipv4; n++)
        CU_ASSERT_EQUAL(proxy_header_parse(ipv4, n, &h), CE_NEED_MORE);
}

static void what_is_no_such_header_is_refused(void)
{
    struct proxy_header h;
    uint8_t bytes[sizeof ipv4];
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{0, 3}, {11, 0}, {12, 0x11}, {12, 0x22}, {13, 0x12}, {13, 0x31}, {14, 0xff}, {15, 11}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(bytes, ipv4, sizeof bytes);
        bytes[changes[i].at] = changes[i].value;
        CU_ASSERT_EQUAL(proxy_header_parse(bytes, sizeof bytes, &h), CE_BAD_INPUT);
    }
}

SUITE("proxy_header", TEST(a_client_of_ipv4_is_read),
      TEST(a_client_of_ipv6_is_read_and_extensions_are_skipped),
      TEST(a_balancers_own_connection_has_no_client), TEST(a_beginning_needs_more),
      TEST(what_is_no_such_header_is_refused))
