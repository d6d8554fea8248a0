#include "image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "host.h"
#include "image_copy.h"
#include "image_files.h"
#include "lease.h"
#include "log.h"
#include "process.h"
#include "virt_storage.h"

#define PERCENT_STEP 2 /* of an import, between two writes */

struct image_task {
    struct list entry;
    struct vmpool *vm;
    struct image_row row;
    struct image_source source;
    struct disk_info info;
    char part[PATH_MAX];   /* where the import is made */
    char folder[PATH_MAX]; /* where it ends */
    uint64_t size_bytes;
    uv_work_t work;
    int (*step)(struct image_task *task, struct error *err);
    void (*next)(struct image_task *task, int rc, const struct error *err);
    struct error err;
    int rc;
    struct process *process;
    unsigned told_percent;
    bool writing;
    bool finished; /* only the row's last write is awaited */
    uint32_t users;
    uint64_t done_seq; /* passes that began before it still show the old row; then the task is freed */
};

static void task_fail(struct image_task *task, const char *reason);

/* --- workers ----------------------------------------------------------------------------------------------
 */

static void on_work(uv_work_t *work)
{
    struct image_task *task = work->data;
    task->rc = task->step(task, &task->err);
}

static void task_end(struct image_task *task)
{
    task->done_seq = ++task->vm->seq;
    task->finished = true;
    reconcile_want(task->vm);
}

static void on_work_done(uv_work_t *work, int status)
{
    struct image_task *task = work->data;
    if (task->vm->stopping)
        task_end(task);
    else
        task->next(task, status ? CE_CANCELLED : task->rc, &task->err);
}

static void task_work(struct image_task *task, int (*step)(struct image_task *task, struct error *err),
                      void (*next)(struct image_task *task, int rc, const struct error *err))
{
    task->step = step;
    task->next = next;
    task->work.data = task;
    memset(&task->err, 0, sizeof task->err);
    if (uv_queue_work(task->vm->loop, &task->work, on_work, on_work_done))
        task_fail(task, "there is no worker thread");
}

/* --- the row ----------------------------------------------------------------------------------------------
 */

struct image_write {
    struct image_task *task;
    struct image_row row;
    bool last;
};

static int run_image_write(struct db *db, void *arg)
{
    struct image_write *w = arg;
    struct image_row now;
    int rc = store_lease_check(db, LEASE_POOLS, w->task->vm->boot);
    if (!rc)
        rc = store_image_get(db, w->row.id, &now);
    if (rc || now.state != IMAGE_IMPORTING)
        return rc ? rc : CE_CONFLICT;
    rc = store_image_update(db, &w->row);
    if (rc || !w->last)
        return rc;
    struct event_row event = {0};
    bool ready = w->row.state == IMAGE_READY;
    snprintf(event.kind, sizeof event.kind, "%s", ready ? "image.ready" : "image.failed");
    snprintf(event.object, sizeof event.object, "%s", w->row.id);
    if (ready)
        snprintf(event.text, sizeof event.text, "Image %s is ready: %llu MiB, %llu MiB on the disk.",
                 w->row.name, (unsigned long long)(w->row.virtual_size_bytes >> 20),
                 (unsigned long long)(w->row.file_size_bytes >> 20));
    else
        snprintf(event.text, sizeof event.text, "Image %s could not be imported: %.250s.", w->row.name,
                 w->row.reason);
    store_notify(db, "image", w->row.id);
    return store_event(db, &event);
}

static void on_image_written(void *arg, int rc)
{
    struct image_write *w = arg;
    struct image_task *task = w->task;
    task->writing = false;
    if (w->last) {
        if (rc && !task->vm->stopping)
            log_warning("image %s: its row could not be written: %s", task->row.name, error_name(rc));
        task_end(task);
    }
    free(w);
}

static void task_write(struct image_task *task, bool last)
{
    struct image_write *w = calloc(1, sizeof *w);
    if (!w)
        return;
    w->task = task;
    w->row = task->row;
    w->last = last;
    task->writing = true;
    vmpool_write(task->vm, run_image_write, on_image_written, w);
}

