#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "store_lab.h"

static struct lab lab;
static struct pool_row pool;
static struct user_row ann, bob;
static struct claim claim;
static struct desktop_row first, second;
static struct data_disk_row disk;
static struct host_row one = {.name = "one", .uri = "test:///one"},
                       two = {.name = "two", .uri = "test:///two"};

static void add_host(struct host_row *host, const char *storage)
{
    CU_ASSERT_EQUAL(LAB(&lab, store_host_insert(lab.db, host)), 0);
    snprintf(host->storage, sizeof host->storage, "%s", storage);
    host->state = HOST_UP;
    CU_ASSERT_EQUAL(LAB(&lab, store_host_set_seen(lab.db, host)), 0);
}

static void put_on(struct desktop_row *desktop, const struct host_row *host)
{
    snprintf(desktop->host_id, sizeof desktop->host_id, "%s", host->id);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_seen(lab.db, desktop)), 0);
}

static void open_lab(const char *storage)
{
    lab_open(&lab);
    add_host(&one, storage);
    add_host(&two, storage);
    lab_pool(&lab, "demo", POOL_FLOATING, 9, &pool);
    pool.limits.data_disk_mib = 128;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    lab_user(&lab, "ann", &ann);
    lab_user(&lab, "bob", &bob);
    lab_desktop(&lab, &pool, "demo-1", &first);
    put_on(&first, &one);
}

static void add_second(const struct host_row *host)
{
    lab_desktop(&lab, &pool, "demo-2", &second);
    put_on(&second, host);
}

static bool is_there(const struct claim *of)
{
    bool there = false;
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_is_there(lab.db, &of->session, &pool, &there)), 0);
    return there;
}

static int take(const struct desktop_row *desktop)
{
    return LAB(&lab, store_data_disk_take(lab.db, desktop->id, &disk));
}

static void attach(const struct desktop_row *desktop, const struct host_row *host)
{
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_set_made(lab.db, disk.id, host->id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_set_attached(lab.db, disk.id, desktop->id)), 0);
}

static int end(void)
{
    return LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, ""));
}

static void nobody_is_led_to_a_desktop_before_their_disk_is_there(void)
{
    open_lab("shared");
    CU_ASSERT_EQUAL(take(&first), CE_CONFLICT); /* nobody is on it */
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_FALSE(is_there(&claim));
    CU_ASSERT_EQUAL(take(&first), 0);
    CU_ASSERT_STRING_EQUAL(disk.user, "ann");
    CU_ASSERT_EQUAL(disk.size_mib, 128);
    CU_ASSERT_FALSE(disk.made || disk.formatted || disk.attached);
    CU_ASSERT_FALSE(is_there(&claim));
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, first.id, &first)), 0);
    CU_ASSERT_TRUE(
        first.touched); /* although nobody was led there: what is on the disk must reach nobody else */
    CU_ASSERT_STRING_EQUAL(first.data_disk_id, disk.id);
    attach(&first, &one);
    CU_ASSERT_TRUE(is_there(&claim));
    CU_ASSERT_EQUAL(end(), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, first.id), DESKTOP_RECYCLING);
    lab_close(&lab);
}

static void it_moves_to_the_next_desktop_when_the_last_one_gave_it_back(void)
{
    char id[ID_SIZE];
    open_lab("shared");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&first), 0);
    attach(&first, &one);
    snprintf(id, sizeof id, "%s", disk.id);
    CU_ASSERT_EQUAL(end(), 0);
    add_second(&two);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&second), CE_BUSY);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release(lab.db, first.id)), 0);
    CU_ASSERT_EQUAL(take(&second), 0);
    CU_ASSERT_STRING_EQUAL(disk.id, id);
    CU_ASSERT_TRUE(disk.made && disk.formatted);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release(lab.db, first.id)), 0); /* not its any more: nothing */
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_get(lab.db, id, &disk)), 0);
    CU_ASSERT_STRING_EQUAL(disk.desktop, "demo-2");
    lab_close(&lab);
}

