/* One guest's life: the row in the store, what this process knows about the guest, and the next step for
 * its state. One operation is under way per desktop at a time, on the host's thread or in the store; what
 * memory knows can be lost at any moment and is found again from the row and the domain.
 *
 * Loop's thread. A desktop is made for each row and freed when its row is gone and no operation is under way. Which
 * of them are driven when is desktop_world.c's business.
 */
#ifndef VMPOOL_DESKTOP_H
#define VMPOOL_DESKTOP_H

#include "census.h"
#include "desktop_state.h"
#include "due_heap.h"
#include "guest_agent.h"
#include "health.h"
#include "host.h"
#include "index.h"
#include "probe.h"
#include "session_line.h"
#include "virt_channel.h"
#include "vmpool.h"

#define AGENT_GRACE_MS 10000      /* a guest whose pool needs no agent is not held up longer for one */
#define GUEST_RETRY_MS 1000       /* between tries of what a guest refused or was not ready for */
#define CHANNEL_RETRY_MS 3000     /* before a session port that ended is opened again */
#define USERS_CHECK_MS 60000      /* between looks at who is logged in, with a session hook */
#define USERS_CHECK_BARE_MS 15000 /* without one */
#define USERS_FIRST_MS 5000       /* after a disconnection, before the first look */
#define EARLY_DEATH_MS 60000      /* a guest that ends so soon after it was ready counts as failed */
#define RESTART_GRACE_MS 30000    /* no deadline ends sooner after vmpool's own start */
#define PORT_TRIES 16             /* ports that turned out to be in use, before the guest counts as failed */
#define DATA_END_MS                                                                                          \
    120000 /* for a guest that answers to write out its data disk, before it is ended with it */
#define PERCENT_EVERY_MS 2000 /* how often waiting users hear of progress */

struct desktop_health {
    struct due_entry due; /* in vm->due_probes */
    struct probe *probe;
    struct health seen;
    int64_t good_ms; /* when it answered last */
    char why[96];    /* the last failure */
};

struct desktop {
    struct list entry;
    struct vmpool *vm;
    struct desktop_row row; /* as of the last pass that knew of our last change */
    uint64_t seen_seq;      /* of the last pass that brought its row */
    uint64_t changed_seq;   /* vm->seq at our last change: passes that began before it are not applied */
    bool stale;             /* a change of ours is written and the pass that shows it has not come yet */
    bool busy;              /* an operation is under way */
    bool on_host;           /* ... on its host, which can be given up by ending the guest */
    int64_t cut_ms;         /* ... and was, because it was late: not again before */
    int64_t newer_late_ms;  /* ... and its row has, or is to have, another state: its patience ends then */
    uint64_t operated_seq;  /* vm->seq at the end of the last one on the host */
    bool gone;              /* the row is gone; freed with the end of the operation */
    int64_t next_try_ms;    /* nothing is tried before */
    int64_t since_ms;       /* in place of row.state_since_ms, where that lies in the future */

    struct index_entry by_id, by_uuid, by_name;
    struct index_entry by_golden; /* it is forked from one, or is about to be */
    struct census_place place;
    struct due_entry due; /* when it is driven next, if nothing else happens */
    struct list to_drive; /* driven at the end of this pass */
    struct list doubtful; /* its row is read by the next pass, changed or not */

    bool guest_known; /* the domain was seen, or made, since its host was connected */
    bool suspect;     /* an event said that it ended: the next step looks whether that is so */
    bool shut_down;   /* ... and that it ended as told from inside */
    bool dead;        /* the guest was seen to have ended: recycling it needs no grace */
    bool agent;       /* its agent is connected */
    uint16_t port;    /* of the user-mode network, for the next start */
    unsigned port_tries;

    struct probe *probe; /* booting */
    bool answered;
    int64_t answered_ms;
    int64_t script_pid;  /* instant clones: of the script that gives it an identity; 0: not started */
    int64_t script_ms;   /* ... when it was */
    bool agent_identity; /* ... which only its agent can give it */
    bool own_identity;   /* ... and it has one */
    bool has_card;       /* ... and then its card on the pool's libvirt network */
    int64_t wait_ms;     /* until when it waited for its golden guest, or for the copy of its disk */
    bool has_copy;       /* its disk is there, a copy of the image */
    bool password_set;
    struct secret password;
    bool fingerprint_read;
    struct join *join; /* the join hook runs: desktop_join.h */
    bool joined;       /* it is done */
    char fingerprint[FINGERPRINT_SIZE];
    int64_t percent_ms;

