#include <carrel/desktop_state.h>

#include <string.h>

#define TO(state) (1u << DESKTOP_##state)
#define ALWAYS (TO(RECYCLING) | TO(FAILED) | TO(MAINTENANCE))

/* One row per state: its name and what may follow. A state may be left for recycling, failed and
 * maintenance at any time; a desktop that is recycled ends as a row that is deleted. */
static const struct {
    const char *name;
    unsigned next;
    bool lent;
} states[DESKTOP_STATE_COUNT] = {
    [DESKTOP_CLONING] = {"cloning", ALWAYS | TO(BOOTING), false},
    [DESKTOP_BOOTING] = {"booting", ALWAYS | TO(READY) | TO(STOPPED), false},
    /* ready -> booting: a guest that was ready and was found stopped is started again. */
    [DESKTOP_READY] = {"ready", ALWAYS | TO(CLAIMED) | TO(STOPPED) | TO(BOOTING), false},
    /* claimed -> ready: nobody was given the way to the guest before the claim lapsed. */
    [DESKTOP_CLAIMED] = {"claimed", ALWAYS | TO(IN_USE) | TO(READY) | TO(DISCONNECTED), true},
    /* in_use -> ready, stopped: dedicated desktops, at log-off. */
    [DESKTOP_IN_USE] = {"in_use", ALWAYS | TO(DISCONNECTED) | TO(READY) | TO(STOPPED), true},
    [DESKTOP_DISCONNECTED] = {"disconnected", ALWAYS | TO(IN_USE) | TO(READY) | TO(STOPPED), true},
    [DESKTOP_RECYCLING] = {"recycling", TO(FAILED) | TO(CLONING), false},
    [DESKTOP_STOPPED] = {"stopped", ALWAYS | TO(BOOTING), false},
    [DESKTOP_FAILED] = {"failed", TO(RECYCLING) | TO(MAINTENANCE) | TO(BOOTING), false},
    [DESKTOP_MAINTENANCE] = {"maintenance", TO(RECYCLING) | TO(FAILED) | TO(BOOTING) | TO(STOPPED), false},
};

const char *desktop_state_name(enum desktop_state state)
{
    return (unsigned)state < DESKTOP_STATE_COUNT ? states[state].name : "unknown";
}

int desktop_state_parse(const char *name)
{
    for (int i = 0; i < DESKTOP_STATE_COUNT; i++) {
        if (!strcmp(states[i].name, name))
            return i;
    }
    return -1;
}

bool desktop_state_may_follow(enum desktop_state from, enum desktop_state to)
{
    return (unsigned)from < DESKTOP_STATE_COUNT && (unsigned)to < DESKTOP_STATE_COUNT &&
           (states[from].next & 1u << to);
}

bool desktop_state_is_lent(enum desktop_state state)
{
    return (unsigned)state < DESKTOP_STATE_COUNT && states[state].lent;
}
