/* Operations of golden guests on their hosts: each has copies of what it needs, and one at a time of each is under way.
 * Loop's thread, except for the run functions.
 */
#ifndef VMPOOL_GOLDEN_JOB_H
#define VMPOOL_GOLDEN_JOB_H

#include "capture.h"
#include "golden.h"
#include "guest_identity.h"
#include "host_lane.h"

struct golden_job {
    struct golden *g;
    struct guest_key key;
    struct golden_place place;
    char base[1024];
    char base_format[16];
    uint64_t capacity_bytes;
    uint64_t ram_bytes;
    char state_path[GOLDEN_PATH_SIZE];
    bool far;
    char image_id[ID_SIZE];
    char *xml; /* owned */
    char script[GUEST_SCRIPT_MAX];
    int64_t pid;
    bool ended;
    bool keep_words;          /* what the guest wrote to its serial port is read before it goes */
    struct captured captured; /* and is here */
    void (*done)(struct golden *g, struct golden_job *job, int rc, const struct error *err);
};

struct guest_key golden_key(const struct golden *g);
/* NULL without memory. */
struct golden_job *golden_job_create(struct golden *g);
void golden_job_free(struct golden_job *job); /* of one that is not submitted */
/* Takes JOB. DONE is not called when vmpool is about to end; without its host G pauses. */
void golden_job_submit_lane(struct golden_job *job, enum host_lane_kind kind,
                            int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                            void (*done)(struct golden *g, struct golden_job *job, int rc,
                                         const struct error *err));
/* On the lane of operations that take no time. */
void golden_job_submit(struct golden_job *job,
                       int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                       void (*done)(struct golden *g, struct golden_job *job, int rc,
                                    const struct error *err));

/* golden_end.c */
void golden_seal_far(struct golden *g);
void golden_remove_far(struct golden *g);
void golden_step_failed(struct golden *g);

#endif
