/* Plays one end of a recorded session and checks what the other end plays. Embedded in a client or a guest's peer; plain
 * memory, on the kit's thread. A recording that ends begins again, unless it is played once.
 */
#ifndef CARREL_LOAD_PLAYER_H
#define CARREL_LOAD_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

#include "recording.h"

struct player_at {
    uint32_t index, round;
};

struct player {
    const struct recording *recording; /* borrowed; NULL: nothing is played */
    double speed;                      /* 2: twice as fast as it was recorded */
    uint32_t rounds;                   /* 0: until somebody stops asking */
    bool guest;                        /* which end this is */
    struct player_at said, heard;
};

/* The next event, where it is due PASSED_NS after the beginning; *RET_DUE_NS: when it was. NULL: none. */
const struct recording_event *player_due(const struct player *p, uint64_t passed_ns, uint64_t *ret_due_ns);
void player_said(struct player *p);

/* What the other end played must be this, byte by byte. CE_BAD_INPUT: it is not. */
int player_hear(struct player *p, const struct recording_event *event) MUST_CHECK;

#endif
