/* A vmpool without guests, for tests of the broker: it writes the rows that carrel-vmpool would, when a test
 * tells it to, through the same store and with the same wake-ups. One line of standard input is one command
 * and one job; one line of standard output is its answer: "ok ..." or "failed REASON".
 *
 *     fake_vmpool STORE KEY_FILE
 *
 *     start POOL          a desktop in state cloning         -> ok ID NAME
 *     percent ID N
 *     ready ID            cloning -> booting -> ready, with an address and a sealed password
 *     make POOL N         N desktops as by start and ready
 *     guest POOL PORT FINGERPRINT   one more, where an RDP server of the test answers on this machine
 *     recycle             removes every desktop in state recycling                        -> ok COUNT
 *     disk DESKTOP        the data disk of whoever is on it is attached to it
 *     undisk ID           one that was to be deleted is gone
 *     fail ID REASON
 *     logoff SESSION      what the guest's hook tells
 *     stop POOL REASON    as after too many failures
 *     image NAME          the image is ready
 *     people GROUP PASSWORD N   users p0, p1, ... in the group, all with one hash, as making each takes long
 *     orders              -> ok NUMBER:VERB:OBJECT ...
 *     done NUMBER
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/store.h>
#include <carrel/store_upkeep.h>

#include "log.h"
#include "secret.h"

#define RECYCLED_MAX 512

struct fake {
    uv_loop_t loop;
    struct store *store;
    struct secret_key key;
    char line[512];
    char answer[4096];
    unsigned next_port;
    bool finished;
    int rc;
};

static void say(struct fake *fake, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct fake *fake, const char *fmt, ...)
{
    size_t len = strlen(fake->answer);
    va_list args;
    va_start(args, fmt);
    vsnprintf(fake->answer + len, sizeof fake->answer - len, fmt, args);
    va_end(args);
}

static int start(struct fake *fake, struct db *db, const char *pool_name, struct desktop_row *desktop)
{
    struct pool_row pool;
    struct host_row host;
    char suffix[ID_SIZE];
    int rc = store_pool_get(db, pool_name, &pool);
    if (!rc)
        rc = store_host_get(db, "fake", &host);
    if (rc)
        return rc;
    *desktop = (struct desktop_row){.kind = pool.kind, .state = DESKTOP_CLONING};
    id_make(ID_DESKTOP, suffix);
    snprintf(desktop->name, sizeof desktop->name, "%.40s-%s", pool.name, suffix + 10);
    memcpy(desktop->pool_id, pool.id, sizeof pool.id);
    memcpy(desktop->pool, pool.name, sizeof pool.name);
    memcpy(desktop->image_id, pool.image_id, sizeof pool.image_id);
    memcpy(desktop->host_id, host.id, sizeof host.id);
    snprintf(desktop->uuid, sizeof desktop->uuid, "00000000-0000-4000-8000-%.12s", suffix + 2);
    rc = store_desktop_insert(db, desktop);
    if (!rc)
        say(fake, " %s %s", desktop->id, desktop->name);
    return rc;
}

static int make_ready(struct fake *fake, struct db *db, const char *id)
{
    struct desktop_row desktop;
    struct secret password = {0};
    char text[NAME_SIZE + 16];
    int rc = store_desktop_get(db, id, &desktop);
    if (rc)
        return rc;
    snprintf(desktop.address, sizeof desktop.address, "127.0.0.1");
    desktop.port = (uint16_t)(42000 + fake->next_port++ % 5000);
    memset(desktop.fingerprint, 'a', sizeof desktop.fingerprint - 1);
    snprintf(desktop.guest_user, sizeof desktop.guest_user, "desktop");
    snprintf(text, sizeof text, "password-of-%s", desktop.name);
    rc = secret_set(&password, text, strlen(text));
    if (!rc)
        rc = secret_seal(&fake->key, desktop.id, &password, desktop.sealed_password, &desktop.sealed_len);
    desktop.percent = 100;
    if (!rc)
        rc = store_desktop_set_seen(db, &desktop);
    if (!rc && desktop.state == DESKTOP_CLONING)
        rc = store_desktop_set_state(db, id, DESKTOP_CLONING, DESKTOP_BOOTING, "");
    return rc ? rc : store_desktop_set_state(db, id, DESKTOP_BOOTING, DESKTOP_READY, "");
}

/* A desktop where an RDP server really answers. */
static int make_real(struct fake *fake, struct db *db, const char *pool, const char *where)
{
    struct desktop_row desktop;
    unsigned port;
    char fingerprint[65];
    if (sscanf(where, "%u %64s", &port, fingerprint) != 2)
        return CE_BAD_INPUT;
    int rc = start(fake, db, pool, &desktop);
    if (!rc)
        rc = make_ready(fake, db, desktop.id);
    if (!rc)
        rc = store_desktop_get(db, desktop.id, &desktop);
    if (rc)
        return rc;
    desktop.port = (uint16_t)port;
    snprintf(desktop.fingerprint, sizeof desktop.fingerprint, "%s", fingerprint);
    return store_desktop_set_seen(db, &desktop);
}

