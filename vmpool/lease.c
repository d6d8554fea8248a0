#include "lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <sodium.h>

#include "boottime.h"
#include "host.h"
#include "log.h"
#include "reconcile.h"

#define MACHINE_LEN 8 /* of a boot's text: which machine */
#define RENEWALS 3    /* in the time of a lease */
#define NS_OF_MS 1000000ull

struct lease {
    struct list entry;
    struct vmpool *vm;
    struct lease_row seen;
    uint64_t seen_since_ns; /* since when it is as it is, by our clock */
    bool present;           /* in the last pass: something that it is about is there */
    bool mine;
    bool asked; /* a job takes it or gives it back */
    uint64_t epoch;
    uint64_t until_ns;
};

static uint64_t duration_ns(const struct vmpool *vm)
{
    return vm->config.vmpool_lease_ms * NS_OF_MS;
}

void lease_host_name(const char *host_id, char ret[LEASE_NAME_SIZE])
{
    snprintf(ret, LEASE_NAME_SIZE, "host:%s", host_id);
}

static struct lease *lease_find(const struct vmpool *vm, const char *name)
{
    list_for_each (pos, &vm->leases) {
        struct lease *lease = list_entry(pos, struct lease, entry);
        if (!strcmp(lease->seen.name, name))
            return lease;
    }
    return NULL;
}

static struct lease *lease_make(struct vmpool *vm, const char *name)
{
    struct lease *lease = lease_find(vm, name);
    if (lease || !(lease = calloc(1, sizeof *lease)))
        return lease;
    lease->vm = vm;
    snprintf(lease->seen.name, sizeof lease->seen.name, "%s", name);
    lease->seen_since_ns = boottime_ns();
    list_append(&vm->leases, &lease->entry);
    return lease;
}

static bool holds(const struct lease *lease)
{
    return lease->mine && boottime_ns() < lease->until_ns;
}

bool lease_is_held(const struct vmpool *vm, const char *name)
{
    const struct lease *lease = lease_find(vm, name);
    return lease && holds(lease);
}

bool lease_of_host(const struct vmpool *vm, const char *host_id, uint64_t *ret_epoch, uint64_t *ret_until_ns)
{
    char name[LEASE_NAME_SIZE];
    lease_host_name(host_id, name);
    const struct lease *lease = lease_find(vm, name);
    if (!lease || !holds(lease))
        return false;
    *ret_epoch = lease->epoch;
    *ret_until_ns = lease->until_ns;
    return true;
}

/* --- taking and giving back -------------------------------------------------------------------------------
 */

struct take_job {
    struct vmpool *vm;
    struct lease_row seen, taken;
    uint64_t asked_ns;
    bool give;
};

static int run_take(struct db *db, void *arg)
{
    struct take_job *job = arg;
    if (job->give)
        return store_lease_give_back(db, job->seen.name, job->vm->boot);
    return store_lease_take(db, &job->seen, job->vm->name, job->vm->boot, &job->taken);
}

static void on_taken(void *arg, int rc)
{
    struct take_job *job = arg;
    struct vmpool *vm = job->vm;
    struct lease *lease = lease_find(vm, job->seen.name);
    if (lease) {
        lease->asked = false;
        if (!rc && !job->give) {
            log_info("lease %s: taken, epoch %lld%s%s", lease->seen.name, (long long)job->taken.epoch,
                     *job->seen.owner ? ", after " : "", job->seen.owner);
            lease->mine = true;
            lease->seen = job->taken;
            lease->epoch = (uint64_t)job->taken.epoch;
            lease->until_ns = job->asked_ns + duration_ns(vm);
        }
    }
    free(job);
    reconcile_want(vm);
}

static void lease_ask(struct lease *lease, bool give)
{
    struct take_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    *job = (struct take_job){.vm = lease->vm, .seen = lease->seen, .asked_ns = boottime_ns(), .give = give};
    lease->asked = true;
    vmpool_write(lease->vm, run_take, on_taken, job);
}

/* The host is let go first, so that nothing of ours is under way when another takes it. */
static void lease_let_go(struct lease *lease)
{
    if (lease->mine)
        log_info("lease %s: given back, so that other vmpools have their share", lease->seen.name);
    lease->mine = false;
}

/* --- renewal ----------------------------------------------------------------------------------------------
 */

struct renew_job {
    struct vmpool *vm;
    uint64_t asked_ns;
    struct lease_row *rows;
    size_t count;
};

static int add_renewed(void *arg, const struct lease_row *row)
{
    struct renew_job *job = arg;
    struct lease_row *grown = realloc(job->rows, (job->count + 1) * sizeof *grown);
    if (!grown)
        return CE_NOMEM;
    job->rows = grown;
    grown[job->count++] = *row;
    return 0;
}

