#include <string.h>

#include "store_lab.h"
#include "suite.h"

static struct lab lab;

static const struct lease_row never = {.name = "host:h-1"};

static int add_count(void *arg, const struct lease_row *row)
{
    ++*(unsigned *)arg;
    return 0;
}

static void the_first_one_gets_it(void)
{
    struct lease_row row;
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_take(lab.db, &never, "one", "boot-1", &row)), 0);
    CU_ASSERT_EQUAL(row.epoch, 1);
    CU_ASSERT_STRING_EQUAL(row.owner, "one");
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_take(lab.db, &never, "two", "boot-2", &row)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_check(lab.db, "host:h-1", "boot-1")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_check(lab.db, "host:h-1", "boot-2")), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_check(lab.db, "host:h-2", "boot-1")), CE_CONFLICT);
    lab_close(&lab);
}

static void one_that_was_renewed_since_it_was_seen_is_not_taken(void)
{
    struct lease_row seen, row;
    unsigned count = 0;
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_take(lab.db, &never, "one", "boot-1", &seen)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_renew(lab.db, "boot-1", add_count, &count)), 0);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_take(lab.db, &seen, "two", "boot-2", &row)), CE_CONFLICT);
    lab_close(&lab);
}

static void one_that_stood_still_is_taken_with_the_next_epoch_and_renewed_no_more(void)
{
    struct lease_row seen, row;
    unsigned count = 0;
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_take(lab.db, &never, "one", "boot-1", &seen)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_take(lab.db, &seen, "two", "boot-2", &row)), 0);
    CU_ASSERT_EQUAL(row.epoch, 2);
    CU_ASSERT_TRUE(row.turn > seen.turn);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_renew(lab.db, "boot-1", add_count, &count)), 0);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_check(lab.db, "host:h-1", "boot-1")), CE_CONFLICT);
    lab_close(&lab);
}

static void one_that_is_given_back_can_be_taken_at_once(void)
{
    struct lease_row row;
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_take(lab.db, &never, "one", "boot-1", &row)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_give_back(lab.db, "", "boot-2")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_check(lab.db, "host:h-1", "boot-1")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_give_back(lab.db, "", "boot-1")), 0);
    struct lease_row seen = {.name = "host:h-1", .turn = 2};
    CU_ASSERT_EQUAL(LAB(&lab, store_lease_take(lab.db, &seen, "two", "boot-2", &row)), 0);
    CU_ASSERT_EQUAL(row.epoch, 2);
    lab_close(&lab);
}

SUITE("store_lease", TEST(the_first_one_gets_it), TEST(one_that_was_renewed_since_it_was_seen_is_not_taken),
      TEST(one_that_stood_still_is_taken_with_the_next_epoch_and_renewed_no_more),
      TEST(one_that_is_given_back_can_be_taken_at_once))
