/* The states of a desktop: the treaty between vmpool, which drives guests, and the broker, which lends them.
 *
 *     cloning -> booting -> ready -> claimed -> in_use <-> disconnected -> recycling -> (row gone)
 *
 * and from any of them failed or maintenance. A dedicated desktop goes from in_use back to ready (or to
 * stopped, by power policy) when its user logs off. Who writes: 'v' vmpool, 'b' broker, in the table of
 * desktop_state.c. The store refuses a change that the table does not have.
 */
#ifndef CARREL_DESKTOP_STATE_H
#define CARREL_DESKTOP_STATE_H

#include <stdbool.h>

enum desktop_state {
    DESKTOP_CLONING,
    DESKTOP_BOOTING,
    DESKTOP_READY,
    DESKTOP_CLAIMED,
    DESKTOP_IN_USE,
    DESKTOP_DISCONNECTED,
    DESKTOP_RECYCLING,
    DESKTOP_STOPPED,
    DESKTOP_FAILED,
    DESKTOP_MAINTENANCE,
    DESKTOP_STATE_COUNT,
};

const char *desktop_state_name(enum desktop_state state);

/* The state called NAME, or -1. */
int desktop_state_parse(const char *name);

bool desktop_state_may_follow(enum desktop_state from, enum desktop_state to);

/* Whether a user's session can be on a desktop in this state. */
bool desktop_state_is_lent(enum desktop_state state);

#endif
