#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/labels.h>

#include "desktop.h"
#include "desktop_parts.h"
#include "golden_shape.h"
#include "image_copy.h"
#include "lease.h"
#include "log.h"

struct golden *golden_find(const struct vmpool *vm, const char *id)
{
    list_for_each (pos, &vm->goldens) {
        struct golden *g = list_entry(pos, struct golden, entry);
        if (!strcmp(g->id, id))
            return g;
    }
    return NULL;
}

bool golden_uses_image(const struct vmpool *vm, const char *host_id, const char *image_id)
{
    list_for_each (pos, &vm->goldens) {
        const struct golden *g = list_entry(pos, struct golden, entry);
        if (!strcmp(g->image_id, image_id) && (!host_id || !strcmp(g->host_id, host_id)))
            return true;
    }
    return vm->golden_scans > 0; /* what is not checked yet may stand on any image */
}

bool golden_has_guest(const struct vmpool *vm, const char *id)
{
    const struct golden *g = golden_find(vm, id);
    return g && golden_state_has_guest(g->state);
}

struct golden *golden_add(struct host *host, const char *id, enum golden_state state)
{
    uint64_t epoch, until_ns = 0;
    struct golden *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->vm = host->vm;
    g->state = state;
    g->state_since_ms = store_now_ms();
    g->epoch = host->epoch;
    (void)lease_of_host(host->vm, host->row.id, &epoch, &until_ns);
    atomic_init(&g->until_ns, until_ns);
    snprintf(g->id, sizeof g->id, "%s", id);
    snprintf(g->host_id, sizeof g->host_id, "%s", host->row.id);
    g->far = host->golden_far;
    golden_files_dir(host->vm->config.vmpool_golden_dir, host->row.id, g->dir);
    list_init(&g->entry);
    list_append(&host->vm->goldens, &g->entry);
    return g;
}

void golden_lease_renewed(struct host *host, uint64_t until_ns)
{
    list_for_each (pos, &host->vm->goldens) {
        struct golden *g = list_entry(pos, struct golden, entry);
        if (!strcmp(g->host_id, host->row.id) && g->epoch == host->epoch)
            atomic_store(&g->until_ns, until_ns);
    }
}

/* --- which are wanted ------------------------------------------------------------------------------------
 */

static struct golden_shape shape_of(const struct host *host, const struct pool_row *pool,
                                    const struct image_row *image, const struct image_paths *paths, bool kvm)
{
    return (struct golden_shape){.template = host->vm->template,
                                 .installation = host->vm->installation,
                                 .pool = pool,
                                 .image = image,
                                 .kernel = paths->kernel,
                                 .initrd = paths->initrd,
                                 .host = &host->row,
                                 .processor = host->processor,
                                 .kvm = kvm};
}

static enum golden_answer answer_of(const struct golden *g, char ret_id[ID_SIZE], char ret_why[REASON_SIZE])
{
    if (g->spoiled) {
        snprintf(ret_why, REASON_SIZE, "clones of its golden guest failed: %.300s", g->reason);
        return GOLDEN_CANNOT;
    }
    if (g->state == GOLDEN_READY) {
        snprintf(ret_id, ID_SIZE, "%s", g->id);
        return GOLDEN_HAS;
    }
    if (g->state != GOLDEN_FAILED && !g->failures)
        return GOLDEN_COMES;
    snprintf(ret_why, REASON_SIZE, "its golden guest could not be made: %.300s", g->reason);
    return GOLDEN_CANNOT;
}

