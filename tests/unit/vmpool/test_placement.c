#include "placement.h"

#include "suite.h"

static struct placement_host host(uint64_t memory_mib, uint64_t used_mib)
{
    return (struct placement_host){
        .usable = true, .memory_mib = memory_mib, .used_mib = used_mib, .starting_max = 4};
}

static void chooses_the_host_with_most_free_memory(void)
{
    struct placement_host hosts[] = {host(8000, 6000), host(4000, 1000), host(16000, 14000)};
    CU_ASSERT_EQUAL(placement_choose(hosts, 3, 1024), 1);
}

static void leaves_out_hosts_that_are_down(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(4000, 0)};
    hosts[0].usable = false;
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, 1024), 1);
    hosts[1].usable = false;
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, 1024), PLACEMENT_NO_HOST);
    CU_ASSERT_EQUAL(placement_choose(NULL, 0, 1024), PLACEMENT_NO_HOST);
}

static void never_promises_more_memory_than_there_is(void)
{
    struct placement_host hosts[] = {host(2000, 1000), host(2000, 3000)};
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, 1001), PLACEMENT_NO_MEMORY);
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, 1000), 0);
}

static void a_host_of_unknown_size_is_taken_as_enough(void)
{
    struct placement_host hosts[] = {host(0, 100000)};
    CU_ASSERT_EQUAL(placement_choose(hosts, 1, 4096), 0);
}

static void waits_while_enough_guests_start(void)
{
    struct placement_host hosts[] = {host(8000, 0), host(4000, 0)};
    hosts[0].starting = 4;
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, 1024), 1);
    hosts[1].starting = 4;
    CU_ASSERT_EQUAL(placement_choose(hosts, 2, 1024), PLACEMENT_BUSY);
}

SUITE("placement", TEST(chooses_the_host_with_most_free_memory), TEST(leaves_out_hosts_that_are_down),
      TEST(never_promises_more_memory_than_there_is), TEST(a_host_of_unknown_size_is_taken_as_enough),
      TEST(waits_while_enough_guests_start))
