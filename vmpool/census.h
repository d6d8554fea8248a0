/* How many desktops there are of which pool, on which host, of which image, and in which states, as of the last pass.
 * It is kept up with each row that a pass brings, so that nobody counts rows: what is asked costs as much as there
 * are combinations of pool, host and image (tallies), whatever the number of desktops. A tally lists its desktops.
 *
 * Loop's thread.
 */
#ifndef VMPOOL_CENSUS_H
#define VMPOOL_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/rows.h>

#include "index.h"
#include "list.h"

/* A pool, a host or an image that has desktops. */
struct census_group {
    struct index_entry by_id;
    char id[ID_SIZE];
    struct list of_pool, of_host, of_image; /* tallies; one of the lists is in use */
    unsigned tallies;
    uint32_t starting;  /* desktops that are cloned or boot */
    unsigned name_from; /* pools: below this number no name of a guest is free */
};

struct tally {
    struct index_entry by_ids;
    struct census_group *pool, *host, *image;
    struct list in_pool, in_host, in_image;
    struct list members; /* struct census_place */
    uint32_t total;      /* rows of any state */
    uint32_t running;    /* neither stopped nor failed: they need memory and processors */
    uint32_t starting;   /* cloning or booting */
    uint32_t coming;     /* of those, nobody's yet */
    uint32_t lent;       /* somebody's session is on it */
    uint32_t free_ready; /* ready, nobody's: what a claim can take */
    uint32_t detached;   /* in maintenance: its pool makes up for it */
};

struct census {
    struct index tallies, groups;
};

/* One desktop's place; all zeros, with an initialised list, before it is counted. */
struct census_place {
    struct list entry;
    struct tally *tally;
    enum desktop_state state;
    bool free; /* nobody's and never touched */
};

/* Nobody has it, and nobody had it since it was cloned. */
bool desktop_row_is_free(const struct desktop_row *row);

/* The row as it is now. False without memory: the desktop is not counted then. */
bool census_put(struct census *census, struct census_place *place, const struct desktop_row *row);
void census_remove(struct census *census, struct census_place *place);

/* NULL: it has no desktops. */
struct census_group *census_find(const struct census *census, const char *id);

void census_finish(struct census *census);

#endif
