/* A dedicated desktop whose host is lost, or in maintenance, goes to another host that sees its disk. Loop's thread.
 *
 * Its row alone moves, while it is stopped; whoever drives the other host starts it there as any stopped desktop.
 * What keeps two guests off one disk:
 *   - only the owner of the lease of the host that is left moves it, in one transaction that looks at the lease;
 *   - QEMU locks the disk: as long as the former guest lives somewhere, unseen, the start is refused and tried again;
 *   - the host that comes back takes no guest before the one that was replaced is destroyed (host_remove_orphans()).
 */
#ifndef VMPOOL_DESKTOP_MOVE_H
#define VMPOOL_DESKTOP_MOVE_H

#include "desktop.h"

/* For a stopped desktop that keeps its disk: moves it, or makes its row say what it waits for. */
void desktop_move(struct desktop *d);

/* Its row was read anew, or is gone. */
void desktop_move_done(struct desktop *d);

#endif
