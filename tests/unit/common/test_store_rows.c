#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "store_lab.h"

static struct lab lab;
static char listed[1000];

#define TEXT(field, text) snprintf((field), sizeof(field), "%s", (text))

static int user_name(void *arg, const struct user_row *row)
{
    strcat(strcat(listed, row->name), " ");
    return 0;
}

static int pool_name(void *arg, const struct pool_row *row)
{
    strcat(strcat(listed, row->name), " ");
    return 0;
}

static int entitlement_name(void *arg, const struct entitlement_row *row)
{
    strcat(strcat(strcat(strcat(listed, row->subject), row->is_group ? "*>" : ">"), row->pool), " ");
    return 0;
}

static void users_are_unique_without_regard_to_case(void)
{
    struct user_row ann, bob, again = {.name = "ANN"}, got;
    lab_open(&lab);
    lab_user(&lab, "bob@example.org", &bob);
    lab_user(&lab, "Ann", &ann);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_insert(lab.db, &again, "")), CE_EXISTS);
    TEXT(again.name, "no body");
    CU_ASSERT_EQUAL(LAB(&lab, store_user_insert(lab.db, &again, "")), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "aNN", &got)), 0);
    CU_ASSERT_STRING_EQUAL(got.id, ann.id);
    CU_ASSERT_STRING_EQUAL(got.name, "Ann");
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, ann.id, &got)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "cid", &got)), CE_NOT_FOUND);
    listed[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_user_list(lab.db, user_name, NULL)), 0);
    CU_ASSERT_STRING_EQUAL(listed, "Ann bob@example.org ");
    lab_close(&lab);
}

static void passwords_are_read_by_name_only(void)
{
    struct user_row ann, got;
    char hash[64] = "";
    lab_open(&lab);
    lab_user(&lab, "ann", &ann);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get_password(lab.db, "ANN", &got, hash, sizeof hash)), 0);
    CU_ASSERT_STRING_EQUAL(hash, "hash");
    CU_ASSERT_EQUAL(LAB(&lab, store_user_set_password(lab.db, ann.id, "new")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get_password(lab.db, "ann", &got, hash, sizeof hash)), 0);
    CU_ASSERT_STRING_EQUAL(hash, "new");
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get_password(lab.db, ann.id, &got, hash, sizeof hash)),
                    CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_set_password(lab.db, "u-none", "new")), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_touch_login(lab.db, ann.id)), 0);
    TEXT(ann.full_name, "Ann Example");
    ann.disabled = true;
    CU_ASSERT_EQUAL(LAB(&lab, store_user_update(lab.db, &ann)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_get(lab.db, "ann", &got)), 0);
    CU_ASSERT_TRUE(got.disabled);
    CU_ASSERT_STRING_EQUAL(got.full_name, "Ann Example");
    CU_ASSERT_NOT_EQUAL(got.last_login_ms, 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_delete(lab.db, ann.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_delete(lab.db, ann.id)), CE_NOT_FOUND);
    lab_close(&lab);
}

static const char *pools_of(const struct user_row *user)
{
    listed[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_entitlement_pools(lab.db, user->id, pool_name, NULL)), 0);
    return listed;
}

