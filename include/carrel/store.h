/* The store: the treaty between broker and vmpool. Wanted and seen state are rows of one database; each
 * process opens it with a thread of its own and a queue.
 *
 * store_submit() queues a job from the loop's thread. The store's thread runs queued write jobs one after
 * another inside one transaction, each in a savepoint of its own, and commits them together; a job that
 * returns an error is rolled back alone. done() runs on the loop's thread after the commit is on the disk
 * (rc: 0, the job's own error, or the commit's). The functions below that take a struct db are called inside
 * jobs only. Reads see committed state and what their own job wrote.
 *
 * A locked or missing database is tried again until STORE_PATIENCE_MS; then jobs fail with CE_UNREACHABLE
 * (CE_NO_SPACE on a full disk) and nothing was written.
 */
#ifndef CARREL_STORE_H
#define CARREL_STORE_H

#include <uv.h>

#include <carrel/error.h>
#include <carrel/fail.h>
#include <carrel/rows.h>

struct store;
struct db;

#define STORE_QUEUE_MAX 4096 /* jobs waiting; store_submit() refuses more with CE_LIMIT */
#define STORE_PATIENCE_MS 10000

enum store_mode { STORE_READ, STORE_WRITE };

/* Opens (and with CREATE makes) the database at PATH, migrates its schema, starts the thread. Blocks: it is
 * called before the loop runs. ROLE ("broker", "vmpool") names the wake-up socket. */
int store_open(struct store **ret, uv_loop_t *loop, const char *path, const char *role,
               struct error *err) MUST_CHECK;

/* Lets queued jobs finish, ends the thread, then calls closed() on the loop and frees the store. */
void store_close(struct store *store, void (*closed)(void *arg), void *arg);

int store_submit(struct store *store, enum store_mode mode, int (*run)(struct db *db, void *arg),
                 void (*done)(void *arg, int rc), void *arg) MUST_CHECK;

/* woken() runs on the loop's thread when another process (or this one) committed a change with
 * store_notify(); wake-ups may be lost or come twice, so a slow sweep stands behind them. */
void store_on_wake(struct store *store, void (*woken)(void *arg, const char *topic, const char *id),
                   void *arg);

/* In a write job: runs a part of it whose own failure, in *RET_RC, undoes that part alone. Another failure than that:
 * the job has to end with it. */
int store_try(struct db *db, int (*run)(struct db *db, void *arg), void *arg, int *ret_rc) MUST_CHECK;

/* In a write job: tells all processes after the commit. TOPIC: "pool" "desktop" "session" "order" "image"
 * "host" "event" "gateway". ID may be "". */
void store_notify(struct db *db, const char *topic, const char *id);

int64_t store_now_ms(void);

/* The last failure's words, for a job that returns an error; valid inside the job. */
const char *store_error(struct db *db);

/* --- names of enums, as the API spells them; parse returns -1 for an unknown name ----------------------- */
const char *pool_kind_name(enum pool_kind kind);
int pool_kind_parse(const char *name);
const char *credentials_name(enum pool_credentials mode);
int credentials_parse(const char *name);
const char *pool_logoff_name(enum pool_logoff logoff);
int pool_logoff_parse(const char *name);
const char *pool_balance_name(enum pool_balance balance);
int pool_balance_parse(const char *name);
const char *pool_trust_name(enum pool_trust trust);
int pool_trust_parse(const char *name);
const char *pool_provision_name(enum pool_provision provision);
int pool_provision_parse(const char *name);
const char *machine_state_name(enum machine_state state);
const char *image_state_name(enum image_state state);
const char *host_state_name(enum host_state state);
const char *host_mode_name(enum host_mode mode);
int host_mode_parse(const char *name);
const char *guest_security_name(enum guest_security security);
int guest_security_parse(const char *name);
const char *host_image_state_name(enum host_image_state state);
const char *placement_name(enum pool_placement placement);
int placement_parse(const char *name);
const char *session_state_name(enum session_state state);
const char *order_state_name(enum order_state state);

