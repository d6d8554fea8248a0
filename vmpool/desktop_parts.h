/* What the desktop*.c files share and nobody else calls: the two kinds of operations (on the host's thread,
 * in the store) and the steps per state. Loop's thread, except for the run functions of jobs.
 */
#ifndef VMPOOL_DESKTOP_PARTS_H
#define VMPOOL_DESKTOP_PARTS_H

#include "capture.h"
#include "desktop.h"
#include "golden_files.h"
#include "host_lane.h"
#include "virt_storage.h"

#define START_RETRY_MS 5000 /* between starts of a guest whose disk or port somebody else has */
#define DISK_LOCKED_WORDS                                                                                    \
    "its disk is in use: its guest on the host before still runs, and has to end before it starts here"
#define DESKTOP_RESTS_WORDS                                                                                  \
    "the desktop is suspended or on its way to that: what is open on it would be lost; restart it first if " \
    "it may be"

/* A job on the host's thread. It has copies of everything that it needs. */
struct guest_job {
    struct desktop *d;
    struct guest_key key;
    char desktop_dir[CONFIG_TEXT_SIZE];
    char base[1100];
    char base_format[16];
    char sealed[1024]; /* the image's disk, where the desktop's rests on it and can be looked at; else "" */
    uint64_t capacity_bytes;
    char *xml; /* of the domain to start; owned */
    bool keep_disk;
    bool keep_snapshots;  /* they go with the desktop, and not with its disk */
    char former_disk[64]; /* the file of a disk with another name than usual, which goes; or empty */
    bool keep_words;      /* what the guest wrote to its serial port is read before it goes */
    bool started;         /* result: the domain was not there and was started */
    struct guest_seen seen;
    char user[NAME_SIZE];
    struct secret password;
    char fingerprint[FINGERPRINT_SIZE];
    char address[ADDRESS_SIZE];
    uint16_t port; /* with the address: by which a guest that goes on with its memory is reached */
    char serial_log[CONFIG_TEXT_SIZE + NAME_SIZE + 32];
    int64_t order;               /* that it carries out: order_capture.c */
    struct captured captured;    /* result: what a guest wrote, or a picture */
    struct disk_work *disk_work; /* counted: desktop_disk.c */
    bool has_users;
    char data_dir[CONFIG_TEXT_SIZE];
    char data_disk[ID_SIZE]; /* empty: it has none */
    char data_mount[DATA_MOUNT_SIZE];
    uint32_t data_mib;
    bool data_made, data_formatted; /* data_made: also a result */
    bool data_patient;              /* the guest is not ended while it still writes to the data disk */
    bool windows;
    char name[NAME_SIZE];              /* instant clones, from here on */
    char state_path[GOLDEN_PATH_SIZE]; /* of the golden guest's devices */
    bool far;                          /* ... on another machine */
    int64_t script_pid;
    bool script_ended;
    bool fork;
    bool has_disk;                               /* a copy of the image, made already */
    char saved[CONFIG_TEXT_SIZE + ID_SIZE + 48]; /* the file of its memory, or empty */
    bool tried, restored;                        /* results: it was read, and the guest goes on with it */
    char unusable[REASON_SIZE];                  /* result: why not, and the guest was started cold */
    bool kept;                                   /* a desktop that is kept may have such files */
    bool force;
    int64_t clock_off_ms; /* result: how much it was set */
    void (*done)(struct desktop *d, struct guest_job *job, int rc, const struct error *err);
};

/* The disk that the desktop begins with: an overlay on job->base, or a copy of it. Borrows from the job. */
struct clone_spec guest_job_disk(const struct guest_job *job);

/* desktop_job.c */
struct guest_key desktop_key(const struct desktop *d);
/* NULL without memory. */
struct guest_job *guest_job_create(struct desktop *d);
/* Takes JOB; the desktop is busy until done() returned. Frees JOB and does nothing when the host is away. On a lane, as
 * all that may wait for a guest: one that hangs keeps nobody else of its host. */
void guest_job_submit(struct guest_job *job, int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                      void (*done)(struct desktop *d, struct guest_job *job, int rc,
                                   const struct error *err));
