#include "census.h"

#include <stdio.h>

#include "suite.h"

static struct desktop_row row_of(const char *pool, const char *host, const char *image,
                                 enum desktop_state state)
{
    struct desktop_row row = {.state = state};
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool);
    snprintf(row.host_id, sizeof row.host_id, "%s", host);
    snprintf(row.image_id, sizeof row.image_id, "%s", image);
    return row;
}

static struct tally *first_of_pool(const struct census *census, const char *pool)
{
    const struct census_group *group = census_find(census, pool);
    return group && !list_is_empty(&group->of_pool) ? list_entry(group->of_pool.next, struct tally, in_pool)
                                                    : NULL;
}

static void counts_follow_a_desktop_through_its_states(void)
{
    struct census census = {0};
    struct census_place place = {0};
    list_init(&place.entry);
    struct desktop_row row = row_of("p", "h", "i", DESKTOP_CLONING);
    CU_ASSERT_TRUE(census_put(&census, &place, &row));
    const struct tally *tally = first_of_pool(&census, "p");
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
    CU_ASSERT_EQUAL(tally->coming, 1);
    CU_ASSERT_EQUAL(census_find(&census, "h")->starting, 1);
    row.state = DESKTOP_READY;
    CU_ASSERT_TRUE(census_put(&census, &place, &row));
    CU_ASSERT_EQUAL(tally->coming, 0);
    CU_ASSERT_EQUAL(tally->free_ready, 1);
    CU_ASSERT_EQUAL(census_find(&census, "h")->starting, 0);
    row.state = DESKTOP_IN_USE;
    row.touched = true;
    CU_ASSERT_TRUE(census_put(&census, &place, &row));
    CU_ASSERT_EQUAL(tally->free_ready, 0);
    CU_ASSERT_EQUAL(tally->running, 1);
    row.state = DESKTOP_STOPPED;
    CU_ASSERT_TRUE(census_put(&census, &place, &row));
    CU_ASSERT_EQUAL(tally->running, 0);
    CU_ASSERT_EQUAL(tally->total, 1);
    census_remove(&census, &place);
    CU_ASSERT_PTR_NULL(census_find(&census, "p"));
    CU_ASSERT_PTR_NULL(census_find(&census, "h"));
    CU_ASSERT_PTR_NULL(census_find(&census, "i"));
    census_remove(&census, &place);
    census_finish(&census);
}

static void one_that_moves_is_counted_where_it_is(void)
{
    struct census census = {0};
    struct census_place a = {0}, b = {0};
    list_init(&a.entry);
    list_init(&b.entry);
    struct desktop_row row = row_of("p", "h1", "i", DESKTOP_READY);
    CU_ASSERT_TRUE(census_put(&census, &a, &row));
    CU_ASSERT_TRUE(census_put(&census, &b, &row));
    row = row_of("p", "h2", "i", DESKTOP_BOOTING);
    CU_ASSERT_TRUE(census_put(&census, &b, &row));
    CU_ASSERT_EQUAL(census_find(&census, "h1")->starting, 0);
    CU_ASSERT_EQUAL(census_find(&census, "h2")->starting, 1);
    CU_ASSERT_EQUAL(a.tally->total, 1);
    CU_ASSERT_EQUAL(b.tally->total, 1);
    CU_ASSERT_PTR_NOT_EQUAL(a.tally, b.tally);
    CU_ASSERT_EQUAL(census_find(&census, "p")->tallies, 2);
    census_remove(&census, &a);
    CU_ASSERT_PTR_NULL(census_find(&census, "h1"));
    census_remove(&census, &b);
    census_finish(&census);
}

/* Rows may be without host or image; the same empty text stands for both then. */
static void a_row_without_host_and_image_is_counted_too(void)
{
    struct census census = {0};
    struct census_place place = {0};
    list_init(&place.entry);
    struct desktop_row row = row_of("p", "", "", DESKTOP_FAILED);
    CU_ASSERT_TRUE(census_put(&census, &place, &row));
    CU_ASSERT_EQUAL(place.tally->total, 1);
    census_remove(&census, &place);
    CU_ASSERT_EQUAL(census.groups.count, 0);
    census_finish(&census);
}

SUITE("census", TEST(counts_follow_a_desktop_through_its_states), TEST(one_that_moves_is_counted_where_it_is),
      TEST(a_row_without_host_and_image_is_counted_too))
