/* What the parts of the store share and nobody else calls: the setters of states, which write the event and
 * the notice of each change in the same job. All of it runs inside jobs, on the store's thread.
 */
#ifndef CARREL_STORE_PARTS_H
#define CARREL_STORE_PARTS_H

#include <carrel/store.h>

#include "db.h"

/* STORE_PATIENCE_MS; tests of outages shorten it before they open a store. */
extern uint64_t store_patience_ms;

int image_state_parse(const char *name);
int host_state_parse(const char *name);
int host_image_state_parse(const char *name);
int session_state_parse(const char *name);
int order_state_parse(const char *name);
int machine_state_parse(const char *name);

/* Texts of the database to enums; a value that no CHECK would have let in reads as the first one. */
#define row_enum(query, column, parse, ret)                                                                  \
    do {                                                                                                     \
        char row_enum_name[32];                                                                              \
        row_text((query), (column), row_enum_name, sizeof row_enum_name);                                    \
        int row_enum_value = parse(row_enum_name);                                                           \
        *(ret) = row_enum_value < 0 ? 0 : (unsigned)row_enum_value;                                          \
    } while (0)

/* CE_BAD_INPUT with words unless the name may be one. */
int store_check_name(struct db *db, const char *what, const char *name) MUST_CHECK;

/* After db_run() of a change by id: CE_NOT_FOUND when it met no row. */
int store_changed(struct db *db, int rc, const char *what, const char *id) MUST_CHECK;

/* Takes the pool's turn: from here to the commit nobody else counts, adds or lends its desktops. SQLite has
 * one writer anyway; elsewhere the row's lock does it. CE_NOT_FOUND. */
int store_pool_take_turn(struct db *db, const char *pool_id) MUST_CHECK;

/* To be called with every change of what store_desktop_get() returns for the desktop (store_change.c); _of: for
 * each desktop that OWNER_ID has in the pool, or in any for "". */
int store_desktop_changed(struct db *db, const char *id) MUST_CHECK;
int store_desktop_changed_of(struct db *db, const char *owner_id, const char *pool_id) MUST_CHECK;

/* CE_CONFLICT with words while a roll of the pool is under way: its image is the roll's then. */
int store_roll_forbids_image(struct db *db, const char *pool_id) MUST_CHECK;
int store_roll_forget(struct db *db, const char *pool_id) MUST_CHECK;

/* The only writer of desktops.state. *ret_moved is false when the state was not FROM. */
int store_desktop_move(struct db *db, const char *id, enum desktop_state from, enum desktop_state to,
                       const char *reason, bool *ret_moved) MUST_CHECK;

/* Machines (m) that may get a session. */
#define MACHINE_IS_USABLE "m.state IN ('unknown', 'up') AND m.draining = 0"

/* A place on a machine of a static pool: a desktop in state ready; CE_NOT_FOUND without room. */
int store_place_take(struct db *db, const char *pool_id, char desktop_id[ID_SIZE]) MUST_CHECK;
/* The session on it has ended. */
int store_place_free(struct db *db, const struct desktop_row *desktop) MUST_CHECK;
/* The free places of a static pool, and how many machines can be used. */
int store_place_room(struct db *db, const char *pool_id, int64_t *ret_room, int64_t *ret_usable) MUST_CHECK;

/* For changes that follow from a session's: moves the desktop if its state is FROM, else does nothing. */
int store_desktop_follow(struct db *db, const char *id, enum desktop_state from,
                         enum desktop_state to) MUST_CHECK;

/* What becomes of the desktop of a session that has ended, by its pool's log-off policy (store_logoff.c). STAYS_OPEN: what
 * is open in the guest, too, since it goes to rest. */
int store_desktop_release(struct db *db, const struct session_row *session, bool stays_open) MUST_CHECK;
/* A floating desktop that is kept for the user, who has no session on it; CE_NOT_FOUND. */
int store_desktop_kept(struct db *db, const char *user_id, const char *pool_id,
                       char ret_id[ID_SIZE]) MUST_CHECK;
/* Its user is back on it. */
int store_desktop_retake(struct db *db, const char *id) MUST_CHECK;
/* A data disk that the desktop was given at SINCE_MS or later, and on which nobody is any more: nobody is led there before
 * it was mounted anew, and vmpool takes it away (store_data_disk.c). */
int store_data_disk_give_back(struct db *db, const char *desktop_id, int64_t since_ms) MUST_CHECK;

/* The live session on a desktop; CE_NOT_FOUND. */
int store_session_on_desktop(struct db *db, const char *desktop_id, struct session_row *ret) MUST_CHECK;
/* The live session of a user in a pool; CE_NOT_FOUND. */
int store_session_of_user(struct db *db, const char *user_id, const char *pool_id,
                          struct session_row *ret) MUST_CHECK;

/* The only writer of sessions.state; keeps the times, the code and the detail, writes the event. */
int store_session_move(struct db *db, const struct session_row *session, enum session_state to,
                       enum fail code, const char *detail) MUST_CHECK;

/* active -> disconnected, for all sessions of a gateway but those that one process of it has; and for those
 * that a process has (BOOT_ID "": of which no process is known). */
int store_session_gateway_lost(struct db *db, const char *gateway, const char *except_boot_id) MUST_CHECK;
int store_session_process_lost(struct db *db, const char *gateway, const char *boot_id) MUST_CHECK;

/* The processes of a gateway (store_gateway_process.c): the serving one, and those that it replaced while
 * their sessions last. */
int store_gateway_process_seen(struct db *db, const char *gateway, const char *boot_id,
                               uint32_t sessions) MUST_CHECK;
int store_gateway_process_lives(struct db *db, const char *gateway, const char *boot_id,
                                bool *ret) MUST_CHECK;
/* The others are gone, and the sessions with them. */
int store_gateway_process_keep_only(struct db *db, const char *gateway, const char *boot_id) MUST_CHECK;
int store_gateway_process_expire(struct db *db, int64_t before_ms) MUST_CHECK;

/* Of pools p: what store_pool_limits_read() reads from COLUMN on (store_pool_limits.c). */
#define POOL_LIMITS_COLUMNS                                                                                  \
    "p.logoff, p.logoff_after_ms, p.sessions_max, p.waiting_max, p.host_max, p.data_disk_mib, p.data_mount"
void store_pool_limits_read(struct db_query *query, int column, struct pool_limits *ret);
int store_pool_limits_write(struct db *db, const char *pool_id, const struct pool_limits *limits) MUST_CHECK;

/* Whether one more session of REQUEST's may begin in the pool, of which WAITING users wait for a desktop: 0, or
 * CE_REFUSED with *ret_fail and words (store_claim_limits.c). */
int store_claim_limits(struct db *db, const struct session_request *request, const struct pool_limits *limits,
                       int64_t waiting, enum fail *ret_fail) MUST_CHECK;

/* A stored policy; one that cannot be read is an empty one here, and store_policy_of() refuses it. */
void store_policy_read(struct db_query *query, int column, struct policy *ret);

/* Ids that a sweep collects before it writes: a query is not open while its table changes. */
struct id_list {
    char (*ids)[ID_SIZE];
    unsigned count, room;
};
#define CLEANUP_IDS __attribute__((cleanup(id_list_finish)))
int id_list_add(struct db *db, struct id_list *list, const char *id) MUST_CHECK;
/* Adds the first column of all rows and finishes the query. */
int id_list_fill(struct db_query *query, struct id_list *list) MUST_CHECK;
void id_list_finish(struct id_list *list);

#endif
