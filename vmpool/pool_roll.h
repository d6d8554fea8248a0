/* What a roll of a pool to another version of its image does next. Pure; the reconciler acts on the answer
 * (roll_drive.c). The policy:
 *
 *   1. Nothing begins before its time, and nothing goes on while the roll pauses.
 *   2. One desktop of the new version goes ahead (the canary). Until it stands the pool keeps its image, so that
 *      demand is served by the old version. Where the pool is full, a free desktop makes room for it;
 *      where there is none, an owned one that nobody is on goes ahead (5).
 *   3. When it stands, the pool gets the new image. Free desktops of others are replaced, but never so many that of
 *      those which are to stand ready more than max_unavailable percent are missing (one at least may be).
 *   4. Desktops with a user are left alone; a floating one is of the new version when it was recycled. With
 *      force_after their users are announced their end ROLL_WARN_MS before it, and logged off then.
 *   5. A dedicated desktop that somebody owns gets a new disk of the new version when nobody is on it; of all that are
 *      owned no more than max_unavailable percent at once (one at least). One that is suspended counts as one with a
 *      user: with force_after it loses its memory.
 *   6. A closed pool starts no guest, so no desktop goes ahead in it until it is opened.
 *   7. The roll is done when no desktop is left that would have to go.
 */
#ifndef VMPOOL_POOL_ROLL_H
#define VMPOOL_POOL_ROLL_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/rows.h>

#define ROLL_WARN_MS 300000 /* between the announcement and the end; less where the whole time is shorter */

struct roll_count {
    bool closed;
    uint32_t wanted;     /* how many are to stand ready */
    uint32_t total, max; /* desktops of the pool */
    uint32_t free_ready; /* of any version */
    uint32_t old_free;   /* of those, of other versions */
    uint32_t old_left;   /* of other versions, all that will have to go */
    uint32_t old_lent;   /* of those, with a user, or suspended */
    uint32_t new_stands; /* of the new version: ready, or with a user */
    uint32_t new_coming; /* ... cloned or booting */
    uint32_t owned;      /* dedicated, somebody's: of any version */
    uint32_t owned_idle; /* of other versions, with nobody on them */
    uint32_t renewing;   /* of the new version: they wait for their new disk, or boot from it */
};

struct roll_plan {
    enum roll_phase phase; /* the roll's own: nothing changes */
    bool canary;           /* make one of the new version now */
    uint32_t renew;        /* owned ones of other versions to give new disks now */
    uint32_t remove;       /* free ones of other versions to recycle now */
    bool warn;             /* announce the end of sessions, at FORCE_AT_MS */
    bool force;            /* end them */
    int64_t force_at_ms;
    int64_t look_at_ms; /* the next time that something is due; 0: no time tells */
};

struct roll_plan pool_roll_plan(const struct roll_row *roll, const struct roll_count *count, int64_t now_ms);

#endif
