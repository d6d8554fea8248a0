/* What the rooms of vmpool share: one struct vmpool per process, owned by main.c, used on the loop's thread
 * only. Host threads and the store's thread get copies of what they need in their jobs.
 */
#ifndef VMPOOL_VMPOOL_H
#define VMPOOL_VMPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <carrel/store.h>

#include "config.h"
#include "list.h"
#include "secret.h"
#include "snapshot.h"
#include "template.h"
#include "virt_domain.h"

struct vmpool {
    uv_loop_t *loop;
    struct config config; /* a copy, replaced on reload */
    struct store *store;
    struct secret_key key;
    struct template *template;
    char installation[INSTALLATION_SIZE];
    char probe_initrd[1100]; /* the file that virt_probe boots */

    struct snapshot *world; /* the store as of the last pass; never NULL after the first */
    uint64_t seq;      /* orders passes and changes: a pass that began before a change knows nothing of it */
    struct list hosts; /* struct host (host.h) */
    struct list desktops;   /* struct desktop (desktop.h) */
    struct list imports;    /* struct image_task (image.h) */
    unsigned inserting;     /* a job that makes new desktops is under way: no sizing until it is done */
    int64_t started_ms;     /* when this process began: what waited while none ran gets some time */
    uint64_t usual_boot_ms; /* how long boots took lately: for the percent that waiting users see */

    uv_timer_t due;    /* the next time that something has to be looked at */
    int64_t due_at_ms; /* 0: not armed */
    uv_timer_t sweep;
    bool pass_wanted, pass_running;
    bool stopping;
    void (*stopped)(struct vmpool *vm); /* once everything of it is closed */
    unsigned store_jobs;                /* under way; nothing is freed before the last one came back */
};

/* store_jobs.c. Queues a job at the store. done() comes always, at once with the error when the queue is full. */
void vmpool_read(struct vmpool *vm, int (*run)(struct db *db, void *arg), void (*done)(void *arg, int rc),
                 void *arg);
void vmpool_write(struct vmpool *vm, int (*run)(struct db *db, void *arg), void (*done)(void *arg, int rc),
                  void *arg);

/* reconcile.c: a pass follows soon, or at AT_MS (CLOCK_REALTIME) at the latest. */
void reconcile_want(struct vmpool *vm);
void reconcile_due(struct vmpool *vm, int64_t at_ms);

#endif