static int run_renew(struct db *db, void *arg)
{
    struct renew_job *job = arg;
    return store_lease_renew(db, job->vm->boot, add_renewed, job);
}

static void on_renewed(void *arg, int rc)
{
    struct renew_job *job = arg;
    struct vmpool *vm = job->vm;
    vm->renewing = false;
    for (size_t i = 0; !rc && i < job->count; i++) {
        struct lease *lease = lease_find(vm, job->rows[i].name);
        if (!lease || !lease->mine)
            continue;
        lease->seen = job->rows[i];
        lease->until_ns = job->asked_ns + duration_ns(vm);
        if (!strncmp(lease->seen.name, "host:", 5))
            host_lease_renewed(vm, lease->seen.name + 5, lease->until_ns);
    }
    if (rc && !vm->stopping)
        log_warning("the leases could not be renewed: %s", error_name(rc));
    free(job->rows);
    free(job);
}

static void on_renew_time(uv_timer_t *timer)
{
    struct vmpool *vm = timer->data;
    if (vm->renewing || vm->stopping)
        return;
    struct renew_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->vm = vm;
    job->asked_ns = boottime_ns();
    vm->renewing = true;
    vmpool_write(vm, run_renew, on_renewed, job);
}

/* --- passes -----------------------------------------------------------------------------------------------
 */

static void see_rows(struct vmpool *vm)
{
    const struct snapshot *world = vm->world;
    for (size_t i = 0; i < world->lease_count; i++) {
        const struct lease_row *row = &world->leases[i];
        struct lease *lease = lease_make(vm, row->name);
        if (!lease || lease->asked || row->turn < lease->seen.turn)
            continue; /* the pass began before we took or renewed it */
        if (row->turn != lease->seen.turn || strcmp(row->boot, lease->seen.boot) != 0)
            lease->seen_since_ns = boottime_ns();
        lease->seen = *row;
        if (lease->mine && strcmp(row->boot, vm->boot) != 0) {
            log_error("lease %s: %s has taken it over", row->name, row->owner);
            lease->mine = false;
        }
    }
}

static bool predecessor_is_dead(const struct vmpool *vm, const struct lease_row *row)
{
    return !strcmp(row->owner, vm->name) && !strncmp(row->boot, vm->boot, MACHINE_LEN) &&
           strcmp(row->boot, vm->boot) != 0;
}

static bool is_free(const struct vmpool *vm, const struct lease *lease)
{
    uint64_t patience_ns = duration_ns(vm) + duration_ns(vm) / RENEWALS;
    return !lease->mine && (!*lease->seen.boot || predecessor_is_dead(vm, &lease->seen) ||
                            boottime_ns() - lease->seen_since_ns > patience_ns);
}

bool lease_is_elsewhere(const struct vmpool *vm, const char *host_id)
{
    char name[LEASE_NAME_SIZE];
    lease_host_name(host_id, name);
    const struct lease *lease = lease_find(vm, name);
    return lease && !lease->mine && !is_free(vm, lease);
}

static void watch_own(struct vmpool *vm)
{
    list_for_each (pos, &vm->leases) {
        struct lease *lease = list_entry(pos, struct lease, entry);
        if (!lease->mine || boottime_ns() < lease->until_ns)
            continue;
        log_error("lease %s: it has run out before it was renewed; nothing is done on it any more",
                  lease->seen.name);
        lease->mine = false;
        lease->seen_since_ns = boottime_ns();
    }
}

/* Names of what is there; others are forgotten about. */
static void see_world(struct vmpool *vm)
{
    char name[LEASE_NAME_SIZE];
    list_for_each (pos, &vm->leases)
        list_entry(pos, struct lease, entry)->present = false;
    for (size_t i = 0; i <= vm->world->host_count; i++) {
        if (i < vm->world->host_count)
            lease_host_name(vm->world->hosts[i].id, name);
        else
            snprintf(name, sizeof name, LEASE_POOLS);
        struct lease *lease = lease_make(vm, name);
        if (lease)
            lease->present = true;
    }
    snprintf(name, sizeof name, "vmpool:%s", vm->name);
    struct lease *own = lease_make(vm, name);
    if (own)
        own->present = true;
}

static unsigned count_alive(const struct vmpool *vm)
{
    unsigned alive = 1;
    list_for_each (pos, &vm->leases) {
        const struct lease *lease = list_entry(pos, struct lease, entry);
        alive += !strncmp(lease->seen.name, "vmpool:", 7) && strcmp(lease->seen.name + 7, vm->name) != 0 &&
                 !is_free(vm, lease);
    }
    return alive;
}

