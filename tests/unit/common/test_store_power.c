#include <carrel/power.h>

#include <stdio.h>
#include <string.h>

#include "store_lab.h"
#include "suite.h"

static struct lab lab;
static struct pool_row pool;

static void open_lab(enum pool_kind kind)
{
    lab_open(&lab);
    lab_pool(&lab, "office", kind, 9, &pool);
}

static struct power_row power_now(void)
{
    struct power_row row = {0};
    CU_ASSERT_EQUAL(LAB(&lab, store_power_get(lab.db, pool.id, &row)), 0);
    return row;
}

static void a_pool_without_a_word_keeps_its_spare(void)
{
    struct power_row row;
    open_lab(POOL_FLOATING);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_get(lab.db, pool.id, &row)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(row.mode, POWER_SPARE);
    CU_ASSERT_EQUAL(row.idle, POWER_KEEP);
    lab_close(&lab);
}

static void what_is_set_is_read(void)
{
    struct power_row row = {.mode = POWER_ON_CONNECT, .idle = POWER_SUSPEND, .idle_after_ms = 60000};
    open_lab(POOL_DEDICATED);
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool.id);
    snprintf(row.zone, sizeof row.zone, "Europe/Berlin");
    CU_ASSERT_EQUAL(LAB(&lab, store_power_set(lab.db, &row)), 0);
    row = power_now();
    CU_ASSERT_EQUAL(row.mode, POWER_ON_CONNECT);
    CU_ASSERT_EQUAL(row.idle, POWER_SUSPEND);
    CU_ASSERT_EQUAL(row.idle_after_ms, 60000);
    CU_ASSERT_STRING_EQUAL(row.zone, "Europe/Berlin");
    row.autoscale = true;
    CU_ASSERT_EQUAL(LAB(&lab, store_power_set(lab.db, &row)), CE_CONFLICT); /* each user has one already */
    lab_close(&lab);
}

static void floating_desktops_are_not_suspended(void)
{
    struct power_row row = {.mode = POWER_SPARE, .idle = POWER_SUSPEND};
    open_lab(POOL_FLOATING);
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_set(lab.db, &row)), CE_CONFLICT);
    row.idle = POWER_KEEP;
    row.autoscale = true;
    CU_ASSERT_EQUAL(LAB(&lab, store_power_set(lab.db, &row)), 0);
    lab_close(&lab);
}

static struct power_rule rule(const char *hours, uint32_t spare)
{
    struct power_rule rule = {.mode = POWER_SPARE, .spare = spare};
    CU_ASSERT_EQUAL(power_hours_parse(hours, &rule.window), 0);
    return rule;
}

static void rules_have_numbers_by_which_they_go(void)
{
    struct power_rule first = rule("mon-fri 07:30-18:00", 5), second = rule("sat 08:00-12:00", 2), all[16];
    unsigned count = 0;
    open_lab(POOL_FLOATING);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_insert(lab.db, pool.id, &first)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_insert(lab.db, pool.id, &second)), 0);
    CU_ASSERT_EQUAL(second.number, 2);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_delete(lab.db, pool.id, 1)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_delete(lab.db, pool.id, 1)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rules(lab.db, pool.id, all, &count)), 0);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(all[0].number, 2);
    CU_ASSERT_EQUAL(all[0].spare, 2);
    CU_ASSERT_EQUAL(all[0].window.from_min, 480);
    lab_close(&lab);
}

static void more_than_the_pool_may_have_and_more_rules_than_are_kept_are_refused(void)
{
    struct power_rule many = rule("mon-fri 07:30-18:00", 10), one = rule("mon 07:30-18:00", 1);
    open_lab(POOL_FLOATING);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_insert(lab.db, pool.id, &many)), CE_CONFLICT);
    for (int i = 0; i < POWER_RULES_MAX; i++)
        CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_insert(lab.db, pool.id, &one)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_insert(lab.db, pool.id, &one)), CE_LIMIT);
    lab_close(&lab);
}

static void a_change_is_an_event_and_the_same_again_is_none(void)
{
    struct power_rule first = rule("mon-fri 07:30-18:00", 5);
    open_lab(POOL_FLOATING);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_insert(lab.db, pool.id, &first)), 0);
    struct power_row row = power_now();
    row.now_spare = 5;
    snprintf(row.now_why, sizeof row.now_why, "schedule says 5");
    row.now_until_ms = 77;
    CU_ASSERT_EQUAL(LAB(&lab, store_power_tell(lab.db, &row)), 0);
    row.now_until_ms = 99;
    CU_ASSERT_EQUAL(LAB(&lab, store_power_tell(lab.db, &row)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'pool.schedule'"), 1);
    CU_ASSERT_EQUAL(power_now().now_until_ms, 99);
    lab_close(&lab);
}

/* --- usage ------------------------------------------------------------------------------------------------
 */

static void use(int64_t week, uint32_t peak)
{
    struct usage_row row = {.week = week, .slot = 40, .peak = peak};
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_usage_set(lab.db, &row)), 0);
}

static void usual(int64_t week, int32_t a, int32_t b, int32_t c, int32_t d)
{
    int32_t peaks[POWER_WEEKS];
    CU_ASSERT_EQUAL(LAB(&lab, store_usage_get(lab.db, pool.id, 40, week, peaks)), 0);
    CU_ASSERT(peaks[0] == a && peaks[1] == b && peaks[2] == c && peaks[3] == d);
}

static void the_newest_weeks_are_kept_in_one_row(void)
{
    open_lab(POOL_FLOATING);
    usual(100, -1, -1, -1, -1);
    use(100, 3);
    use(100, 2); /* a process that began anew saw less */
    usual(100, -1, -1, -1, -1);
    usual(101, 3, -1, -1, -1);
    use(101, 4);
    use(102, 5);
    use(103, 6);
    use(104, 7);
    use(105, 8);
    usual(105, 7, 6, 5, 4);
    usual(106, 8, 7, 6, 5);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM pool_usage"), 1);
    lab_close(&lab);
}

static void weeks_that_nobody_counted_are_not_known(void)
{
    open_lab(POOL_FLOATING);
    use(100, 3);
    use(103, 6);
    usual(104, 6, -1, -1, 3);
    usual(120, -1, -1, -1, -1);
    use(90, 50); /* a clock that was set back */
    usual(104, 6, -1, -1, 3);
    lab_close(&lab);
}

static void it_goes_with_its_pool(void)
{
    struct power_rule first = rule("mon-fri 07:30-18:00", 5);
    open_lab(POOL_FLOATING);
    use(100, 3);
    CU_ASSERT_EQUAL(LAB(&lab, store_power_rule_insert(lab.db, pool.id, &first)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_delete(lab.db, pool.id)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab,
                              "SELECT (SELECT COUNT(*) FROM pool_usage) + (SELECT COUNT(*) FROM pool_rules)"
                              " + (SELECT COUNT(*) FROM pool_power)"),
                    0);
    use(101, 3); /* counted before it went: nothing comes of it */
    lab_close(&lab);
}

SUITE("store_power", TEST(a_pool_without_a_word_keeps_its_spare), TEST(what_is_set_is_read),
      TEST(floating_desktops_are_not_suspended), TEST(rules_have_numbers_by_which_they_go),
      TEST(more_than_the_pool_may_have_and_more_rules_than_are_kept_are_refused),
      TEST(a_change_is_an_event_and_the_same_again_is_none), TEST(the_newest_weeks_are_kept_in_one_row),
      TEST(weeks_that_nobody_counted_are_not_known), TEST(it_goes_with_its_pool))
