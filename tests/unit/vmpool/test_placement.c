#include "placement.h"

#include "suite.h"

static struct placement_host host(uint64_t memory_mib, uint64_t used_mib)
{
    static const char *const names[] = {"h1", "h2", "h3", "h4"};
    static unsigned next;
    return (struct placement_host){.usable = true,
                                   .has_image = true,
                                   .name = names[next++ % 4],
                                   .labels = "",
                                   .memory_mib = memory_mib,
                                   .used_mib = used_mib,
                                   .starting_max = 4};
}

static struct placement_need need(uint64_t memory_mib)
{
    return (struct placement_need){.memory_mib = memory_mib, .vcpus = 2, .labels = "", .apart = ""};
}

static int choose(const struct placement_host *hosts, size_t count, uint64_t memory_mib)
{
    struct placement_need wanted = need(memory_mib);
    return placement_choose(hosts, count, &wanted);
}

static void spread_takes_the_host_with_the_largest_share_left(void)
{
    struct placement_host hosts[] = {host(8000, 6000), host(4000, 1000), host(16000, 14000)};
    CU_ASSERT_EQUAL(choose(hosts, 3, 1024), 1);
}

static void pack_fills_one_host_before_the_next(void)
{
    struct placement_host hosts[] = {host(8000, 2000), host(8000, 6000), host(8000, 7500)};
    struct placement_need wanted = need(1024);
    wanted.order = PLACEMENT_PACK;
    CU_ASSERT_EQUAL(placement_choose(hosts, 3, &wanted), 1);
}

static void the_scarcer_of_memory_and_processors_decides(void)
{
    struct placement_host hosts[] = {host(64000, 1000), host(8000, 4000)};
    hosts[0].vcpus = hosts[1].vcpus = 100;
    hosts[0].used_vcpus = 90;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1024), 1);
}

static void leaves_out_hosts_that_are_down(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(4000, 0)};
    hosts[0].usable = false;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1024), 1);
    hosts[1].usable = false;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1024), PLACEMENT_NO_HOST);
    CU_ASSERT_EQUAL(choose(NULL, 0, 1024), PLACEMENT_NO_HOST);
}

static void never_promises_more_memory_or_processors_than_there_are(void)
{
    struct placement_host hosts[] = {host(2000, 1000), host(2000, 3000)};
    CU_ASSERT_EQUAL(choose(hosts, 2, 1001), PLACEMENT_NO_MEMORY);
    CU_ASSERT_EQUAL(choose(hosts, 2, 1000), 0);
    hosts[0].vcpus = 8;
    hosts[0].used_vcpus = 6;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1000), 0);
    hosts[0].used_vcpus = 7;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1000), PLACEMENT_NO_CPU);
}

static void a_host_of_unknown_size_is_taken_as_enough(void)
{
    struct placement_host hosts[] = {host(0, 100000)};
    CU_ASSERT_EQUAL(choose(hosts, 1, 4096), 0);
}

static void a_full_disk_takes_no_guest(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(8000, 4000)};
    struct placement_need wanted = need(1024);
    wanted.disk_mib = 500;
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, &wanted), 0);
    hosts[0].disk_known = true;
    hosts[0].disk_free_mib = 499;
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, &wanted), 1);
    hosts[1] = hosts[0];
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, &wanted), PLACEMENT_NO_DISK);
}

static void labels_are_wanted_and_refused(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(8000, 4000), host(8000, 5000)};
    hosts[0].labels = "gpu ssd";
    hosts[1].labels = "ssd";
    struct placement_need wanted = need(1024);
    wanted.labels = "ssd !gpu";
    CU_ASSERT_EQUAL(placement_choose(hosts, 3, &wanted), 1);
    wanted.labels = "tape";
    CU_ASSERT_EQUAL(placement_choose(hosts, 3, &wanted), PLACEMENT_NO_LABEL);
}

static void only_where_the_image_is(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(8000, 4000)};
    hosts[0].has_image = false;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1024), 1);
    hosts[1].has_image = false;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1024), PLACEMENT_NO_IMAGE);
}

/* Where each of COUNT desktops goes, as letters. */
static void place_all(struct placement_host *hosts, size_t host_count, const struct placement_need *wanted,
                      unsigned count, char *ret)
{
    for (unsigned i = 0; i < count; i++) {
        int chosen = placement_choose(hosts, host_count, wanted);
        ret[i] = chosen < 0 ? '-' : (char)('a' + chosen);
        ret[i + 1] = 0;
        if (chosen >= 0)
            placement_take(&hosts[chosen], wanted);
    }
}

