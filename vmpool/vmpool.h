/* What the rooms of vmpool share: one struct vmpool per process, owned by main.c, used on the loop's thread
 * only. Host threads and the store's thread get copies of what they need in their jobs.
 */
#ifndef VMPOOL_VMPOOL_H
#define VMPOOL_VMPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <carrel/store.h>

#include "census.h"
#include "clock_watch.h"
#include "config.h"
#include "due_heap.h"
#include "index.h"
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
    struct template *template, *windows_template; /* the second: NULL when there is no such file */
    char installation[INSTALLATION_SIZE];
    char name[NAME_SIZE];              /* vmpool.name, or the machine's */
    char boot[ID_SIZE + 8];            /* this process; set before there are threads */
    char probe_initrd[1100];           /* the file that virt_probe boots */
    char storage_mark[NAME_SIZE + 32]; /* a file in image_dir: a host that sees it shares our storage */
    uint64_t storage_mark_bytes;       /* its size, which tells it from one that lies there from elsewhere */

    struct snapshot *world; /* the store as of the last pass; never NULL after the first */
    uint64_t seq;      /* orders passes and changes: a pass that began before a change knows nothing of it */
    struct list hosts; /* struct host (host.h) */
    struct index hosts_by_id;
    struct list desktops; /* struct desktop (desktop.h), as in what follows */
    struct index by_id, by_uuid, by_name, by_golden;
    struct census census;
    struct change_mark mark;      /* up to where changes of desktop rows are known */
    struct list doubtful;         /* whose rows are to be read again */
    struct list to_drive;         /* who is driven at the end of the pass */
    struct due_heap due_desktops; /* who is driven when, and the one timer for it */
    uv_timer_t tick;
    int64_t tick_at_ms;         /* 0: not armed */
    struct due_heap due_probes; /* desktops that stand, by when they are asked again: desktop_health.c */
    uv_timer_t probing;
    int64_t probing_at_ms;   /* 0: not armed */
    int64_t probing_next_ms; /* no sooner, by vmpool.health_rate */
    unsigned probes;         /* under way */
    struct list healings;    /* what was replaced lately, by pool */
    struct list leases;      /* struct lease (lease.h) */
    bool renewing;           /* a job renews the leases */
    uv_timer_t renewal;
    struct list lanes;        /* struct lane (host_lane.c) */
    struct list goldens;      /* struct golden (golden.h) */
    struct list golden_notes; /* struct note (golden_note.c) */
    unsigned golden_scans;    /* jobs that look through files of golden guests */
    size_t golden_hosts; /* in the last pass; after the first pass, and when one is gone, files are swept */
    int64_t golden_pass_ms;   /* when that was; 0: never */
    struct list imports;      /* struct image_task (image.h) */
    struct list copies;       /* struct image_copy (image_copy.h) */
    struct list disk_works;   /* struct disk_work (desktop_disk.c) */
    struct usage_peak *peaks; /* usage.c: desktops in use, of each pool */
    size_t peak_count;
    unsigned joins;            /* join hooks that run */
    bool moving;               /* a desktop's move to another host is being written */
    bool deleting_data_disk;   /* an order to do so is carried out */
    unsigned inserting;        /* a job that makes new desktops is under way: no sizing until it is done */
    int64_t started_ms;        /* when this process began: what waited while none ran gets some time */
    int64_t usual_identity_ms; /* how long forks took lately to become desktops of their own */
    uint64_t usual_boot_ms;    /* how long boots took lately: for the percent that waiting users see */

    struct clock_watch clock;
    uv_timer_t due;    /* the next time that something has to be looked at */
    int64_t due_at_ms; /* 0: not armed */
    uv_timer_t sweep;
    bool pass_wanted, pass_running;
    uint64_t driven; /* steps of desktops since the last pass, for its line in the log */
    bool stopping;
    bool given_back;                    /* at the end: the leases are, or are being, given back */
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
/* Before pauses and deadlines are compared with the time: was the clock set? */
void reconcile_look_at_clock(struct vmpool *vm);

#endif
