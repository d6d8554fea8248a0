/* What vmpool does when a desktop stays in a state: each state's deadline and where it leads. The states and
 * what may follow them are include/carrel/desktop_state.h; this table adds time. Pure; any thread.
 *
 * desktop_change() (desktop.h) is the only writer of states here; it goes through store_desktop_set_state().
 */
#ifndef VMPOOL_DESKTOP_STATE_H
#define VMPOOL_DESKTOP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/rows.h>

#include "config.h"

struct desktop_deadline {
    int64_t at_ms;         /* 0: the state waits for nobody */
    enum desktop_state to; /* where the desktop goes then */
    const char *reason;    /* the words */
};

/* When ROW's patience ends. Deadlines count from state_since_ms in the row, so they survive restarts. */
struct desktop_deadline desktop_deadline_of(const struct desktop_row *row, const struct config *config);

/* Whether the state is one in which vmpool waits for a guest or a host (and so must have a deadline). */
bool desktop_state_waits(enum desktop_state state);

/* Whether a domain is expected to exist in this state. */
bool desktop_state_has_guest(enum desktop_state state);

#endif