/* Not only the functions: no statement gives a desktop two disks, or a disk two desktops. */
static void the_lock_is_unique_in_the_table(void)
{
    struct claim other;
    open_lab("shared");
    add_second(&one);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &other), 0);
    CU_ASSERT_EQUAL(take(&first), 0);
    CU_ASSERT_EQUAL(take(&second), 0);
    CU_ASSERT_EQUAL(LAB(&lab, db_run(lab.db, "UPDATE data_disks SET desktop_id = $1", db_text(first.id))),
                    CE_EXISTS);
    lab_close(&lab);
}

static void whoever_comes_back_while_it_is_detached_waits(void)
{
    open_lab("shared");
    pool.limits.logoff = LOGOFF_KEEP;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&first), 0);
    attach(&first, &one);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(end(), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_get(lab.db, disk.id, &disk)), 0);
    CU_ASSERT_FALSE(disk.attached);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, first.id);
    CU_ASSERT_FALSE(is_there(&claim));
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_set_attached(lab.db, disk.id, first.id)), 0);
    CU_ASSERT_TRUE(is_there(&claim));
    lab_close(&lab);
}

static void a_session_that_began_without_one_goes_on_so(void)
{
    open_lab("shared");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_get(lab.db, claim.session.id, &claim.session)), 0);
    CU_ASSERT_TRUE(is_there(&claim));
    CU_ASSERT_EQUAL(take(&first), CE_CONFLICT);
    lab_close(&lab);
}

static void a_lost_hosts_lock_stays_until_the_host_is_back(void)
{
    open_lab("shared");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&first), 0);
    attach(&first, &one);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_delete(lab.db, first.id, FAIL_HOST_LOST)), 0);
    add_second(&two);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&second), CE_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(store_error(lab.db), "whose host was lost"));
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_detach(lab.db, disk.id, false)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release_lost(lab.db, two.id)), 0); /* another host */
    CU_ASSERT_EQUAL(take(&second), CE_REFUSED);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release_lost(lab.db, one.id)), 0);
    CU_ASSERT_EQUAL(take(&second), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_detach(lab.db, disk.id, true)), CE_CONFLICT); /* it is in use */
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_delete(lab.db, second.id, FAIL_HOST_LOST)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_detach(lab.db, disk.id, true)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_delete(lab.db, disk.id)), 0);
    lab_close(&lab);
}

/* A dedicated desktop of ann's, with her disk in it; she is away. */
static void open_dedicated(void)
{
    open_lab("shared");
    lab_pool(&lab, "own", POOL_DEDICATED, 9, &pool);
    pool.limits.data_disk_mib = 128;
    pool.limits.logoff = LOGOFF_KEEP;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    lab_desktop(&lab, &pool, "own-1", &first);
    put_on(&first, &one);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&first), 0);
    attach(&first, &one);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_session_closed(lab.db, claim.session.id, 1, FAIL_CLIENT_CLOSED, "", 0, 0)), 0);
}

static void suspend(void)
{
    CU_ASSERT_EQUAL(
        LAB(&lab, store_session_end_open(lab.db, claim.session.id, FAIL_DISCONNECT_LIMIT, "away")), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, first.id, DESKTOP_READY, DESKTOP_STOPPED, "away")), 0);
}

static bool look_is_attached(void)
{
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_get(lab.db, disk.id, &disk)), 0);
    return disk.attached;
}

static void go_on(void)
{
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, first.id, DESKTOP_STOPPED, DESKTOP_BOOTING, "")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_state(lab.db, first.id, DESKTOP_BOOTING, DESKTOP_READY, "")),
                    0);
}

static void a_suspended_desktop_keeps_it_with_what_is_open(void)
{
    open_dedicated();
    suspend();
    CU_ASSERT_TRUE(look_is_attached());
    go_on();
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_TRUE(is_there(&claim));
    /* She did not come after all, and her programs are open still. */
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_NO_SHOW, "")), 0);
    CU_ASSERT_TRUE(look_is_attached());
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(end(), 0);
    CU_ASSERT_FALSE(look_is_attached());
    lab_close(&lab);
}

