/* When how many desktops of a pool stand ready, and what becomes of those that nobody uses: the rows, and the store's
 * functions about them (store_power.c, store_usage.c). A pool that nobody told anything of this has no row and keeps
 * pool_row.spare ready.
 * 'b': written by the broker for an administrator, 'v': by vmpool.
 */
#ifndef CARREL_POWER_H
#define CARREL_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/ids.h>
#include <carrel/policy.h>
#include <carrel/rows.h>

struct db;

enum {
    POWER_RULES_MAX = 16, /* of a pool; one more is refused */
    POWER_RULE_TEXT_SIZE = 64,
    POWER_WHY_SIZE = 400,
    POWER_SLOT_MIN = 15,      /* usage is kept by the quarter of an hour ... */
    POWER_SLOTS = 7 * 24 * 4, /* ... of the week, from Monday 00:00 in the pool's zone */
    POWER_WEEKS = 4,          /* and for so many weeks */
    POWER_AHEAD_SLOTS = 12,   /* how far ahead vmpool looks, the present one included */
};

/* How many desktops stand ready; of several that hold at once the one that stands first here gives way. */
enum power_mode {
    POWER_OFF,        /* none, and a log-in starts none */
    POWER_ON_CONNECT, /* none: a log-in starts one */
    POWER_SPARE,      /* so many */
    POWER_ALWAYS_ON,  /* as many as the pool may have; desktops with an owner run */
};

/* Dedicated desktops: what becomes of one whose user is away. */
enum power_idle { POWER_KEEP, POWER_STOP, POWER_SUSPEND };

struct power_rule {
    uint32_t number;             /* by which it is removed; from 1, not used again while later ones stand */
    struct policy_window window; /* its zone is the pool's */
    enum power_mode mode;
    uint32_t spare; /* POWER_SPARE */
};

struct power_row {
    char pool_id[ID_SIZE];
    char zone[POLICY_ZONE_SIZE]; /* b: of its rules; empty: the machine's own */
    enum power_mode mode;        /* b: outside of all rules; POWER_SPARE: pool_row.spare */
    enum power_idle idle;        /* b */
    int64_t idle_after_ms;       /* b */
    bool autoscale;              /* b: what is usual is started before its time */
    /* v: what came of it */
    enum power_mode now_mode;
    uint32_t now_spare;           /* by the calendar */
    uint32_t now_demand;          /* desktops in use that are usual soon; 0: not known, or not asked */
    char now_why[POWER_WHY_SIZE]; /* the words for both */
    int64_t now_until_ms;         /* the calendar's next change; 0: none */
};

const char *power_mode_name(enum power_mode mode);
int power_mode_parse(const char *name);
const char *power_idle_name(enum power_idle idle);
int power_idle_parse(const char *name);

/* How many of POOL stand ready beyond those that are in use (LENT). Pure. */
uint32_t power_wanted(const struct power_row *row, const struct pool_row *pool, uint32_t lent);

/* "Mon-Fri 07:30-18:00", "daily 22:00-06:00": days, and the times between which the rule holds. Behind midnight it
 * goes on with the day on which it began. */
int power_hours_parse(const char *text, struct policy_window *ret) MUST_CHECK;
void power_hours_print(const struct policy_window *window, char ret[POWER_RULE_TEXT_SIZE]);

/* CE_NOT_FOUND: nobody told anything; *ret is what holds then. */
int store_power_get(struct db *db, const char *pool_id, struct power_row *ret) MUST_CHECK;
int store_power_list(struct db *db, int (*each)(void *arg, const struct power_row *row),
                     void *arg) MUST_CHECK;
int store_power_set(struct db *db, const struct power_row *row) MUST_CHECK; /* b: all members marked b */
/* v: what came of it. An event where the mode, the calendar's number or the usual demand are others. */
int store_power_tell(struct db *db, const struct power_row *row) MUST_CHECK;

/* In the order of their numbers; at most POWER_RULES_MAX. */
int store_power_rules(struct db *db, const char *pool_id, struct power_rule ret[POWER_RULES_MAX],
                      unsigned *ret_count) MUST_CHECK;
/* b: fills number. CE_LIMIT. */
int store_power_rule_insert(struct db *db, const char *pool_id, struct power_rule *rule) MUST_CHECK;
int store_power_rule_delete(struct db *db, const char *pool_id, uint32_t number) MUST_CHECK;

/* v: a stopped desktop that rests otherwise from now on; any change of its state ends its rest. CE_CONFLICT unless it
 * is stopped and rests as FROM says. */
int store_desktop_set_rest(struct db *db, const char *id, enum desktop_rest from, enum desktop_rest to,
                           const char *reason) MUST_CHECK;
const char *desktop_rest_name(enum desktop_rest rest); /* "" for none */
int desktop_rest_parse(const char *name);

/* v: how many desktops of a pool were in use or waited for in a quarter of an hour of WEEK, at most. What a former
 * process told of the same quarter is not lowered. */
struct usage_row {
    char pool_id[ID_SIZE];
    int64_t week; /* since the Monday before 1970 */
    uint32_t slot;
    uint32_t peak;
};
int store_usage_set(struct db *db, const struct usage_row *row) MUST_CHECK;
/* The peaks of SLOT, the newest week first; -1: not known. The week that runs is not among them. */
int store_usage_get(struct db *db, const char *pool_id, uint32_t slot, int64_t week,
                    int32_t ret[POWER_WEEKS]) MUST_CHECK;

#endif