/* The same on a lane of its own kind, for what takes long. */
void guest_job_submit_lane(struct guest_job *job, enum host_lane_kind kind,
                           int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                           void (*done)(struct desktop *d, struct guest_job *job, int rc,
                                        const struct error *err));

/* While a job of the desktop's is under way: is it late? */
void guest_job_look_after(struct desktop *d);
/* ROW, which cannot be taken over before its end, is as the store has it now. */
void guest_job_row_changed(struct desktop *d, const struct desktop_row *row);
/* The desktop's guest is to go: what hangs with its guest does not keep it longer than vmpool.recycle_timeout. */
void guest_job_make_way(struct desktop *d);

/* A change in the store. After it the desktop is stale until a pass shows the new row. */
struct desktop_write {
    struct desktop *d;
    int (*run)(struct db *db, struct desktop_write *w);
    struct desktop_row row; /* as known when the job was made */
    enum desktop_state to;
    char reason[REASON_SIZE];
    char to_host_id[ID_SIZE];
    enum fail code;
    int64_t until_ms; /* what is busy is waited for until then */
    int64_t order;    /* the number of the order that this carries out; 0: none */
    bool counts;      /* the failure is the pool's */
    bool of_pool;     /* whoever sizes pools may write it, too: another vmpool may drive the host */
    enum desktop_rest rest;
    int64_t idle_before_ms; /* who was seen after that is not away */
    bool restored;          /* its guest goes on with its memory */
    bool guest_gone;        /* its guest was ended */
    bool disk_made;         /* the file of its data disk is there */
    uint64_t pause_ms, pause_max_ms, failure_limit;
};
struct desktop_write *desktop_write_create(struct desktop *d);
void desktop_write_submit(struct desktop_write *w, int (*run)(struct db *db, struct desktop_write *w));

/* The only ways by which vmpool moves a desktop. */
void desktop_change(struct desktop *d, enum desktop_state to, const char *reason);
void desktop_fail(struct desktop *d, const char *reason); /* ends a session on it; counts for the pool */
void desktop_end_session(struct desktop *d, enum fail code, const char *detail);
void desktop_guest_gone(struct desktop *d, bool shut_down);

const struct pool_row *desktop_pool(const struct desktop *d);
const struct image_row *desktop_image(const struct desktop *d);
bool image_is_windows(const struct image_row *image); /* by what its --os says */
bool desktop_is_windows(const struct desktop *d);
struct host *desktop_host(const struct desktop *d);
/* desktop_world.c */
void desktop_doubt(struct desktop *d);
void desktop_forget(struct desktop *d);
void desktop_free(struct desktop *d);
/* desktop.c: takes over a row that has changed. */
void desktop_apply(struct desktop *d, const struct desktop_row *row);
void desktop_idle(struct desktop *d);    /* the end of an operation; the desktop may be freed here */
bool desktop_is_late(struct desktop *d); /* its state's patience has ended; if not, it is driven then */
/* desktop_world.c: names the golden guest that it is forked from in its row; "": none. */
void desktop_set_golden(struct desktop *d, const char *golden_id);

/* When its state began, never in the future: the clock may have been set back since. */
int64_t desktop_since_ms(struct desktop *d);
/* Waits at least PAUSE_MS before the next step. */
void desktop_pause(struct desktop *d, int64_t pause_ms);
void desktop_serial_log(const struct desktop *d, char *ret, size_t size);

/* In a write job: ends the live session on w's desktop with w->code, if there is one, and reads the row. */
int desktop_write_end_session(struct db *db, struct desktop_write *w, struct desktop_row *ret) MUST_CHECK;

/* desktop_start.c */
#define DESKTOP_PERCENT_STARTED 10
void desktop_step_cloning(struct desktop *d);
void desktop_step_ensure(
    struct desktop *d); /* booting: its guest is looked for, and started where there is none */
bool desktop_on_user_network(const struct desktop *d);
bool desktop_may_have_agent(const struct desktop *d);

/* desktop_boot.c */
void desktop_step_booting(struct desktop *d);
void desktop_boot_reset(struct desktop *d);
void desktop_step_late_fingerprint(struct desktop *d);
/* What a guest lacks that answers already, or is a fork; NULL: nothing. */
const char *desktop_boot_missing(const struct desktop *d);