/* --- conventions ----------------------------------------------------------------------------------------
 * _get:    by id or by name (KEY is either); CE_NOT_FOUND.
 * _list:   calls each() per row in name order (newest first for sessions, oldest first for events); a
 *          non-zero from each() ends it and is returned.
 * _insert: fills id and created_ms; CE_EXISTS when the name is taken.
 * _delete: CE_NOT_FOUND; CE_CONFLICT when others still refer to it (store_error() says who). */

/* users and groups (store_user.c, store_group.c) */
int store_user_insert(struct db *db, struct user_row *user, const char *password_hash) MUST_CHECK;
int store_user_get(struct db *db, const char *key, struct user_row *ret) MUST_CHECK;
int store_user_list(struct db *db, int (*each)(void *arg, const struct user_row *row), void *arg) MUST_CHECK;
int store_user_update(struct db *db, const struct user_row *user) MUST_CHECK; /* full_name, disabled */
int store_user_delete(struct db *db, const char *id) MUST_CHECK; /* CE_CONFLICT while a session lives */
/* It is new from now on, and need not be changed any more. */
int store_user_set_password(struct db *db, const char *id, const char *hash) MUST_CHECK;
int store_user_set_must_change(struct db *db, const char *id, bool must_change) MUST_CHECK;
int store_user_get_password(struct db *db, const char *name, struct user_row *ret, char *hash,
                            size_t hash_size) MUST_CHECK; /* hash "" when the user has none */
/* NT hashes, sealed (store_nt_hash.c): CE_NOT_FOUND without one; _keep leaves the one that is there; _forget with
 * NULL removes all. A new password hash removes the user's. */
int store_nt_hash_set(struct db *db, const char *user_id, const void *sealed, size_t len) MUST_CHECK;
int store_nt_hash_keep(struct db *db, const char *user_id, const void *sealed, size_t len) MUST_CHECK;
int store_nt_hash_get(struct db *db, const char *user_id, void *ret_sealed, size_t size,
                      size_t *ret_len) MUST_CHECK;
int store_nt_hash_forget(struct db *db, const char *user_id) MUST_CHECK;
/* Secrets of one-time codes, sealed (store_otp.c): CE_EXISTS with one, CE_NOT_FOUND without. _use takes the code of a
 * step (30 s since 1970); CE_CONFLICT when it, or a later one, was taken before. */
int store_otp_insert(struct db *db, const char *user_id, const void *sealed, size_t len) MUST_CHECK;
int store_otp_get(struct db *db, const char *user_id, void *ret_sealed, size_t size, size_t *ret_len,
                  int64_t *ret_last_step) MUST_CHECK;
int store_otp_use(struct db *db, const char *user_id, int64_t step) MUST_CHECK;
int store_otp_delete(struct db *db, const char *user_id) MUST_CHECK;
int store_user_touch_login(struct db *db, const char *id) MUST_CHECK;

int store_group_insert(struct db *db, struct group_row *group) MUST_CHECK;
int store_group_get(struct db *db, const char *key, struct group_row *ret) MUST_CHECK;
int store_group_list(struct db *db, int (*each)(void *arg, const struct group_row *row),
                     void *arg) MUST_CHECK;
int store_group_delete(struct db *db, const char *id) MUST_CHECK;
int store_group_add(struct db *db, const char *group_id, const char *user_id) MUST_CHECK;
int store_group_remove(struct db *db, const char *group_id, const char *user_id) MUST_CHECK;
int store_group_members(struct db *db, const char *group_id,
                        int (*each)(void *arg, const struct user_row *row), void *arg) MUST_CHECK;

/* entitlements (store_entitlement.c) */
int store_entitlement_insert(struct db *db, struct entitlement_row *row) MUST_CHECK;
int store_entitlement_get(struct db *db, const char *id, struct entitlement_row *ret) MUST_CHECK;
int store_entitlement_list(struct db *db, int (*each)(void *arg, const struct entitlement_row *row),
                           void *arg) MUST_CHECK;
