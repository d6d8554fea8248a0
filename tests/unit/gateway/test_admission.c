#include "admission.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "config.h"
#include "suite.h"

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        memcpy(&storage, &in, sizeof in);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        memcpy(&storage, &in6, sizeof in6);
    return storage;
}

static struct admission *make(uint64_t connections, uint64_t per_address, uint64_t logins)
{
    struct config config;
    config_init(&config);
    config.gateway_max_connections = connections;
    config.gateway_max_per_address = per_address;
    config.gateway_max_logins = logins;
    return admission_create(&config);
}

static const char *enter(struct admission *admission, const char *text, struct admission_hold *hold)
{
    struct sockaddr_storage peer = address(text);
    return admission_enter(admission, &peer, hold);
}

static void says_which_limit_was_reached(void)
{
    struct admission *a = make(3, 2, 100);
    struct admission_hold h[4];
    CU_ASSERT_PTR_NULL(enter(a, "192.0.2.1", &h[0]));
    CU_ASSERT_PTR_NULL(enter(a, "192.0.2.1", &h[1]));
    CU_ASSERT_STRING_EQUAL(enter(a, "192.0.2.1", &h[2]), "max_per_address");
    CU_ASSERT_PTR_NULL(enter(a, "192.0.2.2", &h[2]));
    CU_ASSERT_STRING_EQUAL(enter(a, "192.0.2.3", &h[3]), "max_connections");
    admission_leave(a, &h[0]);
    CU_ASSERT_PTR_NULL(enter(a, "192.0.2.1", &h[3]));
    admission_destroy(&a);
    CU_ASSERT_PTR_NULL(a);
}

static void a_log_in_makes_room_for_another(void)
{
    struct admission *a = make(100, 100, 1);
    struct admission_hold h[2];
    CU_ASSERT_PTR_NULL(enter(a, "192.0.2.1", &h[0]));
    CU_ASSERT_STRING_EQUAL(enter(a, "192.0.2.2", &h[1]), "max_logins");
    admission_logged_in(a, &h[0]);
    admission_logged_in(a, &h[0]);
    CU_ASSERT_PTR_NULL(enter(a, "192.0.2.2", &h[1]));
    CU_ASSERT_EQUAL(admission_figures(a).logins, 1);
    CU_ASSERT_EQUAL(admission_figures(a).connections, 2);
    admission_destroy(&a);
}

static void a_refused_connection_holds_nothing(void)
{
    struct admission *a = make(1, 1, 1);
    struct admission_hold h[2];
    CU_ASSERT_PTR_NULL(enter(a, "192.0.2.1", &h[0]));
    CU_ASSERT_PTR_NOT_NULL(enter(a, "192.0.2.1", &h[1]));
    admission_leave(a, &h[1]);
    CU_ASSERT_EQUAL(admission_figures(a).connections, 1);
    admission_leave(a, &h[0]);
    admission_leave(a, &h[0]);
    CU_ASSERT_EQUAL(admission_figures(a).connections, 0);
    CU_ASSERT_EQUAL(admission_figures(a).addresses, 0);
    admission_destroy(&a);
}

static void one_subscribers_ipv6_network_is_one_address(void)
{
    struct admission *a = make(100, 2, 100);
    struct admission_hold h[4];
    CU_ASSERT_PTR_NULL(enter(a, "2001:db8:0:1::1", &h[0]));
    CU_ASSERT_PTR_NULL(enter(a, "2001:db8:0:1:ffff::2", &h[1]));
    CU_ASSERT_STRING_EQUAL(enter(a, "2001:db8:0:1::3", &h[2]), "max_per_address");
    CU_ASSERT_PTR_NULL(enter(a, "2001:db8:0:2::1", &h[3]));
    admission_destroy(&a);
}

static void many_addresses_are_kept_apart(void)
{
    enum { MANY = 20000 };
    static struct admission_hold h[MANY];
    struct admission *a = make(MANY, 1, MANY);
    char text[32];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        CU_ASSERT_PTR_NULL(enter(a, text, &h[i]));
    }
    CU_ASSERT_EQUAL(admission_figures(a).addresses, MANY);
    for (unsigned i = 0; i < MANY; i++)
        admission_leave(a, &h[i]);
    CU_ASSERT_EQUAL(admission_figures(a).addresses, 0);
    admission_destroy(&a);
}

static void a_balancers_connection_counts_for_its_client_once_it_is_known(void)
{
    struct admission *a = make(100, 1, 100);
    struct admission_hold h[3];
    struct sockaddr_storage client = address("192.0.2.1");
    for (int i = 0; i < 3; i++)
        CU_ASSERT_PTR_NULL(admission_enter(a, NULL, &h[i]));
    CU_ASSERT_PTR_NULL(admission_rename(a, &h[0], &client));
    CU_ASSERT_STRING_EQUAL(admission_rename(a, &h[1], &client), "max_per_address");
    CU_ASSERT_EQUAL(admission_figures(a).addresses, 2);
    admission_leave(a, &h[0]);
    CU_ASSERT_PTR_NULL(admission_rename(a, &h[1], &client));
    admission_leave(a, &h[1]);
    admission_leave(a, &h[2]);
    CU_ASSERT_EQUAL(admission_figures(a).addresses, 0);
    CU_ASSERT_EQUAL(admission_figures(a).connections, 0);
    admission_destroy(&a);
}

SUITE("admission", TEST(a_balancers_connection_counts_for_its_client_once_it_is_known),
      TEST(says_which_limit_was_reached), TEST(a_log_in_makes_room_for_another),
      TEST(a_refused_connection_holds_nothing), TEST(one_subscribers_ipv6_network_is_one_address),
      TEST(many_addresses_are_kept_apart))