/* desktop_instant.c. Names in the row the golden guest to fork from, if any; false: it is still being made. */
bool desktop_instant_choose(struct desktop *d);
/* Gives the job what it needs beside the XML. */
void desktop_instant_prepare(const struct desktop *d, struct guest_job *job, char ret_ram[GOLDEN_PATH_SIZE]);
void desktop_instant_failed(struct desktop *d, const char *words); /* as a fork, if it is one */
void desktop_step_card(struct desktop *d);
void desktop_step_identity(struct desktop *d);

/* desktop_copy.c: the copy of the image that a desktop with a disk of its own begins with */
bool desktop_needs_copy(const struct desktop *d);
void desktop_copy_submit(struct guest_job *job);

/* desktop_lent.c: ready, claimed, in_use, disconnected */
void desktop_step_running(struct desktop *d);
void desktop_step_verify(struct desktop *d); /* is the guest there? */
void desktop_close_channel(struct desktop *d);

/* desktop_end.c */
void desktop_step_recycling(struct desktop *d);
void desktop_step_failed(struct desktop *d);
void desktop_step_stopped(struct desktop *d);

/* desktop_power.c */
void desktop_step_idle(struct desktop *d);              /* ready or disconnected: is its user away? */
void desktop_step_resting(struct desktop *d);           /* stopped, stopping or suspending */
bool desktop_power_lets_start(const struct desktop *d); /* stopped: although nobody waits for it */
/* Job: lets the guest go on with job->saved. CE_NOT_FOUND when that cannot be: job->unusable says why. */
int desktop_run_restore(struct virt_conn *conn, struct guest_job *job, struct error *err) MUST_CHECK;
void desktop_step_clock(struct desktop *d); /* booting: is the guest's clock right? */

/* desktop_data.c. True: that was the step. */
bool desktop_step_data(struct desktop *d);
/* Its guest, which may have had a data disk, is gone for certain. */
void desktop_data_gone(struct desktop *d);
/* Tells a job of the guest's data disk, if it has one; and on the host's thread the guest gives it back. */
void desktop_data_prepare(const struct desktop *d, struct guest_job *job);
int desktop_data_part(struct virt_conn *conn, struct guest_job *job, struct error *err) MUST_CHECK;

/* desktop_left.c. True: that was the step. */
bool desktop_step_left(struct desktop *d); /* nobody is on it any more: the log-off policy */
void desktop_end_kept(struct desktop *d, const char *reason); /* unless its user is back: it is recycled */
bool desktop_step_renew(struct desktop *d); /* stopped, to get a new disk: its guest ends first */
/* desktop_disk.c: snapshots. True: its disk is worked on, and nothing else is done with it. */
bool desktop_step_disk(struct desktop *d);
void desktop_disk_cancel(struct desktop *d); /* what is being copied: the process ends */
void desktop_disk_forget(struct desktop *d);
void desktop_disk_unref(struct disk_work *work);

/* desktop_health.c: it stands, and is asked from now on; it does not stand any more */
void desktop_health_watch(struct desktop *d);
void desktop_health_forget(struct desktop *d);

/* desktop_host.c. True: the host is closed or does not answer, and that decides what comes next. */
bool desktop_step_host(struct desktop *d);
/* Whether the host lets a guest start that was off. */
bool desktop_host_lets_start(const struct desktop *d);

/* order_capture.c. The end of the guest's serial log into job->captured; for guest_job_submit(). */
int desktop_run_words(struct virt_conn *conn, void *arg, struct error *err) MUST_CHECK;
/* Keeps it with the failure, in the store. */
void desktop_keep_words(struct desktop *d, struct guest_job *job);

/* The guest's domain is ended and, unless keep_disk, its overlay removed. */
int desktop_run_remove(struct virt_conn *conn, void *arg, struct error *err) MUST_CHECK;
/* The same submitted: the guest gives its data disk back first, as far as it answers. */
void desktop_submit_remove(struct guest_job *job, void (*done)(struct desktop *d, struct guest_job *job,
                                                               int rc, const struct error *err));

#endif