static bool host_is_open(const struct vmpool *vm, const char *name)
{
    return !strncmp(name, "host:", 5) && host_has(vm, name + 5);
}

void lease_drive(struct vmpool *vm)
{
    see_world(vm);
    see_rows(vm);
    watch_own(vm);
    size_t count = 0;
    list_for_each (pos, &vm->leases)
        count += list_entry(pos, struct lease, entry)->present;
    struct lease_view *views = calloc(count + 1, sizeof *views);
    if (!views)
        return;
    size_t i = 0;
    list_for_each (pos, &vm->leases) {
        const struct lease *lease = list_entry(pos, struct lease, entry);
        if (lease->present)
            views[i++] = (struct lease_view){.mine = lease->mine,
                                             .free = is_free(vm, lease),
                                             .is_host = !strncmp(lease->seen.name, "host:", 5)};
    }
    i = 0;
    unsigned alive = count_alive(vm);
    list_for_each (pos, &vm->leases) {
        struct lease *lease = list_entry(pos, struct lease, entry);
        if (!lease->present)
            continue;
        enum lease_step step = lease->asked ? LEASE_KEEP : lease_plan(views, count, i, alive);
        if (step == LEASE_TAKE) {
            views[i].mine = true; /* counts already */
            lease_ask(lease, false);
        } else if (step == LEASE_GIVE) {
            views[i].mine = false;
            lease_let_go(lease);
        } else if (!lease->mine && !lease->asked && !strcmp(lease->seen.boot, vm->boot) &&
                   !host_is_open(vm, lease->seen.name)) {
            lease_ask(lease, true); /* the host was let go, or the lease ran out: nothing of ours goes on */
        }
        i++;
    }
    free(views);
}

/* --- start and end ----------------------------------------------------------------------------------------
 */

/* Two processes of one name on one machine would take each other for dead. The lock ends with the process. */
static int lock_name(const struct vmpool *vm, struct error *err)
{
    char path[CONFIG_TEXT_SIZE + NAME_SIZE + 32];
    snprintf(path, sizeof path, "%s/.vmpool-%s.lock", vm->config.vmpool_desktop_dir, vm->name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return error_set(err, CE_BUSY, "another carrel-vmpool uses %s under the name %s",
                         vm->config.vmpool_desktop_dir, vm->name);
    }
    return 0; /* kept open on purpose */
}

static void name_boot(struct vmpool *vm)
{
    char machine[128] = "";
    unsigned char hash[crypto_generichash_BYTES_MIN], random[8];
    FILE *in = fopen("/etc/machine-id", "re");
    if (!in || !fgets(machine, sizeof machine, in))
        (void)gethostname(machine, sizeof machine - 1);
    if (in)
        fclose(in);
    (void)crypto_generichash(hash, sizeof hash, (const unsigned char *)machine, strlen(machine), NULL, 0);
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(vm->boot, sizeof vm->boot, hash, MACHINE_LEN / 2);
    sodium_bin2hex(vm->boot + MACHINE_LEN, sizeof vm->boot - MACHINE_LEN, random, sizeof random);
}

int lease_start(struct vmpool *vm, struct error *err)
{
    snprintf(vm->name, sizeof vm->name, "%.64s", vm->config.vmpool_name);
    if (!*vm->name && gethostname(vm->name, sizeof vm->name - 1))
        snprintf(vm->name, sizeof vm->name, "vmpool");
    if (!name_is_valid(vm->name))
        return error_set(err, CE_BAD_INPUT,
                         "vmpool.name must have letters, digits and . _ - and begin with a letter or digit");
    name_boot(vm);
    int rc = lock_name(vm, err);
    if (rc)
        return rc;
    vm->renewal.data = vm;
    uint64_t every_ms = vm->config.vmpool_lease_ms / RENEWALS;
    if (uv_timer_init(vm->loop, &vm->renewal) ||
        uv_timer_start(&vm->renewal, on_renew_time, every_ms, every_ms))
        return error_set(err, CE_NOMEM, "cannot make the leases' timer");
    return 0;
}

static int run_give_back_all(struct db *db, void *arg)
{
    const struct vmpool *vm = arg;
    return store_lease_give_back(db, "", vm->boot);
}

static void on_given_back(void *arg, int rc)
{
    const struct vmpool *vm = arg;
    if (rc)
        log_warning("the leases of %s could not be given back: %s", vm->name, error_name(rc));
}

void lease_give_back_all(struct vmpool *vm)
{
    vmpool_write(vm, run_give_back_all, on_given_back, vm);
}

void lease_stop(struct vmpool *vm)
{
    uv_close((uv_handle_t *)&vm->renewal, NULL);
}

void lease_free_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->leases) {
        list_remove(pos);
        free(list_entry(pos, struct lease, entry));
    }
}