static enum golden_answer want(struct host *host, const struct pool_row *pool, const struct image_row *image,
                               struct golden **ret, char ret_id[ID_SIZE], char ret_why[REASON_SIZE])
{
    struct vmpool *vm = host->vm;
    int kvm = host_virt(host, image);
    ret_id[0] = ret_why[0] = 0;
    *ret = NULL;
    if (kvm < 0 || host->golden_scan != GOLDEN_SCAN_DONE)
        return GOLDEN_COMES;
    if (*host->golden_trouble) {
        snprintf(ret_why, REASON_SIZE, "%s", host->golden_trouble);
        return GOLDEN_CANNOT;
    }
    if (image_is_windows(image)) {
        snprintf(ret_why, REASON_SIZE,
                 "Windows guests cannot be given identities of their own while they run");
        return GOLDEN_CANNOT;
    }
    struct image_paths paths;
    image_copy_paths(host, image, &paths);
    const struct golden_shape shape = shape_of(host, pool, image, &paths, kvm == 1);
    struct error err = {0};
    char id[ID_SIZE], uuid[37];
    if (golden_shape_name(&shape, id, uuid, &err)) {
        snprintf(ret_why, REASON_SIZE, "%s", err.text);
        return GOLDEN_CANNOT;
    }
    struct golden *g = golden_find(vm, id);
    if (!g)
        g = golden_add(host, id, GOLDEN_BOOTING);
    if (!g)
        return GOLDEN_COMES;
    if (!*g->uuid) {
        snprintf(g->uuid, sizeof g->uuid, "%s", uuid);
        snprintf(g->image_id, sizeof g->image_id, "%s", image->id);
        snprintf(g->warm_user, sizeof g->warm_user, "%s", golden_shape_user(&shape));
        g->shape = *pool;
    }
    snprintf(g->pool_id, sizeof g->pool_id, "%s", pool->id);
    g->wanted = true;
    *ret = g;
    return answer_of(g, ret_id, ret_why);
}

enum golden_answer golden_ask(struct host *host, const struct pool_row *pool, const struct image_row *image,
                              char ret_id[ID_SIZE], char ret_why[REASON_SIZE])
{
    struct golden *g;
    enum golden_answer answer = want(host, pool, image, &g, ret_id, ret_why);
    if (g)
        g->asked_ms = store_now_ms();
    return answer;
}

static void wake_waiting(struct desktop *d)
{
    if (d->row.state == DESKTOP_CLONING)
        desktop_drive_soon(d);
}

void golden_tell(struct vmpool *vm, const char *host_id)
{
    desktop_each_on_host(vm, host_id, wake_waiting);
    reconcile_want(vm);
}

/* Asks for the pool's golden guest on a host, and says what is missing. */
static void want_for_pool(struct host *host, const struct pool_row *pool)
{
    if (pool->provision != PROVISION_INSTANT && !*pool->provision_note)
        return; /* nothing was said of it */
    const struct image_row *image = snapshot_image(host->vm->world, pool->image_id);
    struct golden *g;
    char note[REASON_SIZE] = "", id[ID_SIZE], why[REASON_SIZE];
    enum golden_answer answer = GOLDEN_HAS;
    if (pool->provision == PROVISION_INSTANT && !host_is_usable(host))
        return; /* what was said last stays */
    if (pool->provision == PROVISION_INSTANT && image && image->state == IMAGE_READY && pool->enabled &&
        !pool->deleting && labels_match(host->row.labels, pool->host_labels) &&
        image_copy_is_there(host->vm, &host->row, image->id))
        answer = want(host, pool, image, &g, id, why);
    if (answer == GOLDEN_CANNOT)
        snprintf(note, sizeof note, "Linked clones are made on host %.80s: %.300s", host->row.name, why);
    else if (answer == GOLDEN_COMES)
        snprintf(note, sizeof note, "The golden guest on host %.80s is not ready yet", host->row.name);
    golden_note(host, pool, answer == GOLDEN_CANNOT, note);
}

/* --- forks ----------------------------------------------------------------------------------------------- */

void golden_fork_failed(struct golden *g, const char *words)
{
    if (++g->fork_failures < GOLDEN_FORK_FAILURES || g->spoiled)
        return;
    g->spoiled = true;
    g->retry_at_ms = store_now_ms() + (int64_t)g->vm->config.vmpool_retry_pause_max_ms;
    snprintf(g->reason, sizeof g->reason, "%s", words);
    log_warning("golden guest %s is not forked any more: %s", g->id, words);
    golden_tell(g->vm, g->host_id);
}

void golden_fork_succeeded(struct golden *g)
{
    g->fork_failures = 0;
}

/* --- the next steps --------------------------------------------------------------------------------------
 */

/* One that is not finished is not waited for either: what began comes back, and finds that it is not wanted. */
static void let_go(struct golden *g)
{
    if (g->busy || g->state == GOLDEN_REMOVING)
        return;
    if (golden_state_may_follow(g->state, GOLDEN_REMOVING)) {
        golden_change(g, GOLDEN_REMOVING);
    } else {
        snprintf(g->reason, sizeof g->reason, "no pool wants it any more");
        golden_change(g, GOLDEN_FAILED);
    }
}

