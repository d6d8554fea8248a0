/* Rolls of pools to other versions of their image, as pool_roll.h plans them. All that is known of a roll stands in
 * its row; each pass looks at the rolls that are not done. Loop's thread.
 */
#ifndef VMPOOL_ROLL_DRIVE_H
#define VMPOOL_ROLL_DRIVE_H

#include "vmpool.h"

/* The pool's roll that is not done, or NULL. */
const struct roll_row *roll_of_pool(const struct vmpool *vm, const char *pool_id);

/* Whether desktops of the image are among those that the pool may keep: its own image's, and both of its roll. */
bool roll_keeps_image(const struct vmpool *vm, const struct pool_row *pool, const char *image_id);

/* One pass. True: the pool's size is not to be looked at now, because the roll changes what it depends on.
 * make_canary() is called for a desktop that is to go ahead. */
bool roll_drive(struct vmpool *vm, const struct pool_row *pool,
                void (*make_canary)(struct vmpool *vm, const struct pool_row *pool));

#endif
