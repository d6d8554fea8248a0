/* What users are told on their screens: the orders to gateways, the words of warnings, and what became of them in the
 * audit trail. Store thread only, but for the pure message_time_words().
 */
#ifndef CARREL_BROKER_MESSAGE_H
#define CARREL_BROKER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/store.h>

enum {
    MESSAGE_SHOW_S = 15, /* where nobody says how long */
    MESSAGE_SHOW_MIN_S = 3,
    MESSAGE_WORDS_SIZE = 32,
};

/* Whether somebody looks at a screen on which a message could be shown. */
bool message_can_be_seen(const struct session_row *session);

/* Asks the session's gateway to show TEXT for SHOW_S seconds. SENDER stands in the event that tells it was shown. */
int message_order(struct db *db, const struct session_row *session, const char *text, uint32_t show_s,
                  const char *sender) MUST_CHECK;

/* The gateway says what became of order NUMBER. What is no message to this session, or was told before, changes
 * nothing. */
int message_told(struct db *db, const struct session_row *session, int64_t number, bool shown,
                 const char *why) MUST_CHECK;

/* "5 minutes", "1 minute", "45 seconds"; rounded as people do. */
void message_time_words(int64_t left_s, char ret[MESSAGE_WORDS_SIZE]);

/* The session ends in LEFT_MS: its user is warned, if there is anybody to see it. */
int message_warn(struct db *db, const struct session_row *session, int64_t left_ms) MUST_CHECK;

#endif