static void a_pool_has_no_more_on_one_host_than_its_quota(void)
{
    struct placement_host hosts[] = {host(0, 0), host(0, 0)};
    char where[16];
    struct placement_need wanted = need(1000);
    wanted.host_max = 2;
    hosts[0].of_pool = 1;
    place_all(hosts, 2, &wanted, 5, where);
    CU_ASSERT_STRING_EQUAL(where, "bab--");
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, &wanted), PLACEMENT_POOL_QUOTA);
    CU_ASSERT_EQUAL(placement_ceiling(10, 2, 2), 4);
    CU_ASSERT_EQUAL(placement_ceiling(3, 2, 2), 3);
    CU_ASSERT_EQUAL(placement_ceiling(10, 0, 2), 10);
}

static void a_host_has_no_more_of_all_pools_than_its_quota(void)
{
    struct placement_host hosts[] = {host(0, 0), host(0, 0)};
    struct placement_need wanted = need(1000);
    hosts[0].max = hosts[1].max = 5;
    hosts[0].total = 5;
    hosts[1].total = 4;
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, &wanted), 1);
    placement_take(&hosts[1], &wanted);
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, &wanted), PLACEMENT_HOST_QUOTA);
    hosts[0].max = 0; /* any number */
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, &wanted), 0);
}

static void waits_while_enough_guests_start(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(4000, 0)};
    hosts[0].starting = 4;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1024), 1);
    hosts[1].starting = 4;
    CU_ASSERT_EQUAL(choose(hosts, 2, 1024), PLACEMENT_BUSY);
}

static void the_reason_is_what_the_best_of_them_lacked(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(100, 0), host(100, 0)};
    hosts[0].usable = false;
    hosts[1].labels = "ssd";
    struct placement_need wanted = need(1024);
    wanted.labels = "ssd";
    CU_ASSERT_EQUAL(placement_choose(hosts, 3, &wanted), PLACEMENT_NO_MEMORY);
    for (int why = PLACEMENT_BUSY; why < 0; why++)
        CU_ASSERT_EQUAL(placement_words(why)[0] == 0, why == PLACEMENT_BUSY);
}

static void apart_keeps_the_pool_even_over_racks_before_room_counts(void)
{
    struct placement_host hosts[] = {host(64000, 0), host(64000, 1000), host(4000, 0)};
    char where[16];
    hosts[0].labels = hosts[1].labels = "rack=a";
    hosts[2].labels = "rack=b";
    struct placement_need wanted = need(1000);
    wanted.apart = "rack";
    place_all(hosts, 3, &wanted, 6, where);
    CU_ASSERT_STRING_EQUAL(where, "acbcac"); /* the first is taken where most is left */
    CU_ASSERT_EQUAL(hosts[0].of_pool + hosts[1].of_pool, 3);
    CU_ASSERT_EQUAL(hosts[2].of_pool, 3);
}

static void apart_by_host_counts_the_pool_only(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(8000, 6000)};
    hosts[0].of_pool = 1;
    struct placement_need wanted = need(1000);
    wanted.apart = "host";
    wanted.order = PLACEMENT_PACK;
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, &wanted), 1);
}

static void equal_hosts_take_turns(void)
{
    struct placement_host hosts[] = {host(0, 0), host(0, 0), host(0, 0)};
    char where[16];
    struct placement_need wanted = need(1000);
    place_all(hosts, 3, &wanted, 6, where);
    CU_ASSERT_STRING_EQUAL(where, "abcabc");
}

SUITE("placement", TEST(spread_takes_the_host_with_the_largest_share_left),
      TEST(pack_fills_one_host_before_the_next), TEST(the_scarcer_of_memory_and_processors_decides),
      TEST(leaves_out_hosts_that_are_down), TEST(never_promises_more_memory_or_processors_than_there_are),
      TEST(a_host_of_unknown_size_is_taken_as_enough), TEST(a_full_disk_takes_no_guest),
      TEST(labels_are_wanted_and_refused), TEST(only_where_the_image_is),
      TEST(a_pool_has_no_more_on_one_host_than_its_quota),
      TEST(a_host_has_no_more_of_all_pools_than_its_quota), TEST(waits_while_enough_guests_start),
      TEST(the_reason_is_what_the_best_of_them_lacked),
      TEST(apart_keeps_the_pool_even_over_racks_before_room_counts), TEST(apart_by_host_counts_the_pool_only),
      TEST(equal_hosts_take_turns))