static void entitlements_reach_users_directly_and_through_groups(void)
{
    struct user_row ann, bob;
    struct pool_row one, two;
    struct group_row staff = {.name = "staff"}, got;
    struct entitlement_row direct = {0}, through = {.is_group = true}, seen;
    lab_open(&lab);
    lab_user(&lab, "ann", &ann);
    lab_user(&lab, "bob", &bob);
    lab_pool(&lab, "two", POOL_FLOATING, 1, &two);
    lab_pool(&lab, "one", POOL_FLOATING, 1, &one);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_insert(lab.db, &staff)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_insert(lab.db, &staff)), CE_EXISTS);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_get(lab.db, "staff", &staff)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_add(lab.db, staff.id, ann.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_add(lab.db, staff.id, ann.id)), CE_EXISTS);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_add(lab.db, "g-none", ann.id)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_get(lab.db, "staff", &got)), 0);
    CU_ASSERT_EQUAL(got.members, 1);
    listed[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_group_members(lab.db, staff.id, user_name, NULL)), 0);
    CU_ASSERT_STRING_EQUAL(listed, "ann ");

    TEXT(direct.pool_id, two.id);
    TEXT(direct.subject_id, ann.id);
    TEXT(through.pool_id, one.id);
    TEXT(through.subject_id, staff.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_entitlement_insert(lab.db, &direct)), 0);
    CU_ASSERT_STRING_EQUAL(direct.subject, "ann");
    CU_ASSERT_EQUAL(LAB(&lab, store_entitlement_insert(lab.db, &direct)), CE_EXISTS);
    CU_ASSERT_EQUAL(LAB(&lab, store_entitlement_insert(lab.db, &through)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_entitlement_get(lab.db, through.id, &seen)), 0);
    CU_ASSERT_TRUE(seen.is_group);
    CU_ASSERT_STRING_EQUAL(pools_of(&ann), "one two ");
    CU_ASSERT_STRING_EQUAL(pools_of(&bob), "");
    listed[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_entitlement_list(lab.db, entitlement_name, NULL)), 0);
    CU_ASSERT_STRING_EQUAL(listed, "staff*>one ann>two ");
    CU_ASSERT_EQUAL(LAB(&lab, store_group_remove(lab.db, staff.id, ann.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_remove(lab.db, staff.id, ann.id)), CE_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(pools_of(&ann), "two ");
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_delete(lab.db, two.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_group_delete(lab.db, staff.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_entitlement_get(lab.db, through.id, &seen)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_entitlement_delete(lab.db, direct.id)), CE_NOT_FOUND);
    lab_close(&lab);
}

static void an_image_in_use_is_not_deleted(void)
{
    struct image_row image = {.name = "debian", .version = 1, .state = IMAGE_IMPORTING, .session_hook = true},
                     got;
    struct pool_row pool;
    lab_open(&lab);
    TEXT(image.source, "/srv/debian.qcow2");
    CU_ASSERT_EQUAL(LAB(&lab, store_image_insert(lab.db, &image)), 0);
    image.state = IMAGE_READY;
    image.virtual_size_bytes = 1ull << 40;
    TEXT(image.format, "qcow2");
    CU_ASSERT_EQUAL(LAB(&lab, store_image_update(lab.db, &image)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_get(lab.db, "debian", &got)), 0);
    CU_ASSERT_EQUAL(got.state, IMAGE_READY);
    CU_ASSERT_EQUAL(got.virtual_size_bytes, 1ull << 40);
    CU_ASSERT_TRUE(got.session_hook);
    CU_ASSERT_STRING_EQUAL(got.source, "/srv/debian.qcow2");

    lab_pool(&lab, "demo", POOL_FLOATING, 1, &pool);
    TEXT(pool.image_id, image.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_order_delete(lab.db, image.id)), CE_CONFLICT);
    CU_ASSERT_PTR_NOT_NULL(strstr(lab.db->error, "pool demo"));
    pool.image_id[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_order_delete(lab.db, image.id)), 0);
    TEXT(pool.image_id, image.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_delete(lab.db, image.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_delete(lab.db, image.id)), CE_NOT_FOUND);
    lab_close(&lab);
}

static void an_nt_hash_goes_with_its_password_and_its_user(void)
{
    struct user_row user = {.name = "alice"};
    uint8_t sealed[64];
    size_t len = 0;
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_insert(lab.db, &user, "hash")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_get(lab.db, user.id, sealed, sizeof sealed, &len)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_keep(lab.db, user.id, "one", 3)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_keep(lab.db, user.id, "two", 3)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_get(lab.db, user.id, sealed, sizeof sealed, &len)), 0);
    CU_ASSERT_TRUE(len == 3 && memcmp(sealed, "one", 3) == 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_set(lab.db, user.id, "three", 5)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_get(lab.db, user.id, sealed, sizeof sealed, &len)), 0);
    CU_ASSERT_TRUE(len == 5 && memcmp(sealed, "three", 5) == 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_set_password(lab.db, user.id, "other")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_get(lab.db, user.id, sealed, sizeof sealed, &len)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_set(lab.db, user.id, "four", 4)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_forget(lab.db, NULL)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_get(lab.db, user.id, sealed, sizeof sealed, &len)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_nt_hash_set(lab.db, user.id, "five", 4)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_delete(lab.db, user.id)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM nt_hashes"), 0);
    lab_close(&lab);
}

