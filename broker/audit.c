#include "audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts where TEXT is longer, as events are read by people. */
#define COPY(to, from) snprintf(to, sizeof(to), "%.*s", (int)sizeof(to) - 1, from)

int audit_admin(struct db *db, const struct request *r, const char *kind, const char *object, const char *fmt,
                ...)
{
    struct event_row event = {0};
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(event.kind, sizeof event.kind, "admin.%s", kind);
    COPY(event.object, object);
    snprintf(event.text, sizeof event.text, "%s by the system user with uid %u.", text, (unsigned)r->uid);
    return store_event(db, &event);
}

int audit_session(struct db *db, const struct session_row *session, const char *kind, const char *fmt, ...)
{
    struct event_row event = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(event.text, sizeof event.text, fmt, args);
    va_end(args);
    COPY(event.kind, kind);
    COPY(event.object, session->id);
    COPY(event.session_id, session->id);
    COPY(event.user, session->user);
    COPY(event.pool, session->pool);
    COPY(event.desktop, session->desktop);
    return store_event(db, &event);
}

int audit_user(struct db *db, const char *user, const char *pool, const char *kind, const char *fmt, ...)
{
    struct event_row event = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(event.text, sizeof event.text, fmt, args);
    va_end(args);
    COPY(event.kind, kind);
    COPY(event.user, user);
    COPY(event.pool, pool);
    return store_event(db, &event);
}