/* Another process has the host now, or nobody: what is of the golden guest is that one's to find. */
static bool is_ours(const struct golden *g)
{
    const struct host *host = host_find_const(g->vm, g->host_id);
    return host && host->epoch == g->epoch;
}

/* While its host is away nobody can say that it is not wanted. Where it is far, it goes when the host is drained,
 * too: once the host is removed, nobody reaches its files. */
static bool may_go(const struct golden *g)
{
    const struct host *host = host_find_const(g->vm, g->host_id);
    return host && (host_is_usable(host) || (g->far && host_answers(host) && host->looked));
}

static void drive(struct golden *g)
{
    if (!is_ours(g)) {
        if (g->busy)
            return;
        probe_close(&g->probe);
        list_remove(&g->entry);
        free(g);
        return;
    }
    if (g->spoiled && store_now_ms() < g->retry_at_ms)
        reconcile_due(g->vm, g->retry_at_ms);
    g->wanted = g->wanted || store_now_ms() < g->asked_ms + GOLDEN_ASKED_MS;
    bool fresh = g->wanted && (!g->spoiled || store_now_ms() < g->retry_at_ms);
    bool kept = fresh || desktop_forks_from(g->vm, g->id) || !may_go(g);
    g->unwanted = kept ? 0 : g->unwanted + 1;
    if (g->unwanted >= GOLDEN_UNWANTED_PASSES)
        let_go(g);
    else if (g->unwanted)
        reconcile_want(g->vm);
    golden_step(g);
}

/* Where its files lie is known once the host was looked at; those that lie beside vmpool are checked before. */
static void scan_if_due(struct host *host)
{
    const bool local = golden_uri_is_local(host->row.uri);
    const bool far = host->looked ? golden_host_is_far(&host->row) : host->golden_far || !local;
    const bool again = *host->golden_trouble && store_now_ms() >= host->golden_again_ms;
    if (host->golden_scan == GOLDEN_SCAN_RUNS || (far && !(host->looked && host_answers(host))))
        return;
    if (host->golden_scan == GOLDEN_SCAN_DONE && far == host->golden_far && !again)
        return;
    host->golden_far = far;
    golden_scan(host);
}

static void sweep_if_due(struct vmpool *vm)
{
    if (!vm->golden_pass_ms || vm->world->host_count < vm->golden_hosts)
        golden_sweep(vm, vm->golden_pass_ms ? vm->golden_pass_ms : vm->started_ms);
    vm->golden_hosts = vm->world->host_count;
    vm->golden_pass_ms = store_now_ms();
}

void golden_drive_all(struct vmpool *vm)
{
    sweep_if_due(vm);
    list_for_each (pos, &vm->goldens)
        list_entry(pos, struct golden, entry)->wanted = false;
    list_for_each (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        if (host->leaving)
            continue;
        scan_if_due(host);
        for (size_t i = 0; i < vm->world->pool_count; i++) {
            if (vm->world->pools[i].kind == POOL_FLOATING)
                want_for_pool(host, &vm->world->pools[i]);
        }
    }
    list_for_each_safe (pos, &vm->goldens)
        drive(list_entry(pos, struct golden, entry));
}

void golden_clock_was_set(struct vmpool *vm)
{
    int64_t now_ms = store_now_ms();
    list_for_each (pos, &vm->goldens) {
        struct golden *g = list_entry(pos, struct golden, entry);
        g->next_try_ms = g->retry_at_ms = g->cut_ms = 0;
        g->state_since_ms = now_ms;
        if (g->asked_ms)
            g->asked_ms = now_ms;
    }
    list_for_each (pos, &vm->hosts)
        list_entry(pos, struct host, entry)->golden_again_ms = 0;
}

/* --- the end of the process ------------------------------------------------------------------------------
 */

void golden_close_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->goldens)
        probe_close(&list_entry(pos, struct golden, entry)->probe);
}

bool golden_all_closed(const struct vmpool *vm)
{
    list_for_each (pos, &vm->goldens) {
        if (list_entry(pos, struct golden, entry)->working) /* the host's jobs end with the host */
            return false;
    }
    return !vm->golden_scans;
}

void golden_free_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->goldens) {
        struct golden *g = list_entry(pos, struct golden, entry);
        list_remove(&g->entry);
        free(g);
    }
}
