#include "golden_state.h"

#define TO(state) (1u << (state))

static const struct {
    const char *name;
    unsigned next;
    bool guest;
} table[GOLDEN_STATE_COUNT] = {
    [GOLDEN_BOOTING] = {"booting", TO(GOLDEN_PREPARING) | TO(GOLDEN_FAILED), true},
    [GOLDEN_PREPARING] = {"preparing", TO(GOLDEN_FREEZING) | TO(GOLDEN_FAILED), true},
    [GOLDEN_FREEZING] = {"freezing", TO(GOLDEN_SEALING) | TO(GOLDEN_FAILED), true},
    [GOLDEN_SEALING] = {"sealing", TO(GOLDEN_READY) | TO(GOLDEN_FAILED), false},
    [GOLDEN_READY] = {"ready", TO(GOLDEN_REMOVING), false},
    [GOLDEN_FAILED] = {"failed", TO(GOLDEN_BOOTING) | TO(GOLDEN_REMOVING), false},
    [GOLDEN_REMOVING] = {"removing", 0, false},
};

const char *golden_state_name(enum golden_state state)
{
    return (unsigned)state < GOLDEN_STATE_COUNT ? table[state].name : "unknown";
}

bool golden_state_may_follow(enum golden_state from, enum golden_state to)
{
    return (unsigned)from < GOLDEN_STATE_COUNT && (unsigned)to < GOLDEN_STATE_COUNT &&
           table[from].next & TO(to);
}

uint64_t golden_state_patience_ms(enum golden_state state, const struct config *config)
{
    switch (state) {
    case GOLDEN_BOOTING:
        return config->vmpool_boot_timeout_ms;
    case GOLDEN_PREPARING:
        return GOLDEN_PREPARE_MS;
    case GOLDEN_FREEZING:
        return GOLDEN_FREEZE_MS;
    case GOLDEN_SEALING:
    case GOLDEN_READY:
    case GOLDEN_FAILED:
    case GOLDEN_REMOVING:
    case GOLDEN_STATE_COUNT:
        break;
    }
    return 0;
}

bool golden_state_has_guest(enum golden_state state)
{
    return (unsigned)state < GOLDEN_STATE_COUNT && table[state].guest;
}
