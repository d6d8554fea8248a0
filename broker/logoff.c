#include "logoff.h"

#include <stdio.h>

#include "gateway.h"

/* What nobody was led to has nobody to log off, and machines of static pools are not asked for anything. */
static int guest_can_be_asked(struct db *db, const struct session_row *session, bool *ret)
{
    struct desktop_row desktop;
    *ret = false;
    if (!session->desktop_id[0])
        return 0;
    int rc = store_desktop_get(db, session->desktop_id, &desktop);
    if (!rc)
        *ret = desktop.kind != POOL_STATIC && desktop.touched &&
               (desktop.state == DESKTOP_IN_USE || desktop.state == DESKTOP_DISCONNECTED);
    return rc == CE_NOT_FOUND ? 0 : rc;
}

static int guest_ask(struct db *db, const struct session_row *session, enum fail code, uint64_t wait_ms)
{
    struct order_row order = {.target = "vmpool", .verb = "desktop-logoff"};
    snprintf(order.object, sizeof order.object, "%s", session->desktop_id);
    int rc = store_session_begin_logoff(db, session->id, code, store_now_ms() + (int64_t)wait_ms);
    return rc ? rc : store_order_insert(db, &order);
}

int logoff_begin(struct db *db, const struct session_row *session, enum fail code, const char *detail,
                 uint64_t wait_ms, bool *ret_ended)
{
    const bool connected =
        session->gateway[0] && (session->state == SESSION_ACTIVE || session->state == SESSION_STARTING);
    bool asked;
    int rc = guest_can_be_asked(db, session, &asked);
    if (rc)
        return rc;
    if (session->logoff_ms)
        detail = "the guest did not log its user off in time";
    asked = asked && !session->logoff_ms && wait_ms;
    rc = asked ? guest_ask(db, session, code, wait_ms) : store_session_end(db, session->id, code, detail);
    if (!rc && connected && !session->logoff_ms)
        rc = gateway_order_close(db, session->gateway, session->boot_id, session->id, session->connection,
                                 code);
    if (!rc)
        *ret_ended = !asked;
    return rc;
}
