/* carrel-vmpool: guests on libvirt, driven from what the store wants. Nothing in its memory must survive it:
 * kill -9 leaves guests running, and the next start finds them by their rows and marks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "daemon.h"
#include "desktop.h"
#include "golden.h"
#include "host.h"
#include "host_lane.h"
#include "image.h"
#include "image_copy.h"
#include "lease.h"
#include "log.h"
#include "probe_initrd.h"
#include "reconcile.h"
#include "usage.h"
#include "virt_loop.h"
#include "vmpool.h"

#define MARK_MIN_BYTES 4096
#define MARK_SPAN_BYTES (1 << 30) /* of a file without blocks */
#define LEASE_MIN_MS 1000
#define STOP_PATIENCE_MS 5000 /* for host threads to come back at the end; then they are left behind */

/* --- start ------------------------------------------------------------------------------------------------
 */

/* Golden disks and overlays are read by the hypervisor's user too. */
static int make_dir(const char *path, struct error *err)
{
    if (!mkdir(path, 0755)) {
        if (chmod(path, 0755))
            return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    } else if (errno != EEXIST) {
        return error_set(err, CE_IO, "cannot make %s: %s", path, strerror(errno));
    }
    if (access(path, W_OK | X_OK))
        return error_set(err, CE_IO, "cannot write in %s: %s", path, strerror(errno));
    return 0;
}

/* What marks domains as ours: the same as long as the store's key is the same, and not telling of it. */
static int make_installation(struct vmpool *vm, struct error *err)
{
    static const char context[] = "carrel installation";
    unsigned char hash[16];
    if (crypto_generichash(hash, sizeof hash, (const unsigned char *)context, sizeof context, vm->key.bytes,
                           sizeof vm->key.bytes))
        return error_set(err, CE_INTERNAL, "libsodium cannot hash");
    sodium_bin2hex(vm->installation, sizeof vm->installation, hash, sizeof hash);
    return 0;
}

static int write_probe_initrd(struct vmpool *vm, struct error *err)
{
    uint8_t bytes[PROBE_INITRD_MAX];
    size_t len = probe_initrd_make(bytes);
    snprintf(vm->probe_initrd, sizeof vm->probe_initrd, "%s/probe.initrd", vm->config.vmpool_image_dir);
    FILE *out = fopen(vm->probe_initrd, "we");
    if (!out)
        return error_set(err, CE_IO, "%s: %s", vm->probe_initrd, strerror(errno));
    bool ok = fwrite(bytes, 1, len, out) == len && !fchmod(fileno(out), 0644);
    ok = !fclose(out) && ok;
    return ok ? 0 : error_set(err, CE_IO, "%s: %s", vm->probe_initrd, strerror(errno));
}

/* A file of a size that nobody guesses: a host whose libvirt sees it too shares our storage. */
static int write_storage_mark(struct vmpool *vm, struct error *err)
{
    char path[CONFIG_TEXT_SIZE + NAME_SIZE + 40];
    snprintf(vm->storage_mark, sizeof vm->storage_mark, "carrel-seen-by-%s", vm->name);
    snprintf(path, sizeof path, "%s/%s", vm->config.vmpool_image_dir, vm->storage_mark);
    vm->storage_mark_bytes = MARK_MIN_BYTES + randombytes_uniform(MARK_SPAN_BYTES);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    bool ok = !ftruncate(fd, (off_t)vm->storage_mark_bytes);
    ok = !close(fd) && ok;
    return ok ? 0 : error_set(err, CE_IO, "%s: %s", path, strerror(errno));
}

static int check_config(const struct config *config, struct error *err)
{
    unsigned first, last;
    if (strcmp(config->vmpool_virt, "auto") != 0 && strcmp(config->vmpool_virt, "kvm") != 0 &&
        strcmp(config->vmpool_virt, "qemu") != 0)
        return error_set(err, CE_BAD_INPUT, "vmpool.virt must be auto, kvm or qemu");
    if (sscanf(config->vmpool_port_range, "%u-%u", &first, &last) != 2 || first < 1024 || last > 65535 ||
        first > last)
        return error_set(err, CE_BAD_INPUT, "vmpool.port_range must be FIRST-LAST, from 1024 to 65535");
    if (config->vmpool_lease_ms < LEASE_MIN_MS)
        return error_set(err, CE_BAD_INPUT, "vmpool.lease must be at least 1s");
    if (!config->vmpool_parallel_boots || !config->vmpool_sweep_ms)
        return error_set(err, CE_BAD_INPUT, "vmpool.parallel_boots and vmpool.sweep must be more than 0");
    return 0;
}

/* Who has no Windows guests needs no template for them. */
static int load_templates(const struct config *config, struct template **ret, struct template **ret_windows,
                          struct error *err)
{
    struct template *template = NULL, *windows = NULL;
    int rc = template_load(&template, config->vmpool_template, err);
    if (!rc && !access(config->vmpool_windows_template, F_OK))
        rc = template_load(&windows, config->vmpool_windows_template, err);
    if (rc) {
        template_destroy(&template);
        return rc;
    }
    *ret = template;
    *ret_windows = windows;
    return 0;
}