static int step_remove_part(struct image_task *task, struct error *err)
{
    return image_files_remove(task->part, err);
}

static void after_failure(struct image_task *task, int rc, const struct error *err)
{
    task_write(task, true);
}

static void task_fail(struct image_task *task, const char *reason)
{
    if (task->vm->stopping) {
        task_end(task);
        return;
    }
    log_warning("image %s could not be imported: %s", task->row.name, reason);
    task->row.state = IMAGE_FAILED;
    snprintf(task->row.reason, sizeof task->row.reason, "%s", reason);
    task_work(task, step_remove_part, after_failure);
}

/* --- the programs -----------------------------------------------------------------------------------------
 */

static void task_run(struct image_task *task, const char *const *argv,
                     void (*output)(void *arg, const char *bytes, size_t len),
                     void (*done)(void *arg, const struct process_result *result))
{
    const struct process_spec spec = {
        .argv = argv, .silence_ms = IMAGE_SILENCE_MS, .output = output, .done = done, .arg = task};
    struct error err = {0};
    if (process_start(&task->process, task->vm->loop, &spec, &err))
        task_fail(task, err.text);
}

/* False, and the import has failed, unless the program ended well. ALSO: another exit status that is fine. */
static bool process_ended_well(struct image_task *task, const struct process_result *result, int also,
                               const char *what)
{
    task->process = NULL;
    if (!result->rc && (!result->exit_status || result->exit_status == also))
        return true;
    char reason[REASON_SIZE];
    const char *words = *result->err ? result->err : "qemu-img did not end well";
    if (result->rc == CE_TIMEOUT)
        words = "qemu-img made no progress";
    /* "qemu-img: Could not open '/x': ..." is said in the first line. */
    snprintf(reason, sizeof reason, "%s: %.*s", what,
             (int)strcspn(words, "\n") > 250 ? 250 : (int)strcspn(words, "\n"), words);
    task_fail(task, reason);
    return false;
}

static int step_install(struct image_task *task, struct error *err)
{
    return image_files_install(&task->source, task->part, task->folder, &task->size_bytes, err);
}

static void after_install(struct image_task *task, int rc, const struct error *err)
{
    if (rc) {
        task_fail(task, err->text);
        return;
    }
    struct image_row *row = &task->row;
    row->state = IMAGE_READY;
    row->percent = 100;
    row->reason[0] = 0;
    snprintf(row->path, sizeof row->path, "%.*s/disk.qcow2", 1000, task->folder);
    snprintf(row->format, sizeof row->format, "qcow2");
    row->kernel[0] = row->initrd[0] = 0;
    if (*task->source.kernel)
        snprintf(row->kernel, sizeof row->kernel, "%.*s/vmlinuz", 1000, task->folder);
    if (*task->source.initrd)
        snprintf(row->initrd, sizeof row->initrd, "%.*s/initrd.img", 1000, task->folder);
    row->virtual_size_bytes = task->info.virtual_size_bytes;
    row->file_size_bytes = task->size_bytes;
    log_info("image %s: ready, %llu MiB virtual, %llu MiB on the disk", row->name,
             (unsigned long long)(row->virtual_size_bytes >> 20),
             (unsigned long long)(row->file_size_bytes >> 20));
    task_write(task, true);
}

static void on_converted(void *arg, const struct process_result *result)
{
    struct image_task *task = arg;
    if (process_ended_well(task, result, 0, "the disk could not be copied"))
        task_work(task, step_install, after_install);
}

static void on_progress(void *arg, const char *bytes, size_t len)
{
    struct image_task *task = arg;
    int percent = qemu_img_percent(bytes, len);
    if (percent < 0 || (unsigned)percent < task->told_percent + PERCENT_STEP || task->writing ||
        percent >= 100)
        return;
    task->told_percent = (unsigned)percent;
    task->row.percent = (uint32_t)percent;
    task_write(task, false);
}

