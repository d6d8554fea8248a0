/* The join hook (vmpool.join_hook): a program of the administrator's that makes a fresh desktop known elsewhere (a
 * domain, an inventory, a licence) before anybody gets it. It runs on vmpool's machine, with the desktop in its
 * environment, once the guest answers; the guest may be started anew by it, so it is probed again afterwards. It may be
 * called twice for one desktop: after vmpool itself was started anew, or the guest. Loop's thread.
 */
#ifndef VMPOOL_DESKTOP_JOIN_H
#define VMPOOL_DESKTOP_JOIN_H

#include "desktop.h"

/* For a booting desktop that answers. True: nothing is to be waited for. Else the desktop is driven again when the hook
 * has ended, or has failed with its words. */
bool desktop_join(struct desktop *d);
void desktop_join_cancel(struct desktop *d);

#endif