static void a_pool_counts_and_clears_its_failures(void)
{
    struct pool_row pool, got;
    struct desktop_row desktop;
    struct user_row ann;
    struct claim claim;
    lab_open(&lab);
    lab_pool(&lab, "demo", POOL_FLOATING, 4, &pool);
    lab_user(&lab, "ann", &ann);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    lab_desktop(&lab, &pool, "demo-2", &desktop);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_failure(lab.db, pool.id, 3, 77, true, "no room")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, pool.id, &got)), 0);
    CU_ASSERT_EQUAL(got.failures, 3);
    CU_ASSERT_EQUAL(got.retry_at_ms, 77);
    CU_ASSERT_TRUE(got.stopped);
    CU_ASSERT_STRING_EQUAL(got.reason, "no room");
    CU_ASSERT_EQUAL(got.desktops, 2);
    CU_ASSERT_EQUAL(got.ready, 1);
    CU_ASSERT_EQUAL(got.lent, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_deleting(lab.db, pool.id)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_delete(lab.db, pool.id)), CE_CONFLICT);
    pool.guest_security = GUEST_SECURITY_NLA;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, pool.id, &got)), 0);
    CU_ASSERT_EQUAL(got.guest_security, GUEST_SECURITY_NLA);
    CU_ASSERT_FALSE(got.stopped);
    CU_ASSERT_EQUAL(got.failures, 0);
    CU_ASSERT_EQUAL(got.retry_at_ms, 0);
    CU_ASSERT_STRING_EQUAL(got.reason, "");
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'pool.stopped'"), 1);
    lab_close(&lab);
}

static void hosts_tell_when_they_go_up_and_down(void)
{
    struct host_row host = {.name = "h1", .uri = "qemu:///system"}, got;
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_insert(lab.db, &host)), 0);
    host.state = HOST_UP;
    host.memory_mib = 1 << 20;
    TEXT(host.virt, "kvm");
    CU_ASSERT_EQUAL(LAB(&lab, store_host_set_seen(lab.db, &host)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_set_seen(lab.db, &host)), 0);
    host.state = HOST_DOWN;
    TEXT(host.reason, "refused");
    CU_ASSERT_EQUAL(LAB(&lab, store_host_set_seen(lab.db, &host)), 0);
    host.mode = HOST_DRAINING;
    host.cpu_percent = 400;
    TEXT(host.labels, "ssd rack=a");
    TEXT(host.address, "192.0.2.7");
    CU_ASSERT_EQUAL(LAB(&lab, store_host_update(lab.db, &host)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_get(lab.db, "h1", &got)), 0);
    CU_ASSERT_EQUAL(got.state, HOST_DOWN);
    CU_ASSERT_EQUAL(got.mode, HOST_DRAINING);
    CU_ASSERT_EQUAL(got.cpu_percent, 400);
    CU_ASSERT_STRING_EQUAL(got.labels, "ssd rack=a");
    CU_ASSERT_STRING_EQUAL(got.address, "192.0.2.7");
    CU_ASSERT_EQUAL(got.memory_mib, 1 << 20);
    CU_ASSERT_STRING_EQUAL(got.virt, "kvm");
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'host.up'"), 1);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'host.down'"), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_delete(lab.db, host.id)), 0);
    lab_close(&lab);
}

/* A pool shows the note of a host where it falls back before one of a host that is only not ready; words that stand
 * there already are no news. */
static void a_pool_says_where_it_makes_no_instant_clones(void)
{
    struct host_row h1 = {.name = "h1", .uri = "qemu:///system"},
                    h2 = {.name = "h2", .uri = "qemu:///session"};
    struct pool_row pool, got;
    struct desktop_row desktop;
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_insert(lab.db, &h1)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_insert(lab.db, &h2)), 0);
    lab_pool(&lab, "demo", POOL_FLOATING, 4, &pool);
    pool.provision = PROVISION_INSTANT;
    pool.warm = true;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_note(lab.db, pool.id, h1.id, true, "Not QEMU")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_note(lab.db, pool.id, h1.id, true, "Not QEMU")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_note(lab.db, pool.id, h2.id, false, "Not yet")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, pool.id, &got)), 0);
    CU_ASSERT_EQUAL(got.provision, PROVISION_INSTANT);
    CU_ASSERT_TRUE(got.warm);
    CU_ASSERT_STRING_EQUAL(got.provision_note, "Not QEMU");
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'pool.fallback'"), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_note(lab.db, pool.id, h1.id, false, "")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, pool.id, &got)), 0);
    CU_ASSERT_STRING_EQUAL(got.provision_note, "Not yet");
    CU_ASSERT_EQUAL(LAB(&lab, store_host_delete(lab.db, h2.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, pool.id, &got)), 0);
    CU_ASSERT_STRING_EQUAL(got.provision_note, "");
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    TEXT(desktop.golden, "golden-0123456789abcdef");
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_seen(lab.db, &desktop)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, "demo-1", &desktop)), 0);
    CU_ASSERT_STRING_EQUAL(desktop.golden, "golden-0123456789abcdef");
    lab_close(&lab);
}