static int vmpool_start(struct daemon_run *run, struct error *err)
{
    struct vmpool *vm = calloc(1, sizeof *vm);
    if (!vm)
        return error_set(err, CE_NOMEM, "out of memory");
    run->state = vm;
    vm->loop = run->loop;
    vm->config = *run->config;
    list_init(&vm->hosts);
    list_init(&vm->leases);
    list_init(&vm->desktops);
    list_init(&vm->doubtful);
    list_init(&vm->to_drive);
    list_init(&vm->lanes);
    list_init(&vm->goldens);
    list_init(&vm->golden_notes);
    list_init(&vm->healings);
    list_init(&vm->imports);
    list_init(&vm->copies);
    list_init(&vm->disk_works);
    int rc = check_config(&vm->config, err);
    if (!rc)
        rc = load_templates(&vm->config, &vm->template, &vm->windows_template, err);
    if (!rc)
        rc = make_dir(vm->config.vmpool_image_dir, err);
    if (!rc)
        rc = make_dir(vm->config.vmpool_desktop_dir, err);
    if (!rc)
        rc = lease_start(vm, err);
    struct error golden_err = {0};
    if (!rc && make_dir(vm->config.vmpool_golden_dir, &golden_err))
        log_warning("there are no instant clones: %s", golden_err.text); /* their pools say so, too */
    if (!rc)
        rc = secret_key_load(&vm->key, vm->config.store_key_file, 1, err);
    if (!rc)
        rc = make_installation(vm, err);
    if (!rc)
        rc = write_probe_initrd(vm, err);
    if (!rc)
        rc = write_storage_mark(vm, err);
    if (!rc)
        rc = virt_loop_start(vm->loop, err);
    if (!rc)
        rc = store_open(&vm->store, vm->loop, vm->config.store_path, "vmpool", err);
    return rc ? rc : reconcile_start(vm, err);
}

static void vmpool_reload(struct daemon_run *run)
{
    struct vmpool *vm = run->state;
    struct error err = {0};
    struct template *template = NULL, *windows = NULL;
    if (check_config(run->config, &err)) {
        log_error("%s; the former settings stay", err.text);
        return;
    }
    if (load_templates(run->config, &template, &windows, &err)) {
        log_error("%s; the former template stays", err.text);
    } else {
        template_destroy(&vm->template);
        template_destroy(&vm->windows_template);
        vm->template = template;
        vm->windows_template = windows;
    }
    /* Where files lie is decided at start: guests and images are there. */
    struct config config = *run->config;
    memcpy(config.vmpool_image_dir, vm->config.vmpool_image_dir, sizeof config.vmpool_image_dir);
    memcpy(config.vmpool_desktop_dir, vm->config.vmpool_desktop_dir, sizeof config.vmpool_desktop_dir);
    memcpy(config.vmpool_golden_dir, vm->config.vmpool_golden_dir, sizeof config.vmpool_golden_dir);
    memcpy(config.vmpool_data_dir, vm->config.vmpool_data_dir, sizeof config.vmpool_data_dir);
    vm->config = config;
    desktop_touch_all(vm);
    reconcile_want(vm);
}

/* --- the end ----------------------------------------------------------------------------------------------
 */

static void on_patience_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_store_closed(void *arg)
{
    struct vmpool *vm = arg;
    desktop_free_all(vm);
    golden_free_all(vm);
    host_lane_free_all(vm);
    golden_note_free_all(vm);
    image_copy_free_all(vm);
    usage_free(vm);
    host_free_all(vm);
    lease_free_all(vm);
    snapshot_destroy(&vm->world);
    template_destroy(&vm->template);
    template_destroy(&vm->windows_template);
    secret_wipe_bytes(&vm->key, sizeof vm->key);
    virt_loop_stop();
}

static uv_timer_t *patience;

/* Runs whenever something came back after the stop. */
static void on_something_closed(struct vmpool *vm)
{
    if (!vm->store || vm->store_jobs || !image_all_closed(vm) || !image_copy_all_closed(vm) ||
        !golden_all_closed(vm) || !host_lane_all_closed(vm) || vm->joins || !host_all_closed(vm))
        return;
    if (!vm->given_back) { /* comes back here when it is done */
        vm->given_back = true;
        lease_give_back_all(vm);
        return;
    }
    struct store *store = vm->store;
    vm->store = NULL;
    if (patience)
        uv_close((uv_handle_t *)patience, on_patience_closed);
    patience = NULL;
    store_close(store, on_store_closed, vm);
}

static void on_patience_over(uv_timer_t *timer)
{
    host_abandon_all(timer->data);
}

static void vmpool_stop(struct daemon_run *run)
{
    struct vmpool *vm = run->state;
    vm->stopping = true;
    vm->stopped = on_something_closed;
    reconcile_stop(vm);
    lease_stop(vm);
    desktop_close_all(vm);
    golden_close_all(vm);
    image_close_all(vm);
    image_copy_close_all(vm);
    host_lane_close_all(vm);
    host_close_all(vm);
    patience = calloc(1, sizeof *patience);
    if (patience) {
        patience->data = vm;
        (void)uv_timer_init(vm->loop, patience);
        (void)uv_timer_start(patience, on_patience_over, STOP_PATIENCE_MS, 0);
    }
    on_something_closed(vm);
}

static const struct daemon vmpool_daemon = {
    .name = "carrel-vmpool",
    .summary = "drives the guests of Carrel's pools through libvirt",
    .start = vmpool_start,
    .reload = vmpool_reload,
    .stop = vmpool_stop,
};

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &vmpool_daemon);
}
