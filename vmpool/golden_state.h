/* The life of a golden guest: the guest that instant clones of one image, host and shape are forked from. Pure;
 * any thread. States change in golden_change() only.
 */
#ifndef VMPOOL_GOLDEN_STATE_H
#define VMPOOL_GOLDEN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum golden_state {
    GOLDEN_BOOTING, /* disk and memory file are made, the guest starts */
    GOLDEN_PREPARING, /* it answers; its agent brings it to rest, with a session of its user where one is wanted */
    GOLDEN_FREEZING, /* its device state is written beside its memory; it ends */
    GOLDEN_SEALING,  /* checksums of the files are taken */
    GOLDEN_READY,
    GOLDEN_FAILED,   /* its reason says why; made again after a pause */
    GOLDEN_REMOVING, /* guest and files go, then so does it */
    GOLDEN_STATE_COUNT,
};

#define GOLDEN_PREPARE_MS 180000 /* for the guest to come to rest; then making it has failed */
#define GOLDEN_FREEZE_MS 60000   /* for writing its state */

const char *golden_state_name(enum golden_state state);
bool golden_state_may_follow(enum golden_state from, enum golden_state to);

/* How long the state may take before making the guest has failed; 0: it waits for nobody. */
uint64_t golden_state_patience_ms(enum golden_state state, const struct config *config);

/* Whether a domain of the golden guest may be there now. */
bool golden_state_has_guest(enum golden_state state);

#endif
