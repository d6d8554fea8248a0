/* How far something is that takes long: a bar on a terminal, else a plain line whenever something new is to
 * be said. Always on the error stream, so that the output stays a table, a sentence or JSON.
 */
#ifndef CARREL_CTL_PROGRESS_H
#define CARREL_CTL_PROGRESS_H

#include "ctl.h"

#define PROGRESS_BAR_WIDTH 24
#define PROGRESS_PLAIN_STEP 10 /* percent between two plain lines of the same words */

struct progress {
    struct ctl *ctl; /* borrowed */
    char label[80];
    char last_text[200];
    unsigned last_percent;
    bool begun;
};

void progress_begin(struct progress *p, struct ctl *ctl, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* TEXT: what goes on now. Says nothing when nothing changed. */
void progress_update(struct progress *p, unsigned percent, const char *text);
/* Ends the bar's line; the caller's next sentence stands on its own. */
void progress_end(struct progress *p);

#endif
