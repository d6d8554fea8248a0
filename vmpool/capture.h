/* What was taken from guests to be looked at, on its way into the store, from where the broker answers. */
#ifndef VMPOOL_CAPTURE_H
#define VMPOOL_CAPTURE_H

#include <carrel/store_upkeep.h>

#include "virt_domain.h"
#include "vmpool.h"

struct captured {
    char *bytes; /* owned; NULL: nothing */
    size_t len;
    bool cut; /* there was more before */
};

/* The end of what a guest wrote to its serial port, cleaned (serial_text.h): of the file NAME in the host's directory
 * DIR. Host's thread. */
int capture_words(struct virt_conn *conn, const char *dir, const char *name, struct captured *ret,
                  struct error *err) MUST_CHECK;

/* Writes ROW with what was captured, which is the store's from here; ORDER (0: none) is done with it. Loop's thread. */
void capture_keep(struct vmpool *vm, const struct capture_row *row, struct captured *captured, int64_t order);

#endif