int store_entitlement_delete(struct db *db, const char *id) MUST_CHECK;
int store_entitlement_set_policy(struct db *db, const char *id, const struct policy *policy) MUST_CHECK;
/* The enabled and disabled pools that a user may use, directly or through groups, in name order. */
int store_entitlement_pools(struct db *db, const char *user_id,
                            int (*each)(void *arg, const struct pool_row *row), void *arg) MUST_CHECK;

/* policies (store_policy.c) */
/* What holds for the user in the pool: the pool's, under what the user's groups are entitled to, added up,
 * under the user's own entitlement. */
int store_policy_of(struct db *db, const char *user_id, const char *pool_id, struct policy *ret) MUST_CHECK;
/* b, at each log-in: the limits of POLICY for the session, counted from its first log-in. */
int store_session_set_limits(struct db *db, const struct session_row *session,
                             const struct policy *policy) MUST_CHECK;
/* b, at a gateway's report: adds WORDS (with blanks between them) to what was denied; *ret_news are those that
 * it did not know yet. */
int store_session_add_denied(struct db *db, const char *id, const char *words,
                             char ret_news[REASON_SIZE]) MUST_CHECK;
/* b's sweep: each live session whose time is over by NOW, with FAIL_SESSION_LIMIT or FAIL_DISCONNECT_LIMIT;
 * each() may end it. */
int store_session_over(struct db *db, int64_t now_ms,
                       int (*each)(void *arg, const struct session_row *row, enum fail fail),
                       void *arg) MUST_CHECK;
/* b's sweep: each live session whose user is to be warned by NOW; the next time is a minute before its end, if
 * that is still some time away, and then none. */
int store_session_warn(struct db *db, int64_t now_ms, int (*each)(void *arg, const struct session_row *row),
                       void *arg) MUST_CHECK;

/* images, pools, hosts (store_image.c, store_pool.c, store_host.c) */
int store_image_insert(struct db *db, struct image_row *row) MUST_CHECK;
/* KEY: an id, "NAME@VERSION", or a name: its newest version that is ready, else its newest. */
int store_image_get(struct db *db, const char *key, struct image_row *ret) MUST_CHECK;
int store_image_list(struct db *db, int (*each)(void *arg, const struct image_row *row),
                     void *arg) MUST_CHECK;
int store_image_update(struct db *db, const struct image_row *row) MUST_CHECK; /* all but id, name, created */
/* Refused with CE_CONFLICT while a pool or a desktop refers to it; else state deleting, vmpool removes it. */
int store_image_order_delete(struct db *db, const char *id) MUST_CHECK;
int store_image_delete(struct db *db, const char *id) MUST_CHECK; /* v: the files are gone */

/* Fills the version too: the next one of the name. */
int store_image_publish(struct db *db, struct image_row *row) MUST_CHECK;
/* Orders the deletion of versions that are not their name's newest ready one and that nothing refers to; KEEP of
 * them stay. NAME "": of all names. each() gets those that go. */
int store_image_prune(struct db *db, const char *name, uint32_t keep,
                      int (*each)(void *arg, const struct image_row *row), void *arg) MUST_CHECK;

/* rolls (store_roll.c); POOL_ID is an id here */
const char *roll_phase_name(enum roll_phase phase);
int store_roll_get(struct db *db, const char *pool_id, struct roll_row *ret) MUST_CHECK;
int store_roll_list(struct db *db, int (*each)(void *arg, const struct roll_row *row),
                    void *arg) MUST_CHECK; /* those that are not done */
int store_roll_count(struct db *db, const struct roll_row *roll, struct roll_progress *ret) MUST_CHECK;
/* b: pool_id, to_image_id, max_unavailable, at_ms, force_after_ms, failure_limit. CE_CONFLICT says what forbids it. */
int store_roll_begin(struct db *db, const struct roll_row *row) MUST_CHECK;
int store_roll_pause(struct db *db, const char *pool_id) MUST_CHECK;
int store_roll_resume(struct db *db,
                      const char *pool_id) MUST_CHECK; /* a stopped one begins with a canary again */
