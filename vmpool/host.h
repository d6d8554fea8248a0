/* A hypervisor host as the reconciler sees it: the row, the connection (virt_host.h), what was found there
 * when it was last looked through, and whether hardware virtualisation works. Loop's thread.
 */
#ifndef VMPOOL_HOST_H
#define VMPOOL_HOST_H

#include "vmpool.h"
#include "virt_host.h"

#define HOST_MEASURE_MS 30000   /* between looks at the room on a host's disk */
#define HOST_LOOK_AGAIN_MS 5000 /* after a guest that was replaced elsewhere could not be removed */
#define HOST_HUNG_MS 20000 /* a call that takes longer makes the host count as down until it comes back */

struct host_finding {
    char name[NAME_SIZE];
    struct guest_key key; /* desktop_id empty: somebody else's domain; uuid empty: only a disk was found */
    struct guest_seen seen;
};

/* A desktop's disk that is a snapshot, or was one. */
struct host_file {
    char desktop_id[ID_SIZE];
    char name[64];
};

enum golden_scan_state { GOLDEN_SCAN_NOT, GOLDEN_SCAN_RUNS, GOLDEN_SCAN_DONE };

struct host {
    struct list entry;
    struct index_entry by_id;
    struct vmpool *vm;
    struct host_row row; /* of the store; our members are kept current here */
    struct virt_host *virt;
    uint64_t epoch;        /* of our lease of it */
    int64_t taken_ms;      /* when we began to drive it: what waited before gets some time */
    struct list lane_jobs; /* what waits for a lane (host_lane.h) */
    size_t lane_job_count;
    bool connected;
    bool hung;
    bool leaving; /* its row is gone, or vmpool stops: closing */
    bool closed;
    bool probing;           /* virt_probe runs */
    int64_t probe_after_ms; /* ... and failed before: not again before */
    bool writing;           /* the row is being written */
    bool write_again;
    bool looked;        /* since it was connected, orphans are removed: it may take new guests */
    unsigned removing;  /* ... orphans whose removal is under way */
    bool looking;       /* a look through the host runs */
    bool orphan_left;   /* something that was found without a row could not be removed ... */
    bool orphan_blocks; /* ... and is a guest whose desktop is on another host now */
    int64_t look_at_ms; /* when it is looked through again, because a guest could not be removed; 0: not */
    bool look_wanted;
    bool measuring;             /* the room on its disk is being read */
    int64_t measure_at_ms;      /* when it is read again */
    uint64_t found_seq;         /* vm->seq when the look was done; 0: none is waiting to be compared */
    struct host_finding *found; /* once compared: somebody else's domains only */
    size_t found_count;
    struct host_file *files; /* that the look found, until they are compared */
    size_t file_count;
    bool pinging;       /* an agent of its guests is asked whether it answers */
    int64_t ping_at_ms; /* none is asked before: hung ones must not take up the host's thread */
    bool unwell;        /* none of its desktops answers, and that was told */
    unsigned standing;  /* what desktops there depend on, as they were last driven for it: host.c */
    char processor[HOST_PROCESSOR_SIZE]; /* its kind, as a hash */
    enum golden_scan_state golden_scan;  /* are the files of its golden guests checked? */
    bool golden_far;                     /* ... those in its own storage, not those in vmpool's */
    char golden_trouble[REASON_SIZE];    /* why they could not be; then there are no instant clones */
    int64_t golden_again_ms;             /* when that is tried again */
    char start_trouble[REASON_SIZE];     /* why it could not even try to start the last guest, or "" */
};

/* The rows of a new pass: opens new hosts, closes those that are gone. */
void host_sync(struct vmpool *vm);
struct host *host_find(struct vmpool *vm, const char *id);
const struct host *host_find_const(const struct vmpool *vm, const char *id);
bool host_is_usable(const struct host *host); /* connected, answering, active */
/* The same of any host; of another vmpool's its word counts. */
bool host_row_is_usable(const struct vmpool *vm, const struct host_row *row);
/* It has been silent for vmpool.host_timeout: what does not answer there is lost. Else a pass comes when it is. */
bool host_is_lost(struct host *host);
bool host_answers(const struct host *host);

/* 1: KVM, 0: software, -1: not known yet; a probe with the image's kernel, if it has one, was begun. */
int host_virt(struct host *host, const struct image_row *image);
/* A guest's start came to RC there. One that its libvirt could not try, because a daemon of the host is not there for
 * example, is tried again and again: it is told why. */
void host_note_start(struct host *host, int rc, const struct error *err);
/* Where its guests on user-mode networks are reached; HOST may be NULL. */
const char *host_address(const struct host *host);

void host_write(struct host *host); /* its row, as it is now */

/* host_look.c. Looks through the host, again. */
void host_look(struct host *host);
/* Compares what was found with the rows: removes domains and disks of ours that have no row. */
void host_remove_orphans(struct host *host);
/* host_files.c. Removes files of disks that the look found and no row names. */
void host_files_tidy(struct host *host);
/* Whether a domain of that name was seen that is not ours. */
bool host_name_is_foreign(const struct host *host, const char *name);

/* host_measure.c. A look at its disk and kind, when it is time. */
void host_measure(struct host *host);
/* Takes over what libvirt says of it. True: it is another kind of host than it was. */
bool host_take_info(struct host *host, const struct virt_host_info *info);

/* Checks for hung calls; in every pass. */
void host_watch(struct vmpool *vm);
void host_clock_was_set(struct vmpool *vm);
void host_close_all(struct vmpool *vm);
/* Whether it is open here, or on its way out. */
bool host_has(const struct vmpool *vm, const char *id);
void host_lease_renewed(struct vmpool *vm, const char *id, uint64_t until_ns);
void host_abandon_all(struct vmpool *vm);
bool host_all_closed(const struct vmpool *vm);
void host_free_all(struct vmpool *vm);

#endif