static int order_number(void *arg, const struct order_row *row)
{
    int64_t *sum = arg;
    *sum = *sum * 10 + row->number;
    return 0;
}

static void orders_are_listed_until_they_are_finished(void)
{
    struct order_row row = {.target = "vmpool", .verb = "desktop-recycle", .object = "d-1"}, got;
    int64_t numbers = 0;
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_insert(lab.db, &row)), 0);
    CU_ASSERT_EQUAL(row.number, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_insert(lab.db, &row)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_insert(lab.db, &row)), 0);
    TEXT(row.target, "gateway:gw1");
    CU_ASSERT_EQUAL(LAB(&lab, store_order_insert(lab.db, &row)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_finish(lab.db, 2, ORDER_FAILED, "no such guest")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_finish(lab.db, 2, ORDER_DONE, "")), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_get(lab.db, 2, &got)), 0);
    CU_ASSERT_EQUAL(got.state, ORDER_FAILED);
    CU_ASSERT_STRING_EQUAL(got.reason, "no such guest");
    CU_ASSERT_EQUAL(LAB(&lab, store_order_list(lab.db, "vmpool", 0, order_number, &numbers)), 0);
    CU_ASSERT_EQUAL(numbers, 13);
    numbers = 0;
    CU_ASSERT_EQUAL(LAB(&lab, store_order_list(lab.db, "vmpool", 1, order_number, &numbers)), 0);
    CU_ASSERT_EQUAL(numbers, 3);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_get(lab.db, 99, &got)), CE_NOT_FOUND);
    lab_close(&lab);
}

