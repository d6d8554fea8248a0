#include "suite.h"

#include <string.h>

#include "store_lab.h"

static struct lab lab;
static struct user_row ann;

static void begin(void)
{
    lab_open(&lab);
    lab_user(&lab, "ann", &ann);
}

static int64_t last_step(void)
{
    char sealed[64];
    size_t len = 0;
    int64_t step = -1;
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_get(lab.db, ann.id, sealed, sizeof sealed, &len, &step)), 0);
    CU_ASSERT_EQUAL(len, 6);
    CU_ASSERT_EQUAL(memcmp(sealed, "sealed", 6), 0);
    return step;
}

static void a_user_has_one_secret_or_none(void)
{
    char sealed[64];
    size_t len;
    int64_t step;
    struct user_row got;
    begin();
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_get(lab.db, ann.id, sealed, sizeof sealed, &len, &step)),
                    CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_delete(lab.db, ann.id)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_insert(lab.db, ann.id, "sealed", 6)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_insert(lab.db, ann.id, "other", 5)), CE_EXISTS);
    CU_ASSERT_EQUAL(last_step(), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "ann", &got)), 0);
    CU_ASSERT_TRUE(got.has_otp);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_delete(lab.db, ann.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "ann", &got)), 0);
    CU_ASSERT_FALSE(got.has_otp);
    lab_close(&lab);
}

static void steps_only_rise(void)
{
    begin();
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_use(lab.db, ann.id, 5)), CE_CONFLICT); /* no secret */
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_insert(lab.db, ann.id, "sealed", 6)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_use(lab.db, ann.id, 5)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_use(lab.db, ann.id, 5)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_use(lab.db, ann.id, 4)), CE_CONFLICT);
    CU_ASSERT_EQUAL(last_step(), 5);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_use(lab.db, ann.id, 6)), 0);
    CU_ASSERT_EQUAL(last_step(), 6);
    lab_close(&lab);
}

static void a_secret_goes_with_its_user(void)
{
    begin();
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_insert(lab.db, ann.id, "sealed", 6)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_delete(lab.db, ann.id)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM otp_secrets"), 0);
    lab_close(&lab);
}

static void a_new_password_is_new_and_need_not_be_changed(void)
{
    struct user_row got, none = {.name = "bob"};
    begin();
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "ann", &got)), 0);
    CU_ASSERT_EQUAL(got.password_ms, got.created_ms);
    CU_ASSERT_FALSE(got.must_change);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_set_must_change(lab.db, ann.id, true)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_set_must_change(lab.db, "u-none", true)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "ann", &got)), 0);
    CU_ASSERT_TRUE(got.must_change);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_set_password(lab.db, ann.id, "hash")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "ann", &got)), 0);
    CU_ASSERT_FALSE(got.must_change);
    CU_ASSERT_TRUE(got.password_ms >= got.created_ms && got.password_ms <= store_now_ms());
    CU_ASSERT_EQUAL(LAB(&lab, store_user_insert(lab.db, &none, NULL)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "bob", &got)), 0);
    CU_ASSERT_EQUAL(got.password_ms, 0);
    lab_close(&lab);
}

SUITE("store_otp", TEST(a_user_has_one_secret_or_none), TEST(steps_only_rise),
      TEST(a_secret_goes_with_its_user), TEST(a_new_password_is_new_and_need_not_be_changed))