static int make(struct fake *fake, struct db *db, const char *pool, int count)
{
    int rc = 0;
    for (int i = 0; i < count && !rc; i++) {
        struct desktop_row desktop;
        rc = start(fake, db, pool, &desktop);
        if (!rc)
            rc = make_ready(fake, db, desktop.id);
    }
    return rc;
}

struct recycled {
    char ids[RECYCLED_MAX][ID_SIZE];
    size_t count;
};

static int note_recycled(void *arg, const struct desktop_row *row)
{
    struct recycled *recycled = arg;
    if (recycled->count < RECYCLED_MAX)
        memcpy(recycled->ids[recycled->count++], row->id, ID_SIZE);
    return 0;
}

static int recycle(struct fake *fake, struct db *db)
{
    struct recycled recycled = {.count = 0};
    struct desktop_filter filter = {.state = DESKTOP_RECYCLING};
    int rc = store_desktop_list(db, &filter, note_recycled, &recycled);
    for (size_t i = 0; i < recycled.count && !rc; i++) {
        rc = store_data_disk_release(db, recycled.ids[i]);
        if (!rc)
            rc = store_desktop_delete(db, recycled.ids[i], FAIL_LOGOFF);
    }
    say(fake, " %zu", recycled.count);
    return rc;
}

static int bring_disk(struct db *db, const char *name)
{
    struct desktop_row desktop;
    struct data_disk_row disk;
    int rc = store_desktop_get(db, name, &desktop);
    if (!rc)
        rc = store_data_disk_take(db, desktop.id, &disk);
    if (!rc)
        rc = store_data_disk_set_made(db, disk.id, desktop.host_id);
    return rc ? rc : store_data_disk_set_attached(db, disk.id, desktop.id);
}

static int fail(struct db *db, const char *id, const char *reason)
{
    struct desktop_row desktop;
    int rc = store_desktop_get(db, id, &desktop);
    return rc ? rc : store_desktop_set_state(db, id, desktop.state, DESKTOP_FAILED, reason);
}

static int stop_pool(struct db *db, const char *name, const char *reason)
{
    struct pool_row pool;
    int rc = store_pool_get(db, name, &pool);
    return rc ? rc : store_pool_set_failure(db, pool.id, 8, store_now_ms(), true, reason);
}

static int image_ready(struct db *db, const char *name)
{
    struct image_row image;
    int rc = store_image_get(db, name, &image);
    if (rc)
        return rc;
    image.state = IMAGE_READY;
    image.percent = 100;
    snprintf(image.format, sizeof image.format, "qcow2");
    return store_image_update(db, &image);
}

static int make_people(struct db *db, const char *group_name, const char *words)
{
    struct group_row group;
    struct secret password = {0};
    char hash[SECRET_HASH_SIZE], text[128] = "";
    int count = 0;
    if (sscanf(words, "%127s %d", text, &count) != 2)
        return CE_BAD_INPUT;
    int rc = store_group_get(db, group_name, &group);
    if (!rc)
        rc = secret_set(&password, text, strlen(text));
    if (!rc)
        rc = secret_hash_make(&password, hash);
    for (int i = 0; i < count && !rc; i++) {
        struct user_row user = {.disabled = false};
        snprintf(user.name, sizeof user.name, "p%d", i);
        rc = store_user_insert(db, &user, hash);
        if (!rc)
            rc = store_group_add(db, group.id, user.id);
    }
    return rc;
}

static int say_order(void *arg, const struct order_row *order)
{
    say(arg, " %lld:%s:%s", (long long)order->number, order->verb, order->object);
    return 0;
}

/* WORDS: the desktop, and what was captured of it. */
static int capture(struct db *db, const char *kind, const char *words)
{
    struct desktop_row desktop;
    char name[NAME_SIZE] = "", text[128] = "";
    (void)sscanf(words, "%63s %127[^\n]", name, text);
    int rc = store_desktop_get(db, name, &desktop);
    if (rc)
        return rc;
    struct capture_row row = {.kind = !strcmp(kind, "failure") ? CAPTURE_FAILURE
                                      : !strcmp(kind, "log")   ? CAPTURE_LOG
                                                               : CAPTURE_SCREENSHOT,
                              .bytes = text,
                              .len = strlen(text)};
    memcpy(row.desktop_id, desktop.id, sizeof row.desktop_id);
    memcpy(row.desktop, desktop.name, sizeof row.desktop);
    memcpy(row.pool_id, desktop.pool_id, sizeof row.pool_id);
    snprintf(row.reason, sizeof row.reason, "it failed in a test");
    return store_capture_add(db, &row, 10);
}

