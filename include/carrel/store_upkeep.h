/* What is kept about desktops for whoever looks after them: their health, what was captured of their guests, the
 * snapshots of dedicated ones (store_upkeep.c). The functions are called inside jobs, as those of store.h.
 */
#ifndef CARREL_STORE_UPKEEP_H
#define CARREL_STORE_UPKEEP_H

#include <carrel/store.h>

/* WORDS "": it answers again. Writes the event when that is news. */
int store_desktop_set_health(struct db *db, const char *id, const char *words) MUST_CHECK;

/* --- captures ------------------------------------------------------------------------------------------- */

enum capture_kind {
    CAPTURE_FAILURE,    /* the serial port's last words of a guest that failed; some are kept of each pool */
    CAPTURE_LOG,        /* the same of one that runs, by order; the newest of each desktop, for an hour */
    CAPTURE_SCREENSHOT, /* its screen as PNG, likewise */
};

#define CAPTURE_LOG_BYTES 65536
#define CAPTURE_MAX_BYTES (4u << 20) /* a larger one is refused */
#define CAPTURE_KEEP_MS 3600000

struct capture_row {
    int64_t number;
    enum capture_kind kind;
    char desktop_id[ID_SIZE];
    char desktop[NAME_SIZE];
    char pool_id[ID_SIZE];
    int64_t at_ms;
    char reason[REASON_SIZE];
    bool cut; /* there was more before */
    size_t len;
    const void *bytes; /* given: borrowed; read: valid in the callback */
};

/* KEEP: how many failures of the pool stay. */
int store_capture_add(struct db *db, const struct capture_row *row, uint64_t keep) MUST_CHECK;
/* The newest ones first; POOL_ID or DESKTOP (an id or a name) "" matches all. At most LIMIT. */
int store_capture_list(struct db *db, enum capture_kind kind, const char *pool_id, const char *desktop,
                       uint32_t limit, int (*each)(void *arg, const struct capture_row *row),
                       void *arg) MUST_CHECK;

/* --- snapshots ------------------------------------------------------------------------------------------ */

enum disk_snapshot_state {
    DISK_SNAPSHOT_CREATING,
    DISK_SNAPSHOT_READY,
    DISK_SNAPSHOT_RESTORING,
    DISK_SNAPSHOT_DELETING,
};

#define DISK_SNAPSHOTS_MAX 16 /* of one desktop; one more is refused */

struct disk_snapshot_row {
    char desktop_id[ID_SIZE];
    char name[NAME_SIZE];
    enum disk_snapshot_state state;
    char file[64];
    char image_id[ID_SIZE];
    uint64_t size_bytes;
    char back_to[16]; /* a desktop state's name, or empty */
    int64_t created_ms;
};

const char *disk_snapshot_state_name(enum disk_snapshot_state state);
int store_disk_snapshot_insert(struct db *db, const struct disk_snapshot_row *row) MUST_CHECK;
int store_disk_snapshot_get(struct db *db, const char *desktop_id, const char *name,
                            struct disk_snapshot_row *ret) MUST_CHECK;
int store_disk_snapshot_list(struct db *db, const char *desktop_id,
                             int (*each)(void *arg, const struct disk_snapshot_row *row),
                             void *arg) MUST_CHECK;
/* State, size and back_to of an existing one. */
int store_disk_snapshot_set(struct db *db, const struct disk_snapshot_row *row) MUST_CHECK;
int store_disk_snapshot_delete(struct db *db, const char *desktop_id, const char *name) MUST_CHECK;
/* The desktop's disk is another file from now on, of another version of the image perhaps. */
int store_desktop_set_disk(struct db *db, const char *id, const char *disk, const char *image_id) MUST_CHECK;

#endif
