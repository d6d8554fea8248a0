/* Old versions of images that go by themselves (vmpool.keep_versions). Loop's thread. */
#ifndef VMPOOL_IMAGE_PRUNE_H
#define VMPOOL_IMAGE_PRUNE_H

#include "vmpool.h"

/* Orders the deletion of what is older than the newest ready versions that are kept and that nothing refers to. */
void image_prune_drive(struct vmpool *vm);

#endif