int store_roll_back(struct db *db, const char *pool_id, bool discard) MUST_CHECK;
/* v: CE_CONFLICT when the phase is not FROM. The pool's image follows. */
int store_roll_move(struct db *db, const char *pool_id, enum roll_phase from, enum roll_phase to,
                    const char *reason) MUST_CHECK;
/* v: a desktop failed; *ret_counted: it was one of a roll's new ones, and none of the pool's own failures. */
int store_roll_failed(struct db *db, const struct desktop_row *desktop, const char *reason,
                      bool *ret_counted) MUST_CHECK;
int store_roll_warned(struct db *db, const char *pool_id, int64_t force_at_ms, uint32_t users) MUST_CHECK;

int store_pool_insert(struct db *db, struct pool_row *row) MUST_CHECK;
int store_pool_get(struct db *db, const char *key, struct pool_row *ret) MUST_CHECK;
int store_pool_list(struct db *db, int (*each)(void *arg, const struct pool_row *row), void *arg) MUST_CHECK;
/* Without what is counted among desktops and machines: costs the same for every size of pool. */
int store_pool_get_plain(struct db *db, const char *id, struct pool_row *ret) MUST_CHECK;
int store_pool_list_plain(struct db *db, int (*each)(void *arg, const struct pool_row *row),
                          void *arg) MUST_CHECK;
/* b: spare, max, vcpus, memory, image, network, credentials, placement, host_labels, apart, policy,
 * guest_security, description, limits, enabled;
 * clears stopped and failures. */
int store_pool_update(struct db *db, const struct pool_row *row) MUST_CHECK;
int store_pool_set_deleting(struct db *db, const char *id) MUST_CHECK; /* CE_CONFLICT while sessions live */
int store_pool_delete(struct db *db, const char *id) MUST_CHECK;       /* v: the last desktop is gone */
/* v: why the pool makes no instant clones on the host now, and whether linked ones instead; empty: it does. */
int store_pool_set_note(struct db *db, const char *pool_id, const char *host_id, bool falls_back,
                        const char *note) MUST_CHECK;
/* v: counts a failed guest (retry_at_ms, stopped as given) or, with failures 0, clears them. */
int store_pool_set_failure(struct db *db, const char *id, uint32_t failures, int64_t retry_at_ms,
                           bool stopped, const char *reason) MUST_CHECK;

int store_host_insert(struct db *db, struct host_row *row) MUST_CHECK;
int store_host_get(struct db *db, const char *key, struct host_row *ret) MUST_CHECK;
int store_host_list(struct db *db, int (*each)(void *arg, const struct host_row *row), void *arg) MUST_CHECK;
int store_host_list_plain(struct db *db, int (*each)(void *arg, const struct host_row *row),
                          void *arg) MUST_CHECK;                               /* without what is counted */
int store_host_update(struct db *db, const struct host_row *row) MUST_CHECK;   /* b: all members marked b */
int store_host_set_seen(struct db *db, const struct host_row *row) MUST_CHECK; /* v: all members marked v */
int store_host_delete(struct db *db, const char *id) MUST_CHECK; /* CE_CONFLICT while it has desktops */

/* b: the machines of static pools (store_machine.c); POOL_ID may be "" for all. */
int store_machine_insert(struct db *db, struct machine_row *row) MUST_CHECK;
int store_machine_get(struct db *db, const char *key, struct machine_row *ret) MUST_CHECK;
int store_machine_list(struct db *db, const char *pool_id,
                       int (*each)(void *arg, const struct machine_row *row), void *arg) MUST_CHECK;
/* sessions_max, draining, fingerprint */
int store_machine_update(struct db *db, const struct machine_row *row) MUST_CHECK;
/* It answered (WHY NULL), or did not: down after LIMIT times in a row. *ret is the row after that. A machine
 * that is mistrusted stays so. */
int store_machine_heard(struct db *db, const char *id, const char *why, uint32_t limit,
                        struct machine_row *ret) MUST_CHECK;
/* A gateway did not get to the place DESKTOP: the machine is asked at once, or it is mistrusted from now on,
 * until its fingerprint is changed, because it showed another certificate than the known one. */