static int step_prepare(struct image_task *task, struct error *err)
{
    return image_files_prepare(task->part, err);
}

static void after_prepare(struct image_task *task, int rc, const struct error *err)
{
    if (rc) {
        task_fail(task, err->text);
        return;
    }
    char target[PATH_MAX + 16];
    snprintf(target, sizeof target, "%s/disk.qcow2", task->part);
    const char *const argv[] = {"qemu-img",
                                "convert",
                                "-p",
                                "-f",
                                task->info.format,
                                "-O",
                                "qcow2",
                                "-o",
                                "compat=1.1,lazy_refcounts=on",
                                task->source.disk,
                                target,
                                NULL};
    task_run(task, argv, on_progress, on_converted);
}

static void on_checked(void *arg, const struct process_result *result)
{
    struct image_task *task = arg;
    /* 3: clusters that nobody uses; the copy leaves them behind. */
    if (process_ended_well(task, result, 3, "the disk is damaged"))
        task_work(task, step_prepare, after_prepare);
}

static void on_info(void *arg, const struct process_result *result)
{
    struct image_task *task = arg;
    struct error err = {0};
    if (!process_ended_well(task, result, 0, "qemu-img cannot read the disk"))
        return;
    int rc = disk_info_parse(result->out, strlen(result->out), &task->info, &err);
    if (!rc)
        rc = disk_info_check(&task->info, task->source.folder, &err);
    if (!rc && !strcmp(task->info.format, "raw") && !task->source.plausible_raw)
        rc = error_set(&err, CE_BAD_INPUT,
                       "it is not a disk: it has neither a known format nor a boot record");
    if (rc) {
        task_fail(task, err.text);
        return;
    }
    log_info("image %s: %s, %llu MiB, %u file%s", task->row.name, task->info.format,
             (unsigned long long)(task->info.virtual_size_bytes >> 20), task->info.chain,
             task->info.chain == 1 ? "" : "s (backing chain, made one)");
    if (strcmp(task->info.format, "qcow2") != 0) {
        task_work(task, step_prepare, after_prepare);
        return;
    }
    const char *const argv[] = {"qemu-img", "check", "-q", "-f", "qcow2", task->source.disk, NULL};
    task_run(task, argv, NULL, on_checked);
}

/* --- import -----------------------------------------------------------------------------------------------
 */

static int step_inspect(struct image_task *task, struct error *err)
{
    int rc = image_files_inspect(task->row.source, &task->source, err);
    if (rc)
        return rc;
    /* What was given with the order goes before what image.json says. */
    struct image_source *s = &task->source;
    if (*task->row.kernel) {
        snprintf(s->kernel, sizeof s->kernel, "%s", task->row.kernel);
        snprintf(s->initrd, sizeof s->initrd, "%s", task->row.initrd);
    }
    return 0;
}

static void take_json(struct image_row *row, const struct image_json *json)
{
    if (!*row->cmdline)
        snprintf(row->cmdline, sizeof row->cmdline, "%s", json->cmdline);
    if (!*row->os)
        snprintf(row->os, sizeof row->os, "%s", json->os);
    if (!*row->guest_user)
        snprintf(row->guest_user, sizeof row->guest_user, "%s", json->guest_user);
    row->session_hook = row->session_hook || json->session_hook;
}

static void after_inspect(struct image_task *task, int rc, const struct error *err)
{
    if (rc) {
        task_fail(task, err->text);
        return;
    }
    take_json(&task->row, &task->source.json);
    const char *const argv[] = {"qemu-img",        "info", "--backing-chain", "--output=json",
                                task->source.disk, NULL};
    task_run(task, argv, NULL, on_info);
}

/* --- removal ----------------------------------------------------------------------------------------------
 */

static int step_delete(struct image_task *task, struct error *err)
{
    int rc = image_files_remove(task->part, err);
    return rc ? rc : image_files_remove(task->folder, err);
}

static int run_delete_row(struct db *db, void *arg)
{
    const struct image_task *task = arg;
    return store_image_delete(db, task->row.id);
}

