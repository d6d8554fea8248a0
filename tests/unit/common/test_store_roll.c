#include <stdio.h>
#include <string.h>

#include "store_lab.h"
#include "suite.h"

static struct lab lab;
static struct pool_row pool;
static struct image_row first, second;

static void publish(const char *name, struct image_row *ret)
{
    *ret = (struct image_row){.state = IMAGE_READY};
    snprintf(ret->name, sizeof ret->name, "%s", name);
    snprintf(ret->format, sizeof ret->format, "qcow2");
    CU_ASSERT_EQUAL(LAB(&lab, store_image_publish(lab.db, ret)), 0);
}

static int begin_roll(const struct image_row *to)
{
    struct roll_row roll = {.max_unavailable = 25, .failure_limit = 2};
    snprintf(roll.pool_id, sizeof roll.pool_id, "%s", pool.id);
    snprintf(roll.to_image_id, sizeof roll.to_image_id, "%s", to->id);
    return LAB(&lab, store_roll_begin(lab.db, &roll));
}

static struct roll_row roll_now(void)
{
    struct roll_row roll = {0};
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_get(lab.db, pool.id, &roll)), 0);
    return roll;
}

static const char *image_now(void)
{
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, pool.id, &pool)), 0);
    return pool.image_id;
}

static void open_lab(void)
{
    lab_open(&lab);
    publish("debian", &first);
    publish("debian", &second);
    pool = (struct pool_row){.enabled = true, .max = 9};
    snprintf(pool.name, sizeof pool.name, "office");
    snprintf(pool.image_id, sizeof pool.image_id, "%s", first.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_insert(lab.db, &pool)), 0);
}

static void versions_count_up_and_are_found_by_name(void)
{
    struct image_row image;
    open_lab();
    CU_ASSERT_EQUAL(first.version, 1);
    CU_ASSERT_EQUAL(second.version, 2);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_get(lab.db, "debian", &image)), 0);
    CU_ASSERT_EQUAL(image.version, 2);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_get(lab.db, "debian@1", &image)), 0);
    CU_ASSERT_STRING_EQUAL(image.id, first.id);
    static const char *const bad[] = {"debian@",   "debian@0", "debian@01", "debian@3",
                                      "debian@1x", "@1",       "debian@-1", "debian@99999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(LAB(&lab, store_image_get(lab.db, bad[i], &image)), CE_NOT_FOUND);
    /* One that does not work yet is nobody's choice. */
    second.state = IMAGE_FAILED;
    CU_ASSERT_EQUAL(LAB(&lab, store_image_update(lab.db, &second)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_get(lab.db, "debian", &image)), 0);
    CU_ASSERT_EQUAL(image.version, 1);
    lab_close(&lab);
}