static void old_orders_are_removed_unless_they_are_open(void)
{
    struct order_row row = {.target = "vmpool", .verb = "desktop-recycle", .object = "d-1"}, got;
    lab_open(&lab);
    for (int64_t number = 1; number <= 4; number++) {
        CU_ASSERT_EQUAL(LAB(&lab, store_order_insert(lab.db, &row)), 0);
        if (number != 2)
            CU_ASSERT_EQUAL(LAB(&lab, store_order_finish(lab.db, number, ORDER_DONE, "")), 0);
    }
    int64_t now_ms = store_now_ms();
    CU_ASSERT_EQUAL(
        LAB(&lab, db_run(lab.db, "UPDATE orders SET created_ms = created_ms - 60000 WHERE number <= 3")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_expire(lab.db, now_ms - 600000)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM orders"), 4);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_expire(lab.db, now_ms - 30000)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM orders"), 2);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_get(lab.db, 2, &got)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_get(lab.db, 4, &got)), 0);
    /* Numbers rise on: who waits for orders behind the last one that was seen misses none. */
    CU_ASSERT_EQUAL(LAB(&lab, store_order_expire(lab.db, store_now_ms() + 1)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM orders"), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_order_insert(lab.db, &row)), 0);
    CU_ASSERT_EQUAL(row.number, 5);
    lab_close(&lab);
}

static int event_text(void *arg, const struct event_row *row)
{
    strcat(strcat(listed, row->text), " ");
    return 0;
}

static void events_are_read_after_a_number_and_expire(void)
{
    struct event_row event = {.kind = "test"};
    int64_t last = 0;
    lab_open(&lab);
    for (int i = 1; i <= 5; i++) {
        snprintf(event.text, sizeof event.text, "e%d", i);
        CU_ASSERT_EQUAL(LAB(&lab, store_event(lab.db, &event)), 0);
    }
    CU_ASSERT_EQUAL(LAB(&lab, store_event_last(lab.db, &last)), 0);
    listed[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_event_list(lab.db, last - 4, 2, event_text, NULL)), 0);
    CU_ASSERT_STRING_EQUAL(listed, "e2 e3 ");
    listed[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_event_list(lab.db, last - 1, 0, event_text, NULL)), 0);
    CU_ASSERT_STRING_EQUAL(listed, "e5 ");
    CU_ASSERT_EQUAL(LAB(&lab, store_event_expire(lab.db, store_now_ms() + 1)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events"), 0);
    /* Numbers rise on, so that nobody who remembers one misses the next event. */
    CU_ASSERT_EQUAL(LAB(&lab, store_event(lab.db, &event)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT MAX(number) FROM events"), last + 1);
    lab_close(&lab);
}

static void tokens_are_found_by_their_hash(void)
{
    char role[16] = "none";
    lab_open(&lab);
    CU_ASSERT_EQUAL(LAB(&lab, store_token_insert(lab.db, "gw1", "gateway", "abc")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_token_insert(lab.db, "gw2", "gateway", "abc")), CE_EXISTS);
    CU_ASSERT_EQUAL(LAB(&lab, store_token_role(lab.db, "abc", role, sizeof role)), 0);
    CU_ASSERT_STRING_EQUAL(role, "gateway");
    CU_ASSERT_EQUAL(LAB(&lab, store_token_role(lab.db, "ab", role, sizeof role)), CE_NOT_FOUND);
    lab_close(&lab);
}

static int64_t fail_login(const char *subject)
{
    int64_t until_ms = -1, now_ms = store_now_ms();
    CU_ASSERT_EQUAL(LAB(&lab, store_login_failed(lab.db, subject, 2, 1000, 3000, &until_ms)), 0);
    return until_ms ? (until_ms - now_ms + 500) / 1000 : 0;
}

static void failed_logins_pause_longer_and_longer(void)
{
    int64_t until_ms = -1;
    lab_open(&lab);
    CU_ASSERT_EQUAL(fail_login("user:ann"), 0);
    CU_ASSERT_EQUAL(fail_login("user:Ann"), 0);
    CU_ASSERT_EQUAL(fail_login("user:ANN"), 1);
    CU_ASSERT_EQUAL(fail_login("user:ann"), 2);
    CU_ASSERT_EQUAL(fail_login("user:ann"), 3);
    CU_ASSERT_EQUAL(fail_login("user:ann"), 3);
    CU_ASSERT_EQUAL(fail_login("address:192.0.2.1"), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_login_pause_until(lab.db, "user:ann", &until_ms)), 0);
    CU_ASSERT_TRUE(until_ms > store_now_ms() + 2000);
    CU_ASSERT_EQUAL(LAB(&lab, store_login_succeeded(lab.db, "user:ann")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_login_pause_until(lab.db, "user:ann", &until_ms)), 0);
    CU_ASSERT_EQUAL(until_ms, 0);
    CU_ASSERT_EQUAL(fail_login("user:ann"), 0);
    lab_close(&lab);
}

static void names_of_enums_are_parsed_back(void)
{
    CU_ASSERT_EQUAL(pool_kind_parse(pool_kind_name(POOL_DEDICATED)), POOL_DEDICATED);
    CU_ASSERT_EQUAL(pool_kind_parse("rolling"), -1);
    CU_ASSERT_EQUAL(pool_kind_parse(NULL), -1);
    CU_ASSERT_EQUAL(credentials_parse(credentials_name(CREDENTIALS_PROMPT)), CREDENTIALS_PROMPT);
    CU_ASSERT_EQUAL(pool_provision_parse(pool_provision_name(PROVISION_FULL)), PROVISION_FULL);
    CU_ASSERT_EQUAL(pool_provision_parse("cloned"), -1);
    CU_ASSERT_STRING_EQUAL(image_state_name(IMAGE_DELETING), "deleting");
    CU_ASSERT_STRING_EQUAL(host_state_name(HOST_UNKNOWN), "unknown");
    CU_ASSERT_STRING_EQUAL(session_state_name(SESSION_ENDED), "ended");
    CU_ASSERT_STRING_EQUAL(order_state_name((enum order_state)9), "unknown");
}

SUITE("store_rows", TEST(users_are_unique_without_regard_to_case), TEST(passwords_are_read_by_name_only),
      TEST(entitlements_reach_users_directly_and_through_groups), TEST(an_image_in_use_is_not_deleted),
      TEST(an_nt_hash_goes_with_its_password_and_its_user), TEST(a_pool_counts_and_clears_its_failures),
      TEST(hosts_tell_when_they_go_up_and_down), TEST(a_pool_says_where_it_makes_no_instant_clones),
      TEST(orders_are_listed_until_they_are_finished), TEST(old_orders_are_removed_unless_they_are_open),
      TEST(events_are_read_after_a_number_and_expire), TEST(tokens_are_found_by_their_hash),
      TEST(failed_logins_pause_longer_and_longer), TEST(names_of_enums_are_parsed_back))
