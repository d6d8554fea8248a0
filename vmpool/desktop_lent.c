/* A desktop that stands: its guest is looked after, its session port is read, a log-off ends the session,
 * a guest that dies ends it too.
 */
#include "desktop_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define SESSION_PORT "org.carrel.session.0"

/* --- changes that end a session ---------------------------------------------------------------------------
 */

int desktop_write_end_session(struct db *db, struct desktop_write *w, struct desktop_row *ret)
{
    int rc = store_desktop_get(db, w->row.id, ret);
    if (rc || !*ret->session_id)
        return rc;
    rc = store_session_end(db, ret->session_id, w->code, w->reason);
    if (rc && rc != CE_CONFLICT)
        return rc;
    return store_desktop_get(db, w->row.id, ret);
}

static int write_end_session(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = desktop_write_end_session(db, w, &row);
    if (rc)
        return rc;
    /* Lent without a session cannot be, but a desktop that a user may have touched never stays. */
    if (desktop_state_is_lent(row.state) && !row.left_ms)
        return store_desktop_set_state(db, row.id, row.state, DESKTOP_RECYCLING, w->reason);
    return 0;
}

void desktop_end_session(struct desktop *d, enum fail code, const char *detail)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    w->code = code;
    snprintf(w->reason, sizeof w->reason, "%s", detail);
    desktop_write_submit(w, write_end_session);
}

/* Floating: the session ends and the remains are recycled. Dedicated: it stops, and is started again. */
static int write_gone(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = desktop_write_end_session(db, w, &row);
    if (!rc)
        rc = store_data_disk_release(db, row.id);
    if (rc || row.state == DESKTOP_RECYCLING || row.state == DESKTOP_FAILED)
        return rc;
    enum desktop_state to = row.kind == POOL_DEDICATED && desktop_state_may_follow(row.state, DESKTOP_STOPPED)
                                ? DESKTOP_STOPPED
                                : DESKTOP_RECYCLING;
    return store_desktop_set_state(db, row.id, row.state, to, w->reason);
}

void desktop_guest_gone(struct desktop *d, bool shut_down)
{
    const char *words = shut_down ? "the guest was shut down" : "the guest stopped working";
    d->guest_known = false;
    d->dead = true;
    bool early = store_now_ms() - d->row.state_since_ms < EARLY_DEATH_MS;
    if (d->row.state == DESKTOP_BOOTING) {
        desktop_fail(d, shut_down ? "the guest shut down while it started"
                                  : "the guest stopped while it started");
        return;
    }
    if (d->row.state == DESKTOP_READY && (d->row.kind == POOL_FLOATING || early)) {
        desktop_fail(d, words);
        return;
    }
    log_warning("desktop %s: %s", d->row.name, words);
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    w->code = shut_down ? FAIL_LOGOFF : FAIL_GUEST_FAILED;
    snprintf(w->reason, sizeof w->reason, "%s", words);
    desktop_write_submit(w, write_gone);
}

/* --- the session port -------------------------------------------------------------------------------------
 */

/* What the guest told while an operation was under way is not lost: the next step comes here. */
static bool end_logged_off(struct desktop *d)
{
    bool live = *d->logged_off && !strcmp(d->logged_off, d->row.session_id);
    d->logged_off[0] = 0;
    /* Whoever comes back to a desktop that is kept has not logged off before they were there. */
    if (!live || !desktop_state_is_lent(d->row.state) || d->row.left_ms)
        return false;
    desktop_end_session(d, FAIL_LOGOFF, "the user logged off");
    return true;
}

static void on_line(void *arg, const struct session_line *line)
{
    struct desktop *d = arg;
    const struct pool_row *pool = desktop_pool(d);
    const struct image_row *image = desktop_image(d);
    log_info("desktop %s: the guest says that %s %s session %s", d->row.name, line->user,
             line->kind == SESSION_LINE_OPEN ? "opened a" : "closed the", d->row.session_id);
    if (line->kind == SESSION_LINE_OPEN) {
        d->users_missing = 0;
        return;
    }
    /* With a user of Carrel's own, somebody else's log-off inside the guest is none of a session's end. */
    if (pool && image && pool->credentials == CREDENTIALS_CARREL &&
        strcmp(line->user, image->guest_user) != 0)
        return;
    snprintf(d->logged_off, sizeof d->logged_off, "%s", d->row.session_id);
    if (!d->busy && !d->stale)
        end_logged_off(d);
    else
        d->users_check_ms = 0; /* the row may not name the session yet */
}

static void on_channel_opened(void *arg)
{
    const struct desktop *d = arg;
    log_debug("desktop %s: its session port is read", d->row.name);
}

