/* Why a pool makes no instant clones on a host: the words in the store, written when they change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "lease.h"
#include "log.h"

/* What was written last, so that not every pass writes. */
struct note {
    struct list entry;
    char pool_id[ID_SIZE];
    char host_id[ID_SIZE];
    uint64_t epoch; /* under another lease somebody else may have written */
    char text[REASON_SIZE];
};

struct note_job {
    struct vmpool *vm;
    char boot[ID_SIZE + 8];
    char pool_id[ID_SIZE];
    char host_id[ID_SIZE];
    bool falls_back;
    char text[REASON_SIZE];
};

static int run_note(struct db *db, void *arg)
{
    const struct note_job *job = arg;
    char lease[LEASE_NAME_SIZE];
    lease_host_name(job->host_id, lease);
    int rc = store_lease_check(db, lease, job->boot);
    if (!rc)
        rc = store_pool_set_note(db, job->pool_id, job->host_id, job->falls_back, job->text);
    return rc == CE_NOT_FOUND ? 0 : rc;
}

static struct note *note_find(struct vmpool *vm, const char *pool_id, const char *host_id)
{
    list_for_each (pos, &vm->golden_notes) {
        struct note *note = list_entry(pos, struct note, entry);
        if (!strcmp(note->pool_id, pool_id) && !strcmp(note->host_id, host_id))
            return note;
    }
    return NULL;
}

/* What could not be written is written again by the next pass. */
static void on_note(void *arg, int rc)
{
    struct note_job *job = arg;
    struct note *note = rc ? note_find(job->vm, job->pool_id, job->host_id) : NULL;
    if (note)
        note->epoch = 0;
    if (rc && rc != CE_CONFLICT && !job->vm->stopping)
        log_warning("the note of a pool on its instant clones could not be written: %s", error_name(rc));
    free(job);
}

static void note_write(struct vmpool *vm, const struct note *note, bool falls_back)
{
    struct note_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->vm = vm;
    snprintf(job->boot, sizeof job->boot, "%s", vm->boot);
    snprintf(job->pool_id, sizeof job->pool_id, "%s", note->pool_id);
    snprintf(job->host_id, sizeof job->host_id, "%s", note->host_id);
    snprintf(job->text, sizeof job->text, "%s", note->text);
    job->falls_back = falls_back;
    vmpool_write(vm, run_note, on_note, job);
}

void golden_note(struct host *host, const struct pool_row *pool, bool falls_back, const char *text)
{
    struct vmpool *vm = host->vm;
    struct note *note = note_find(vm, pool->id, host->row.id);
    if (note && note->epoch == host->epoch && !strcmp(note->text, text))
        return;
    if (!note && !*text && !*pool->provision_note)
        return;
    if (!note) {
        note = calloc(1, sizeof *note);
        if (!note)
            return; /* the next pass tries again */
        snprintf(note->pool_id, sizeof note->pool_id, "%s", pool->id);
        snprintf(note->host_id, sizeof note->host_id, "%s", host->row.id);
        list_init(&note->entry);
        list_append(&vm->golden_notes, &note->entry);
    }
    note->epoch = host->epoch;
    snprintf(note->text, sizeof note->text, "%s", text);
    if (*text)
        log_info("pool %s: %s", pool->name, text);
    note_write(vm, note, falls_back);
}

void golden_note_free_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->golden_notes) {
        list_remove(pos);
        free(list_entry(pos, struct note, entry));
    }
}