int store_machine_suspect(struct db *db, const struct desktop_row *desktop, bool mistrusted) MUST_CHECK;
/* What the machine under DESKTOP_ID showed; remembered where none is known and its pool does so. */
int store_machine_learn(struct db *db, const char *desktop_id, const char *fingerprint) MUST_CHECK;
int store_machine_delete(struct db *db, const char *id) MUST_CHECK; /* CE_CONFLICT with sessions on it */
/* b's sweep: sessions on machines that are disconnected since before LEFT_BEFORE end as NO_SHOW. */
int store_place_expire(struct db *db, int64_t left_before_ms, uint32_t *ret_count) MUST_CHECK;

/* v: leases (store_lease.c). All but the list are for write jobs. */
int store_lease_list(struct db *db, int (*each)(void *arg, const struct lease_row *row),
                     void *arg) MUST_CHECK;
/* Takes the lease if it still is as it was SEEN (boot "" and turn 0: never taken); else CE_CONFLICT. */
int store_lease_take(struct db *db, const struct lease_row *seen, const char *owner, const char *boot,
                     struct lease_row *ret) MUST_CHECK;
/* Renews all that are BOOT's and lists them. */
int store_lease_renew(struct db *db, const char *boot, int (*each)(void *arg, const struct lease_row *row),
                      void *arg) MUST_CHECK;
/* NAME "": all that are BOOT's. */
int store_lease_give_back(struct db *db, const char *name, const char *boot) MUST_CHECK;
/* CE_CONFLICT unless the lease is BOOT's: the fence of every write that needs it. */
int store_lease_check(struct db *db, const char *name, const char *boot) MUST_CHECK;

/* images on hosts with storage of their own (store_host_image.c); HOST_ID "": of all */
int store_host_image_list(struct db *db, const char *host_id,
                          int (*each)(void *arg, const struct host_image_row *row), void *arg) MUST_CHECK;
int store_host_image_set(struct db *db, const struct host_image_row *row) MUST_CHECK;
int store_host_image_delete(struct db *db, const char *host_id, const char *image_id) MUST_CHECK;

/* desktops (store_desktop.c). FILTER's empty members match all. */
struct desktop_filter {
    const char *pool_id;
    const char *host_id;
    int state; /* enum desktop_state, or -1 */
};
/* v: a new desktop in state cloning. Fails with CE_LIMIT when the pool has its max already (I3), CE_EXISTS
 * when the name or uuid is taken. A dedicated desktop is inserted without an owner. */
int store_desktop_insert(struct db *db, struct desktop_row *row) MUST_CHECK;
int store_desktop_get(struct db *db, const char *key, struct desktop_row *ret) MUST_CHECK;
int store_desktop_list(struct db *db, const struct desktop_filter *filter,
                       int (*each)(void *arg, const struct desktop_row *row), void *arg) MUST_CHECK;
/* Changes the state if it is FROM now (CE_CONFLICT otherwise) and the table of desktop_state.h allows it
 * (CE_INTERNAL otherwise). The only function that writes the column. Notifies "desktop". */
int store_desktop_set_state(struct db *db, const char *id, enum desktop_state from, enum desktop_state to,
                            const char *reason) MUST_CHECK;
/* v: address, port, fingerprint, guest_user, sealed password, disk, host_id, percent, attempts, uuid. */
int store_desktop_set_seen(struct db *db, const struct desktop_row *row) MUST_CHECK;
/* v: a stopped desktop is from now on at another host, which has its disk; REASON says why. CE_CONFLICT when it is not
 * stopped at FROM. */
int store_desktop_rehost(struct db *db, const char *id, const char *from_host_id, const char *to_host_id,
                         const char *reason) MUST_CHECK;
/* v: why it stands still, without a change of its state; CE_CONFLICT when its state is not STATE. */
int store_desktop_set_reason(struct db *db, const char *id, enum desktop_state state,
                             const char *reason) MUST_CHECK;
