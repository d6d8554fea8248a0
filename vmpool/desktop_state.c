#include "desktop_state.h"

enum patience { PATIENCE_NONE, PATIENCE_CLONE, PATIENCE_BOOT, PATIENCE_RECYCLE };

/* claimed, in_use and disconnected wait for people: the broker's claim_hold and wait_limit bound the first,
 * a disconnected session is kept on purpose. failed waits for the pool's back-off (pool_row.retry_at_ms). */
static const struct {
    enum patience patience;
    enum desktop_state to;
    bool guest;
    const char *reason;
} table[DESKTOP_STATE_COUNT] = {
    [DESKTOP_CLONING] = {PATIENCE_CLONE, DESKTOP_FAILED, false, "its disk and guest were not made in time"},
    [DESKTOP_BOOTING] = {PATIENCE_BOOT, DESKTOP_FAILED, true,
                         "the guest did not answer on its RDP port in time"},
    [DESKTOP_READY] = {PATIENCE_NONE, DESKTOP_READY, true, ""},
    [DESKTOP_CLAIMED] = {PATIENCE_NONE, DESKTOP_CLAIMED, true, ""},
    [DESKTOP_IN_USE] = {PATIENCE_NONE, DESKTOP_IN_USE, true, ""},
    [DESKTOP_DISCONNECTED] = {PATIENCE_NONE, DESKTOP_DISCONNECTED, true, ""},
    [DESKTOP_RECYCLING] = {PATIENCE_RECYCLE, DESKTOP_FAILED, false, "the guest could not be removed in time"},
    [DESKTOP_STOPPED] = {PATIENCE_NONE, DESKTOP_STOPPED, false, ""},
    [DESKTOP_FAILED] = {PATIENCE_NONE, DESKTOP_FAILED, false, ""},
    [DESKTOP_MAINTENANCE] = {PATIENCE_NONE, DESKTOP_MAINTENANCE, false, ""},
};

struct desktop_deadline desktop_deadline_of(const struct desktop_row *row, const struct config *config)
{
    struct desktop_deadline deadline = {.to = row->state, .reason = ""};
    if ((unsigned)row->state >= DESKTOP_STATE_COUNT)
        return deadline;
    uint64_t patience_ms = 0;
    switch (table[row->state].patience) {
    case PATIENCE_NONE:
        return deadline;
    case PATIENCE_CLONE:
        patience_ms = config->vmpool_clone_timeout_ms;
        break;
    case PATIENCE_BOOT:
        patience_ms = config->vmpool_boot_timeout_ms;
        break;
    case PATIENCE_RECYCLE:
        patience_ms = config->vmpool_logoff_grace_ms + config->vmpool_recycle_timeout_ms;
        break;
    }
    deadline.at_ms = row->state_since_ms + (int64_t)patience_ms;
    deadline.to = table[row->state].to;
    deadline.reason = table[row->state].reason;
    return deadline;
}

bool desktop_state_waits(enum desktop_state state)
{
    return (unsigned)state < DESKTOP_STATE_COUNT && table[state].patience != PATIENCE_NONE;
}

bool desktop_state_has_guest(enum desktop_state state)
{
    return (unsigned)state < DESKTOP_STATE_COUNT && table[state].guest;
}