/* WORDS: the desktop; a snapshot that is there. */
static int snapshot(struct db *db, const char *name, const char *words)
{
    struct desktop_row desktop;
    struct disk_snapshot_row row = {.state = DISK_SNAPSHOT_READY, .size_bytes = 4096};
    int rc = store_desktop_get(db, words, &desktop);
    memcpy(row.desktop_id, desktop.id, sizeof row.desktop_id);
    snprintf(row.name, sizeof row.name, "%.63s", name);
    return rc ? rc : store_disk_snapshot_insert(db, &row);
}

static int command(struct db *db, void *arg)
{
    struct fake *fake = arg;
    char verb[32] = "", first[128] = "", rest[256] = "";
    struct desktop_row desktop;
    fake->answer[0] = '\0';
    (void)sscanf(fake->line, "%31s %127s %255[^\n]", verb, first, rest);
    if (!strcmp(verb, "start"))
        return start(fake, db, first, &desktop);
    if (!strcmp(verb, "percent"))
        return store_desktop_set_percent(db, first, (uint32_t)atoi(rest));
    if (!strcmp(verb, "ready"))
        return make_ready(fake, db, first);
    if (!strcmp(verb, "make"))
        return make(fake, db, first, atoi(rest));
    if (!strcmp(verb, "guest"))
        return make_real(fake, db, first, rest);
    if (!strcmp(verb, "recycle"))
        return recycle(fake, db);
    if (!strcmp(verb, "disk"))
        return bring_disk(db, first);
    if (!strcmp(verb, "undisk"))
        return store_data_disk_delete(db, first);
    if (!strcmp(verb, "fail"))
        return fail(db, first, rest);
    if (!strcmp(verb, "logoff"))
        return store_session_end(db, first, FAIL_LOGOFF, "");
    if (!strcmp(verb, "stop"))
        return stop_pool(db, first, rest);
    if (!strcmp(verb, "image"))
        return image_ready(db, first);
    if (!strcmp(verb, "people"))
        return make_people(db, first, rest);
    if (!strcmp(verb, "orders"))
        return store_order_list(db, "vmpool", 0, say_order, fake);
    if (!strcmp(verb, "capture"))
        return capture(db, first, rest);
    if (!strcmp(verb, "snapshot"))
        return snapshot(db, first, rest);
    if (!strcmp(verb, "done"))
        return store_order_finish(db, atoll(first), ORDER_DONE, "");
    say(fake, "unknown command");
    return CE_BAD_INPUT;
}

static int run_command(struct db *db, void *arg)
{
    struct fake *fake = arg;
    int rc = command(db, arg);
    if (rc) {
        fake->answer[0] = '\0';
        say(fake, "%s", store_error(db));
    }
    return rc;
}

static void finished(void *arg, int rc)
{
    struct fake *fake = arg;
    fake->rc = rc;
    fake->finished = true;
}

static void closed(void *arg)
{
    finished(arg, 0);
}

/* Runs the loop until finished() or closed() was called. */
static void run_loop(struct fake *fake)
{
    while (!fake->finished)
        uv_run(&fake->loop, UV_RUN_ONCE);
    fake->finished = false;
}

int main(int argc, char **argv)
{
    static struct fake fake;
    struct error err = {0};
    if (argc != 3)
        return 2;
    uv_loop_init(&fake.loop);
    if (log_open("fake_vmpool", NULL, LOG_LEVEL_WARNING, &err) || secret_library_init() ||
        secret_key_load(&fake.key, argv[2], 0, &err) ||
        store_open(&fake.store, &fake.loop, argv[1], "vmpool", &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    while (fgets(fake.line, sizeof fake.line, stdin)) {
        if (store_submit(fake.store, STORE_WRITE, run_command, finished, &fake))
            return 1;
        run_loop(&fake);
        if (fake.rc)
            printf("failed %d %s\n", fake.rc, fake.answer);
        else
            printf("ok%s\n", fake.answer);
        fflush(stdout);
    }
    store_close(fake.store, closed, &fake);
    run_loop(&fake);
    uv_run(&fake.loop, UV_RUN_DEFAULT);
    return 0;
}