static void a_number_does_not_come_again(void)
{
    struct image_row third;
    open_lab();
    CU_ASSERT_EQUAL(LAB(&lab, store_image_order_delete(lab.db, second.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_delete(lab.db, second.id)), 0);
    publish("debian", &third);
    CU_ASSERT_EQUAL(third.version, 3);
    snprintf(third.name, sizeof third.name, "debian");
    CU_ASSERT_EQUAL(LAB(&lab, store_image_insert(lab.db, &third)), CE_EXISTS);
    lab_close(&lab);
}

static void the_pool_gets_the_image_with_the_canary_and_back_when_it_stops(void)
{
    struct desktop_row desktop = {0};
    bool counted;
    open_lab();
    CU_ASSERT_EQUAL(begin_roll(&second), 0);
    CU_ASSERT_EQUAL(begin_roll(&second), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_move(lab.db, pool.id, ROLL_SCHEDULED, ROLL_CANARY, "")), 0);
    CU_ASSERT_STRING_EQUAL(image_now(), first.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_move(lab.db, pool.id, ROLL_SCHEDULED, ROLL_CANARY, "")),
                    CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_move(lab.db, pool.id, ROLL_CANARY, ROLL_ROLLING, "")), 0);
    CU_ASSERT_STRING_EQUAL(image_now(), second.id);
    CU_ASSERT_EQUAL(pool.image_version, 2);
    snprintf(desktop.pool_id, sizeof desktop.pool_id, "%s", pool.id);
    snprintf(desktop.name, sizeof desktop.name, "office-7");
    snprintf(desktop.image_id, sizeof desktop.image_id, "%s", first.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_failed(lab.db, &desktop, "no answer", &counted)), 0);
    CU_ASSERT_FALSE(counted); /* one of the old image is the pool's own failure */
    snprintf(desktop.image_id, sizeof desktop.image_id, "%s", second.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_failed(lab.db, &desktop, "no answer", &counted)), 0);
    CU_ASSERT_TRUE(counted);
    CU_ASSERT_EQUAL(roll_now().phase, ROLL_ROLLING);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_failed(lab.db, &desktop, "no answer", &counted)), 0);
    CU_ASSERT_EQUAL(roll_now().phase, ROLL_STOPPED);
    CU_ASSERT_PTR_NOT_NULL(strstr(roll_now().reason, "office-7: no answer"));
    CU_ASSERT_STRING_EQUAL(image_now(), first.id);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'pool.roll-stopped'"), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_resume(lab.db, pool.id)), 0);
    CU_ASSERT_EQUAL(roll_now().phase, ROLL_CANARY);
    CU_ASSERT_EQUAL(roll_now().failures, 0);
    lab_close(&lab);
}

static void back_is_a_roll_the_other_way(void)
{
    open_lab();
    CU_ASSERT_EQUAL(begin_roll(&second), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_pause(lab.db, pool.id)), 0);
    CU_ASSERT_TRUE(roll_now().paused);
    CU_ASSERT_EQUAL(LAB(&lab, store_roll_back(lab.db, pool.id, false)), 0);
    const struct roll_row roll = roll_now();
    CU_ASSERT_FALSE(roll.paused);
    CU_ASSERT_EQUAL(roll.phase, ROLL_ROLLING);
    CU_ASSERT_STRING_EQUAL(roll.to, "debian@1");
    CU_ASSERT_STRING_EQUAL(image_now(), first.id);
    lab_close(&lab);
}

static void while_it_is_under_way_nobody_else_sets_the_image(void)
{
    open_lab();
    CU_ASSERT_EQUAL(begin_roll(&second), 0);
    snprintf(pool.image_id, sizeof pool.image_id, "%s", second.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), CE_CONFLICT);
    snprintf(pool.image_id, sizeof pool.image_id, "%s", first.id);
    pool.spare = 3;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_order_delete(lab.db, second.id)), CE_CONFLICT);
    lab_close(&lab);
}

static int count_image(void *arg, const struct image_row *row)
{
    ++*(unsigned *)arg;
    return 0;
}

static void old_versions_go_when_nothing_refers_to_them(void)
{
    struct image_row third, fourth;
    unsigned count = 0;
    open_lab();
    publish("debian", &third);
    publish("debian", &fourth);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_prune(lab.db, "debian", 2, count_image, &count)), 0);
    CU_ASSERT_EQUAL(count, 0); /* the pool has the first, and two of the others stay */
    CU_ASSERT_EQUAL(LAB(&lab, store_image_prune(lab.db, "", 0, count_image, &count)), 0);
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM images WHERE state = 'deleting'"), 2);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT version FROM images WHERE state = 'ready' ORDER BY version"), 1);
    lab_close(&lab);
}

SUITE("store_roll", TEST(versions_count_up_and_are_found_by_name), TEST(a_number_does_not_come_again),
      TEST(the_pool_gets_the_image_with_the_canary_and_back_when_it_stops),
      TEST(back_is_a_roll_the_other_way), TEST(while_it_is_under_way_nobody_else_sets_the_image),
      TEST(old_versions_go_when_nothing_refers_to_them))
