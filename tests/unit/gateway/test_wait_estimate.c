#include "wait_estimate.h"

#include "suite.h"

static void the_pace_so_far_says_how_long(void)
{
    struct wait_estimate e = {0};
    wait_estimate_note(&e, 20, 1000);
    CU_ASSERT_EQUAL(wait_estimate_left_s(&e, 1000), 0);
    wait_estimate_note(&e, 60, 5000);
    CU_ASSERT_EQUAL(wait_estimate_left_s(&e, 5000), 4);
    CU_ASSERT_EQUAL(wait_estimate_left_s(&e, 7000), 2);
    CU_ASSERT_EQUAL(wait_estimate_left_s(&e, 60000), 1);
}

static void another_desktop_begins_anew(void)
{
    struct wait_estimate e = {0};
    wait_estimate_note(&e, 20, 1000);
    wait_estimate_note(&e, 60, 5000);
    wait_estimate_note(&e, 10, 6000);
    CU_ASSERT_EQUAL(wait_estimate_left_s(&e, 6000), 0);
    wait_estimate_note(&e, 0, 7000);
    CU_ASSERT_EQUAL(e.percent, 10);
}

SUITE("wait_estimate", TEST(the_pace_so_far_says_how_long), TEST(another_desktop_begins_anew))