    struct virt_channel *channel; /* the session port, where the image has the hook */
    int64_t channel_retry_ms;
    struct session_lines lines;
    char logged_off[ID_SIZE]; /* the session whose end the guest told, until it is written */
    int64_t users_check_ms;   /* disconnected */
    unsigned users_missing;   /* looks that found nobody, in a row */
    struct probe *check;      /* an order to look after it: order.c */
    int64_t check_order;
    int64_t logoff_order; /* one that asked its guest to log its user off; 0: none */
    int64_t logoff_last;  /* the newest such order that was carried out: a pass may show it once more */
    struct probe *pulse;  /* does its guest live, although its host does not answer: desktop_host.c */
    int64_t pulse_at_ms;
    bool disk_locked;   /* another guest has its disk open, most likely its own on a host that was given up */
    bool moving;        /* its move to another host is being written: desktop_move.c */
    bool restore;       /* booting: the guest goes on with the memory that was written ... */
    int64_t rested_ms;  /* ... when it began to rest */
    bool clock_checked; /* booting, a desktop that is kept */
    int64_t idle_retry_ms; /* it was to rest and is in the same state still: not before */
    int64_t idle_from_ms;  /* the clock was set then: how long its user is away counts from there */
    bool cleaned; /* failed: the guest and a floating disk are removed; before a new disk: the guest */
    char data_session[ID_SIZE];   /* the session that waits for its data disk ... */
    int64_t data_until_ms;        /* ... until then */
    struct disk_work *disk_work;  /* snapshots: desktop_disk.c */
    struct desktop_health health; /* whether it answers while it stands: desktop_health.c */
    int64_t captured_order;       /* the newest order for a picture or a log that was carried out */
};

void desktop_drive(struct desktop *d); /* the next step, if there is one now */

/* desktop_world.c */
int desktop_start_timer(struct vmpool *vm) MUST_CHECK;
void desktop_ask_doubtful(struct vmpool *vm, struct snapshot *snapshot); /* for a pass that begins */
void desktop_sync(struct vmpool *vm);                                    /* the rows of a new pass */
/* Pools or images are not as they were: who depends on them is driven. */
void desktop_world_changed(struct vmpool *vm, const struct snapshot *before);
void desktop_touch_host(struct vmpool *vm, const char *host_id); /* ... nor is a host */
void desktop_touch_pool(struct vmpool *vm, const char *pool_id);
void desktop_touch_image(struct vmpool *vm, const char *image_id);
void desktop_touch_all(struct vmpool *vm); /* ... nor are the settings */
void desktop_clock_was_set(struct vmpool *vm);
void desktop_drive_soon(struct desktop *d);
void desktop_drive_all(struct vmpool *vm);          /* those that were touched, and those that are due */
void desktop_tick(struct vmpool *vm);               /* those that are due */
void desktop_due(struct desktop *d, int64_t at_ms); /* driven then at the latest (CLOCK_REALTIME) */
void desktop_each_on_host(struct vmpool *vm, const char *host_id, void (*each)(struct desktop *d));
struct desktop *desktop_find(struct vmpool *vm, const char *id);
struct desktop *desktop_find_uuid(struct vmpool *vm, const char *uuid);
bool desktop_name_is_taken(const struct vmpool *vm, const char *name);
/* A dedicated one on which nobody is gets a new disk, of that image (desktop_left.c). */
void desktop_renew(struct desktop *d, const char *image_id, const char *reason);
void desktop_retire(struct desktop *d, const char *reason); /* one that nobody has: it is recycled */
/* The session on it ends with CODE at its client, and it is recycled. */
void desktop_evict(struct desktop *d, enum fail code, const char *reason);
/* ... and it stays, its user's. */
void desktop_dismiss(struct desktop *d, enum fail code, const char *reason);
bool desktop_forks_from(const struct vmpool *vm, const char *golden_id);    /* one stands on it, or will */
unsigned desktop_starting_on(const struct vmpool *vm, const char *host_id); /* cloning and booting there */

void desktop_guest_event(struct host *host, const char *uuid, enum virt_guest_event event);
void desktop_host_is_lost(struct host *host);
void desktop_host_is_back(struct host *host); /* connected again: what was known of its guests is not */
/* A look through its host, which began at BEGAN_SEQ, found the guest running. */
void desktop_guest_found(struct host *host, const char *uuid, const struct guest_seen *seen,
                         uint64_t began_seq);

/* A port of the range that no desktop has at the host's address (and nobody listens on, where that is here); 0
 * when there is none. */
uint16_t desktop_port_pick(struct vmpool *vm, const struct host *host);

/* desktop_health.c */
int desktop_health_start(struct vmpool *vm) MUST_CHECK;
void desktop_health_stop(struct vmpool *vm);

/* The end of the process: closes what hangs on the loop. */
void desktop_close_all(struct vmpool *vm);
void desktop_free_all(struct vmpool *vm);

#endif