static void on_row_deleted(void *arg, int rc)
{
    struct image_task *task = arg;
    if (rc && !task->vm->stopping)
        log_warning("image %s: its row could not be removed: %s", task->row.name, error_name(rc));
    task_end(task);
}

static void after_delete(struct image_task *task, int rc, const struct error *err)
{
    if (rc) {
        log_warning("image %s could not be removed: %s", task->row.name, err->text);
        task_end(task);
        return;
    }
    log_info("image %s: removed", task->row.name);
    vmpool_write(task->vm, run_delete_row, on_row_deleted, task);
}

static int run_count_users(struct virt_conn *conn, void *arg, struct error *err)
{
    struct image_task *task = arg;
    return virt_storage_count_users(conn, task->vm->config.vmpool_desktop_dir, task->row.path, &task->users,
                                    err);
}

/* The store has no desktop of it any more; a disk that still stands on it (an orphan, on its way out) would
 * be damaged, so the file stays until there is none. */
static void on_users_counted(void *arg, int rc, const struct error *err)
{
    struct image_task *task = arg;
    if (rc || task->users || task->vm->stopping) {
        if (task->users)
            log_warning("image %s: %u disks still stand on it, it is kept until they are gone",
                        task->row.name, task->users);
        task_end(task);
        return;
    }
    task_work(task, step_delete, after_delete);
}

static void task_begin_delete(struct image_task *task)
{
    list_for_each (pos, &task->vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        if (!*task->row.path || !host_answers(host))
            continue;
        if (virt_host_submit(host->virt, run_count_users, on_users_counted, task))
            task_end(task);
        return;
    }
    task_work(task, step_delete, after_delete);
}

/* --- passes -----------------------------------------------------------------------------------------------
 */

static struct image_task *task_find(struct vmpool *vm, const char *id)
{
    list_for_each (pos, &vm->imports) {
        struct image_task *task = list_entry(pos, struct image_task, entry);
        if (!strcmp(task->row.id, id))
            return task;
    }
    return NULL;
}

static bool image_is_used(const struct vmpool *vm, const char *id)
{
    return census_find(&vm->census, id) != NULL || golden_uses_image(vm, NULL, id);
}

static void image_begin(struct vmpool *vm, const struct image_row *row)
{
    struct image_task *task = calloc(1, sizeof *task);
    if (!task)
        return;
    task->vm = vm;
    task->row = *row;
    const char *dir = vm->config.vmpool_image_dir;
    snprintf(task->folder, sizeof task->folder, "%s/%s", dir, row->id);
    snprintf(task->part, sizeof task->part, "%s/%s.part", dir, row->id);
    list_append(&vm->imports, &task->entry);
    if (row->state == IMAGE_DELETING) {
        task_begin_delete(task);
        return;
    }
    log_info("image %s: importing %s", row->name, row->source);
    task_work(task, step_inspect, after_inspect);
}

void image_drive_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->imports) {
        struct image_task *task = list_entry(pos, struct image_task, entry);
        if (!task->finished || task->writing || vm->world->seq <= task->done_seq)
            continue;
        list_remove(&task->entry);
        free(task);
    }
    for (size_t i = 0; i < vm->world->image_count; i++) {
        const struct image_row *row = &vm->world->images[i];
        bool wanted =
            row->state == IMAGE_IMPORTING ||
            (row->state == IMAGE_DELETING && !image_is_used(vm, row->id) && !image_copy_remains(vm, row->id));
        if (wanted && !task_find(vm, row->id))
            image_begin(vm, row);
    }
}

void image_close_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->imports) {
        struct image_task *task = list_entry(pos, struct image_task, entry);
        if (task->process)
            process_cancel(task->process);
    }
}

bool image_all_closed(const struct vmpool *vm)
{
    list_for_each (pos, &vm->imports) {
        const struct image_task *task = list_entry(pos, struct image_task, entry);
        if (!task->finished)
            return false;
    }
    return true;
}