/* v: CE_CONFLICT when a session is on the desktop, or its owner's waits for it. */
int store_desktop_is_left(struct db *db, const struct desktop_row *desktop) MUST_CHECK;
/* v: a dedicated desktop's disk is made anew, of IMAGE_ID, before its next start. */
int store_desktop_set_renew(struct db *db, const char *id, const char *image_id) MUST_CHECK;
/* v: how far that is. */
int store_desktop_set_renewed(struct db *db, const char *id, enum desktop_renew step) MUST_CHECK;
int store_desktop_set_percent(struct db *db, const char *id, uint32_t percent) MUST_CHECK;
/* v: which desktops changed after *MARK, those that are deleted too; then *MARK is moved on (store_change.c).
 * CE_NOT_FOUND when the log does not tell, as with a MARK of zeros: all have to be read, and *MARK says from where
 * it goes on then. */
int store_desktop_changes(struct db *db, struct change_mark *mark, int (*each)(void *arg, const char *id),
                          void *arg) MUST_CHECK;
/* v: the guest is gone. Ends a live session on it with CODE. */
int store_desktop_delete(struct db *db, const char *id, enum fail code) MUST_CHECK;

/* Data disks (store_data_disk.c). Empty ids match all. A desktop whose guest has one, or may have, holds its lock: the
 * row's desktop_id, which is unique. */
int store_data_disk_get(struct db *db, const char *id, struct data_disk_row *ret) MUST_CHECK;
int store_data_disk_list(struct db *db, const char *pool_id, const char *user_id,
                         int (*each)(void *arg, const struct data_disk_row *row), void *arg) MUST_CHECK;
/* v: the disk of whoever's session is on the desktop is locked for it, and made if there is none; the desktop counts as
 * touched from here. CE_BUSY: another desktop has it. CE_REFUSED: it can never be had there, with words. CE_CONFLICT: no
 * session is on the desktop. */
int store_data_disk_take(struct db *db, const char *desktop_id, struct data_disk_row *ret) MUST_CHECK;
/* v: its file is there; and it is mounted in the guest of the desktop that has the lock. */
int store_data_disk_set_made(struct db *db, const char *id, const char *host_id) MUST_CHECK;
int store_data_disk_set_attached(struct db *db, const char *id, const char *desktop_id) MUST_CHECK;
/* v: the desktop's guest, on the host where the desktop is now, has it no more for certain. Nothing is done when it has
 * none, or had it on another host that was lost. */
int store_data_disk_release(struct db *db, const char *desktop_id) MUST_CHECK;
/* v: a desktop that came from another host runs from the disk that it had there: its guest there is no more. */
int store_data_disk_follow(struct db *db, const char *desktop_id) MUST_CHECK;
/* v: what desktops had on the host that are gone, or elsewhere: no guest of theirs runs there now. */
int store_data_disk_release_lost(struct db *db, const char *host_id) MUST_CHECK;
int store_data_disk_set_reason(struct db *db, const char *id, const char *reason) MUST_CHECK;
/* b: takes away the lock of a guest on a lost host, which needs FORCE. CE_CONFLICT with words. */
int store_data_disk_detach(struct db *db, const char *id, bool force) MUST_CHECK;
int store_data_disk_set_deleting(struct db *db,
                                 const char *id) MUST_CHECK;          /* CE_CONFLICT while it is locked */
int store_data_disk_delete(struct db *db, const char *id) MUST_CHECK; /* its file is gone */
/* b: whether the session's user may be led to its desktop: no data disk is awaited. */
int store_data_disk_is_there(struct db *db, const struct session_row *session, const struct pool_row *pool,
                             bool *ret) MUST_CHECK;

