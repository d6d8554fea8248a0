#include "message.h"

#include <stdio.h>
#include <string.h>

#include "audit.h"

enum {
    QUOTE_BYTES = 160, /* of a message in an event */
    WARNING_SHOW_S = 20,
};

bool message_can_be_seen(const struct session_row *session)
{
    return session->gateway[0] && (session->state == SESSION_ACTIVE || session->state == SESSION_STARTING);
}

int message_order(struct db *db, const struct session_row *session, const char *text, uint32_t show_s,
                  const char *sender)
{
    struct order_row order = {.verb = "message", .connection = session->connection, .seconds = show_s};
    snprintf(order.target, sizeof order.target, "gateway:%s",
             session->boot_id[0] ? session->boot_id : session->gateway);
    snprintf(order.object, sizeof order.object, "%s", session->id);
    snprintf(order.text, sizeof order.text, "%s", text);
    snprintf(order.sender, sizeof order.sender, "%s", sender);
    return store_order_insert(db, &order);
}

/* The beginning of TEXT, no character of which is cut in two. */
static void quote(const char *text, char ret[QUOTE_BYTES + 4])
{
    size_t len = strlen(text);
    if (len <= QUOTE_BYTES) {
        memcpy(ret, text, len + 1);
        return;
    }
    len = QUOTE_BYTES;
    while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    memcpy(ret, text, len);
    strcpy(ret + len, "...");
}

int message_told(struct db *db, const struct session_row *session, int64_t number, bool shown,
                 const char *why)
{
    struct order_row order;
    char words[QUOTE_BYTES + 4];
    int rc = store_order_get(db, number, &order);
    if (rc == CE_NOT_FOUND || (!rc && (strcmp(order.verb, "message") || strcmp(order.object, session->id))))
        return 0;
    if (!rc)
        rc = store_order_tell(db, number, shown ? "shown" : why);
    if (rc)
        return rc == CE_CONFLICT ? 0 : rc;
    quote(order.text, words);
    if (shown)
        return audit_session(db, session, "session.message", "User %s was shown the message \"%s\" of %s.",
                             session->user, words, order.sender);
    return audit_session(db, session, "session.message-not-shown",
                         "User %s was not shown the message \"%s\" of %s: %.100s.", session->user, words,
                         order.sender, why);
}

void message_time_words(int64_t left_s, char ret[MESSAGE_WORDS_SIZE])
{
    const int64_t minutes = (left_s + 30) / 60;
    if (left_s >= 55)
        snprintf(ret, MESSAGE_WORDS_SIZE, "%lld minute%s", (long long)minutes, minutes == 1 ? "" : "s");
    else
        snprintf(ret, MESSAGE_WORDS_SIZE, "%lld second%s", (long long)left_s, left_s == 1 ? "" : "s");
}

int message_warn(struct db *db, const struct session_row *session, int64_t left_ms)
{
    char when[MESSAGE_WORDS_SIZE], text[MESSAGE_TEXT_SIZE];
    const bool by_admin = session->ends_code[0] != '\0';
    if (!message_can_be_seen(session))
        return 0;
    message_time_words((left_ms + 999) / 1000, when);
    snprintf(text, sizeof text,
             by_admin ? "An administrator ends your session in %s. Please save your work and log off."
                      : "The time of your session is over in %s. Please save your work and log off.",
             when);
    return message_order(db, session, text, WARNING_SHOW_S,
                         by_admin ? "an administrator" : "the session's limit");
}