static void on_channel_bytes(void *arg, const void *bytes, size_t len)
{
    struct desktop *d = arg;
    unsigned bad = d->lines.bad;
    session_lines_feed(&d->lines, bytes, len, on_line, d);
    if (d->lines.bad != bad && !bad)
        log_warning("desktop %s: the guest wrote what is not a line of the session hook", d->row.name);
}

static void on_channel_ended(void *arg, const char *reason)
{
    struct desktop *d = arg;
    log_debug("desktop %s: session port: %s", d->row.name, reason);
    desktop_close_channel(d);
    d->channel_retry_ms = store_now_ms() + CHANNEL_RETRY_MS;
    desktop_due(d, d->channel_retry_ms);
}

static const struct virt_channel_events channel_events = {
    .opened = on_channel_opened, .bytes = on_channel_bytes, .ended = on_channel_ended};

void desktop_close_channel(struct desktop *d)
{
    virt_channel_close(&d->channel);
    memset(&d->lines, 0, sizeof d->lines);
}

static void watch_channel(struct desktop *d)
{
    const struct image_row *image = desktop_image(d);
    struct host *host = desktop_host(d);
    if (d->channel || !image || !image->session_hook || !host || !host_answers(host))
        return;
    if (store_now_ms() < d->channel_retry_ms) {
        desktop_due(d, d->channel_retry_ms);
        return;
    }
    const struct guest_key key = desktop_key(d);
    if (virt_channel_open(&d->channel, host->virt, &key, SESSION_PORT, &channel_events, d))
        on_channel_ended(d, "it could not be opened");
}

/* --- is the guest there, is anybody logged in -------------------------------------------------------------
 */

static int run_verify(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    int rc = virt_domain_find(conn, &job->key, &job->seen, err);
    if (!rc && !job->seen.running)
        rc = virt_domain_resume(conn, &job->key, err);
    return rc;
}

static void on_verified(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    bool shut_down = d->suspect && d->shut_down;
    d->suspect = false;
    if (!rc) {
        d->guest_known = true;
        d->agent = d->agent || job->seen.agent; /* an event may have been quicker */
    } else if (rc == CE_NOT_FOUND) {
        desktop_guest_gone(d, shut_down);
    } else {
        if (rc != CE_UNREACHABLE && rc != CE_CANCELLED)
            log_warning("desktop %s: %s", d->row.name, err->text);
        desktop_pause(d, CHANNEL_RETRY_MS);
    }
}

static int run_users(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return guest_agent_has_users(conn, &job->key, &job->has_users, err);
}

/* Twice nobody, some seconds apart: between two looks a log-in may be under way. */
static void on_users(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    const struct image_row *image = desktop_image(d);
    int64_t every_ms = image && image->session_hook ? USERS_CHECK_MS : USERS_CHECK_BARE_MS;
    log_debug("desktop %s: %s", d->row.name,
              rc               ? err->text
              : job->has_users ? "somebody is logged in"
                               : "nobody is logged in");
    if (rc || job->has_users)
        d->users_missing = 0;
    else if (++d->users_missing >= 2) {
        desktop_end_session(d, FAIL_LOGOFF, "nobody is logged in any more");
        return;
    } else {
        every_ms = USERS_FIRST_MS;
    }
    d->users_check_ms = store_now_ms() + every_ms;
    desktop_due(d, d->users_check_ms);
}

static bool users_check_is_due(struct desktop *d)
{
    if (d->row.state != DESKTOP_DISCONNECTED || d->row.left_ms || !d->agent)
        return false;
    if (!d->users_check_ms)
        d->users_check_ms = desktop_since_ms(d) + USERS_FIRST_MS;
    if (store_now_ms() >= d->users_check_ms)
        return true;
    desktop_due(d, d->users_check_ms);
    return false;
}

void desktop_step_verify(struct desktop *d)
{
    struct guest_job *job = guest_job_create(d);
    if (job)
        guest_job_submit(job, run_verify, on_verified);
}

void desktop_step_running(struct desktop *d)
{
    struct host *host = desktop_host(d);
    if (!host || !host_answers(host))
        return; /* what it knows stays true until it is back */
    if (!d->guest_known || d->suspect) {
        desktop_step_verify(d);
        return;
    }
    watch_channel(d);
    desktop_health_watch(d);
    if (end_logged_off(d) || desktop_step_data(d))
        return;
    if (d->row.state == DESKTOP_READY && d->agent && !*d->row.fingerprint && !d->fingerprint_read) {
        desktop_step_late_fingerprint(d);
        return;
    }
    if (users_check_is_due(d)) {
        struct guest_job *job = guest_job_create(d);
        if (job)
            guest_job_submit(job, run_users, on_users);
        return;
    }
    desktop_step_idle(d);
}