/* sessions and claims (store_session.c, store_claim.c) */
struct session_request {
    const char *user_id;
    const char *pool_id;
    const char *gateway;
    const char *boot_id; /* the gateway's process; NULL: it did not say */
    const char *client_address;
    const char *client_name;
    uint32_t user_sessions_max; /* live sessions that a user may have over all pools; 0: any number */
    uint32_t sessions_max;      /* ... and that there may be in all */
};
/* b, in a write job: the claim. The user's live session of the pool, if there is one (its connection number
 * rises; *ret_replaced is the connection to close on *ret_old_gateway, 0 for none); else a new session with,
 * in this order, the user's own desktop (dedicated, or kept for them), a ready one that nobody touched, or none:
 * then the
 * session waits (state starting, desktop_id empty), unless the pool cannot have another one:
 * *ret_fail says NO_DESKTOP, POOL_DISABLED or POOL_FAILED, or which limit was reached (fail_is_limit()), and the
 * function returns CE_REFUSED with words in store_error(), which are for the person when it is a limit. */
struct claim {
    struct session_row session;
    uint32_t replaced; /* connection that this one takes over, 0: none */
    char replaced_gateway[NAME_SIZE];
    char replaced_boot_id[ID_SIZE];
    enum fail fail; /* with CE_REFUSED */
};
int store_claim(struct db *db, const struct session_request *request, struct claim *ret) MUST_CHECK;
/* b: gives ready desktops to waiting sessions of the pool, oldest first; *ret_served counts them. */
int store_claim_waiting(struct db *db, const char *pool_id, uint32_t *ret_served) MUST_CHECK;
/* The place of a waiting session in its pool's queue, from 1; 0 when it is not waiting. */
int store_claim_place(struct db *db, const char *session_id, uint32_t *ret_place) MUST_CHECK;
/* Whether it waits for its user's own desktop, which waits for a host that is down. */
int store_claim_host_away(struct db *db, const char *session_id, bool *ret_away) MUST_CHECK;
/* b: the way to the guest is handed out: from here a floating desktop counts as touched (I2). */
int store_session_hand_out(struct db *db, const char *id, struct desktop_row *ret) MUST_CHECK;

struct session_filter {
    const char *user_id;
    const char *pool_id;
    const char *gateway;
    int state;      /* enum session_state, or -1 */
    bool ended;     /* with state -1: ended ones too */
    uint32_t limit; /* 0: all */
};
int store_session_get(struct db *db, const char *id, struct session_row *ret) MUST_CHECK;
int store_session_list(struct db *db, const struct session_filter *filter,
                       int (*each)(void *arg, const struct session_row *row), void *arg) MUST_CHECK;
/* b: what gateways report about connection CONNECTION; a stale one gets CE_CONFLICT and changes nothing.
 * connected: starting|disconnected -> active, desktop in_use.
 * closed: -> disconnected, desktop disconnected (or nothing when the session has ended meanwhile). */
int store_session_connected(struct db *db, const char *id, uint32_t connection) MUST_CHECK;
int store_session_closed(struct db *db, const char *id, uint32_t connection, enum fail code,
                         const char *detail, uint64_t bytes_in, uint64_t bytes_out) MUST_CHECK;
/* Automatic reconnection (store_reconnect.c). DIGEST is what the newest connection's client can prove; "":
 * it has to log in again. The cookie is kept when the connection ends, unless somebody decided that end. */
int store_session_set_reconnect(struct db *db, const char *id, const char *digest) MUST_CHECK;
/* The live session whose client proves DIGEST, once: active, or disconnected after DISCONNECTED_AFTER.
 * CE_NOT_FOUND. */
int store_session_take_reconnect(struct db *db, const char *digest, int64_t disconnected_after_ms,
                                 struct session_row *ret) MUST_CHECK;
int store_session_touch(struct db *db, const char *id) MUST_CHECK; /* seen_ms = now: somebody still waits */
/* b: the session is to end at ENDS with CODE, unless it ends sooner; its user is warned at WARN (0: is not). */
int store_session_set_end(struct db *db, const char *id, enum fail code, int64_t ends_ms,
                          int64_t warn_ms) MUST_CHECK;
/* b: its guest is asked to log its user off; it ends with CODE when that is told, or at UNTIL. */
int store_session_begin_logoff(struct db *db, const char *id, enum fail code, int64_t until_ms) MUST_CHECK;
/* Ends a live session: its desktop goes to recycling (floating) or ready/stopped (dedicated). With a desktop
 * that nobody was led to, it becomes ready again. CE_CONFLICT when it has ended already. */
