/* Golden guests: for each image, host and shape that a pool with provision=instant needs, one guest is booted, brought
 * to rest and frozen into files (golden_files.h); desktops are forked from it. What a golden guest is made of is in
 * its id: another image, hypervisor, template or shape is another golden guest. One that no pool wants goes with
 * the last desktop on its disk. Whoever holds a host's lease makes those of that host, and nobody else.
 *
 * Memory holds nothing that must survive: when a host is taken, files with a good manifest are found again, and
 * whatever else is of its golden guests is removed. Loop's thread.
 */
#ifndef VMPOOL_GOLDEN_H
#define VMPOOL_GOLDEN_H

#include "golden_files.h"
#include "golden_state.h"
#include "host.h"
#include "probe.h"
#include "vmpool.h"

#define GOLDEN_LOOK_MS 400       /* between looks whether the guest has come to rest */
#define GOLDEN_FORK_FAILURES 2   /* in a row: then linked clones are made until it is made anew */
#define GOLDEN_UNWANTED_PASSES 2 /* in a row: the pool that wanted it may be about to be written */
#define GOLDEN_ASKED_MS 10000    /* so long a desktop's question keeps one: those that wait ask each second */

struct golden {
    struct list entry;
    struct vmpool *vm;
    char id[ID_SIZE];
    char uuid[37];
    char host_id[ID_SIZE];
    uint64_t epoch;                 /* of the host's lease under which we know it */
    atomic_uint_least64_t until_ns; /* and its end, for workers */
    bool far;                       /* its files are reached through libvirt only */
    char dir[GOLDEN_DIR_SIZE];      /* on the host */
    char image_id[ID_SIZE];
    char warm_user[NAME_SIZE]; /* empty: it has no session */
    struct pool_row shape;     /* of the pool that wanted it first: processors, memory, network */
    char pool_id[ID_SIZE];     /* of the one that asked last: a failure is kept with that one's */
    enum golden_state state;
    int64_t state_since_ms;
    char reason[REASON_SIZE];
    unsigned failures; /* in a row */
    int64_t retry_at_ms;
    int64_t next_try_ms;
    bool wanted;       /* by a pool, in this pass, or by a desktop that waits */
    int64_t asked_ms;  /* when a desktop asked last: the first of a roll is of another image than its pool */
    unsigned unwanted; /* passes in a row that found it neither wanted nor used */
    unsigned fork_failures;
    bool spoiled;   /* forks of it fail: REASON says how; it is made anew at retry_at_ms when none is left */
    bool busy;      /* an operation is under way */
    bool on_host;   /* ... on its host */
    int64_t cut_ms; /* ... for whose sake it was ended: not again before */
    bool working;   /* ... on a worker */
    bool started;   /* booting: the guest was started */
    struct probe *probe;
    uint16_t port;
    int64_t script_pid; /* preparing; 0: not started yet */
    bool has_words;     /* failed: what it wrote to its serial port may say why */
    bool cleaned;       /* failed: guest and files are removed */
};

enum golden_answer {
    GOLDEN_HAS,    /* clones can be forked now */
    GOLDEN_COMES,  /* it is being made, or the files are still checked */
    GOLDEN_CANNOT, /* RET_WHY says why; linked clones do instead */
};

/* For a desktop of POOL, of IMAGE, on HOST: its golden guest, which is made where there is none. RET_ID is empty unless
 * clones can be forked. A desktop that waits is driven when that changes. */
enum golden_answer golden_ask(struct host *host, const struct pool_row *pool, const struct image_row *image,
                              char ret_id[ID_SIZE], char ret_why[REASON_SIZE]);

/* Golden guests of the host changed: its desktops that wait for one are driven by the next pass. */
void golden_tell(struct vmpool *vm, const char *host_id);

/* The host's lease holds until then. */
void golden_lease_renewed(struct host *host, uint64_t until_ns);

/* A fork of it did not become a desktop, or did. */
void golden_fork_failed(struct golden *g, const char *words);
void golden_fork_succeeded(struct golden *g);

/* In every pass: which are wanted, and the next step of each. */
void golden_drive_all(struct vmpool *vm);

struct golden *golden_find(const struct vmpool *vm, const char *id);
struct golden *golden_add(struct host *host, const char *id, enum golden_state state);
/* HOST_ID may be NULL: one of any host. */
bool golden_uses_image(const struct vmpool *vm, const char *host_id, const char *image_id);
bool golden_has_guest(const struct vmpool *vm, const char *id); /* a domain of that id is no orphan */

void golden_clock_was_set(struct vmpool *vm);
void golden_close_all(struct vmpool *vm);
bool golden_all_closed(const struct vmpool *vm);
void golden_free_all(struct vmpool *vm);

/* golden_build.c, golden_end.c: on the host's thread */
void golden_change(struct golden *g, enum golden_state to);
void golden_fail(struct golden *g, const char *reason);
void golden_pause(struct golden *g, int64_t pause_ms);
void golden_step(struct golden *g); /* the next one, if one is due */

/* golden_work.c: what touches only files, on a worker; files that are far are checked on the host, and sealed and
 * removed by golden_end.c, which tells the ends of both here */
void golden_scan(struct host *host); /* begins to check the files that there are of the host */
void golden_sweep(struct vmpool *vm, int64_t before_ms); /* files of hosts that vm->world does not have */
void golden_seal(struct golden *g);
void golden_remove(struct golden *g); /* files and G itself */
void golden_sealed(struct golden *g, int rc, const struct error *err);
void golden_removed(struct golden *g, int rc, const struct error *err);

/* golden_note.c: what a pool is told about a host, in the store; NOTE "" is nothing. */
void golden_note(struct host *host, const struct pool_row *pool, bool falls_back, const char *note);
void golden_note_free_all(struct vmpool *vm);

#endif