static void who_does_not_come_leaves_nothing_attached(void)
{
    open_dedicated();
    CU_ASSERT_EQUAL(end(), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release(lab.db, first.id)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&first), 0);
    attach(&first, &one);
    CU_ASSERT_TRUE(look_is_attached());
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_NO_SHOW, "")), 0);
    CU_ASSERT_FALSE(look_is_attached());
    attach(&first, &one); /* vmpool was about to tell it */
    CU_ASSERT_FALSE(look_is_attached());
    lab_close(&lab);
}

/* Its guest on the lost host may still have it; that of the host where it is now never had. */
static void the_lock_follows_a_desktop_only_with_its_own_disk(void)
{
    open_dedicated();
    suspend();
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_rehost(lab.db, first.id, one.id, two.id, "lost")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_get(lab.db, disk.id, &disk)), 0);
    CU_ASSERT_TRUE(disk.lost);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release(lab.db, first.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_get(lab.db, disk.id, &disk)), 0);
    CU_ASSERT_STRING_EQUAL(disk.desktop_id, first.id);
    go_on();
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_FALSE(is_there(&claim));
    CU_ASSERT_EQUAL(take(&first), CE_REFUSED);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_follow(lab.db, first.id)), 0);
    CU_ASSERT_TRUE(is_there(&claim));
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release_lost(lab.db, one.id)), 0); /* not there any more */
    CU_ASSERT_TRUE(is_there(&claim));
    lab_close(&lab);
}

static void a_lost_host_that_is_back_gives_what_moved_desktops_had(void)
{
    open_dedicated();
    suspend();
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_rehost(lab.db, first.id, one.id, two.id, "lost")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release_lost(lab.db, one.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_get(lab.db, disk.id, &disk)), 0);
    CU_ASSERT_STRING_EQUAL(disk.desktop_id, "");
    lab_close(&lab);
}

static void on_storage_of_its_own_it_stays_on_its_host(void)
{
    open_lab("own");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&first), 0);
    attach(&first, &one);
    CU_ASSERT_EQUAL(end(), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release(lab.db, first.id)), 0);
    add_second(&two);
    struct desktop_row third;
    lab_desktop(&lab, &pool, "demo-3", &third);
    put_on(&third, &one);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop, "demo-3"); /* it is not the one that was ready first */
    CU_ASSERT_EQUAL(end(), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, third.id, DESKTOP_READY, DESKTOP_MAINTENANCE, "")), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop, "demo-2");
    CU_ASSERT_EQUAL(take(&second), CE_REFUSED);
    CU_ASSERT_STRING_EQUAL(store_error(lab.db),
                           "the data disk of ann is on host one and desktop demo-2 on host two, which"
                           " do not share storage");
    lab_close(&lab);
}

static void a_pool_with_data_disks_is_not_deleted(void)
{
    open_lab("shared");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(take(&first), 0);
    CU_ASSERT_EQUAL(end(), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_deleting(lab.db, pool.id)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_set_deleting(lab.db, disk.id)),
                    CE_CONFLICT); /* a desktop has it */
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_release(lab.db, first.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_set_deleting(lab.db, disk.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_data_disk_delete(lab.db, disk.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_deleting(lab.db, pool.id)), 0);
    lab_close(&lab);
}

SUITE("store_data_disk", TEST(nobody_is_led_to_a_desktop_before_their_disk_is_there),
      TEST(it_moves_to_the_next_desktop_when_the_last_one_gave_it_back),
      TEST(the_lock_is_unique_in_the_table), TEST(whoever_comes_back_while_it_is_detached_waits),
      TEST(a_session_that_began_without_one_goes_on_so), TEST(a_lost_hosts_lock_stays_until_the_host_is_back),
      TEST(a_suspended_desktop_keeps_it_with_what_is_open), TEST(who_does_not_come_leaves_nothing_attached),
      TEST(the_lock_follows_a_desktop_only_with_its_own_disk),
      TEST(a_lost_host_that_is_back_gives_what_moved_desktops_had),
      TEST(on_storage_of_its_own_it_stays_on_its_host), TEST(a_pool_with_data_disks_is_not_deleted))