int store_session_end(struct db *db, const char *id, enum fail code, const char *detail) MUST_CHECK;
/* v: the same of a dedicated desktop's, which is suspended: what is open on it stays open, and its log-off policy waits. */
int store_session_end_open(struct db *db, const char *id, enum fail code, const char *detail) MUST_CHECK;
/* b's sweep: sessions whose place or claim lapsed end as NO_SHOW; returns how many. */
int store_session_expire(struct db *db, int64_t waiting_before_ms, int64_t claimed_before_ms,
                         uint32_t *ret_count) MUST_CHECK;
/* b's sweep: the history of sessions that ended before BEFORE is dropped. */
int store_session_forget(struct db *db, int64_t before_ms) MUST_CHECK;

/* gateways (store_gateway.c) */
/* b: heartbeat of one process. The sessions of older ones are disconnected, unless this one succeeds one of
 * them; what one that started earlier says is about its own sessions only. */
int store_gateway_seen(struct db *db, const struct gateway_row *row) MUST_CHECK;
int store_gateway_list(struct db *db, int (*each)(void *arg, const struct gateway_row *row),
                       void *arg) MUST_CHECK;
int store_gateway_get(struct db *db, const char *name, struct gateway_row *ret) MUST_CHECK;
int store_gateway_set_draining(struct db *db, const char *name, bool draining) MUST_CHECK;
/* b, at a log-in: the process may not have sent its first heartbeat yet. */
int store_gateway_process_met(struct db *db, const char *gateway, const char *boot_id) MUST_CHECK;
/* b's sweep: gateways silent since BEFORE are down; their active sessions become disconnected. */
int store_gateway_expire(struct db *db, int64_t before_ms, uint32_t *ret_count) MUST_CHECK;

/* failed log-ins (store_login.c). SUBJECT is "user:NAME" or "address:IP". */
int store_login_pause_until(struct db *db, const char *subject, int64_t *ret_until_ms) MUST_CHECK;
int store_login_failed(struct db *db, const char *subject, uint32_t free_tries, uint64_t pause_ms,
                       uint64_t pause_max_ms, int64_t *ret_until_ms) MUST_CHECK;
int store_login_succeeded(struct db *db, const char *subject) MUST_CHECK;

/* orders (store_order.c) */
int store_order_insert(struct db *db, struct order_row *row) MUST_CHECK; /* fills number; notifies "order" */
int store_order_list(struct db *db, const char *target, int64_t after,
                     int (*each)(void *arg, const struct order_row *row),
                     void *arg) MUST_CHECK; /* open ones */
int store_order_get(struct db *db, int64_t number, struct order_row *ret) MUST_CHECK;
int store_order_finish(struct db *db, int64_t number, enum order_state state, const char *reason) MUST_CHECK;
/* b: what became of an order that its receiver has taken; CE_CONFLICT when that was told before. */
int store_order_tell(struct db *db, int64_t number, const char *reason) MUST_CHECK;
int store_order_expire(struct db *db, int64_t before_ms) MUST_CHECK; /* open ones stay, however old */

/* tokens (store_token.c): for remote callers; HASH is SHA-256 of the token, hex. */
int store_token_insert(struct db *db, const char *name, const char *role, const char *hash) MUST_CHECK;
int store_token_role(struct db *db, const char *hash, char *ret_role, size_t size) MUST_CHECK;

/* events (store_event.c): an audit trail that is written in the job that it tells of. */
int store_event(struct db *db, const struct event_row *row) MUST_CHECK; /* number, at_ms are filled here */
int store_event_list(struct db *db, int64_t after, uint32_t limit,
                     int (*each)(void *arg, const struct event_row *row), void *arg) MUST_CHECK;
int store_event_last(struct db *db, int64_t *ret_number) MUST_CHECK;
int store_event_expire(struct db *db, int64_t before_ms) MUST_CHECK;

#endif
