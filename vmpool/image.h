/* Golden images: importing (a disk file, or a folder with image.json) into vmpool.image_dir, and removing.
 *
 *     inspect (worker) -> qemu-img info -> qemu-img check -> prepare (worker) -> qemu-img convert
 *         -> install (worker) -> the row is ready
 *
 * The copy is always one qcow2 file without a backing file. An import that a killed vmpool had begun is
 * begun again. One task per image, on the loop's thread; files are touched on libuv's workers.
 */
#ifndef VMPOOL_IMAGE_H
#define VMPOOL_IMAGE_H

#include "vmpool.h"

#define IMAGE_SILENCE_MS 120000 /* qemu-img says nothing for so long: it is ended and the import fails */

/* The images of a new pass. */
void image_drive_all(struct vmpool *vm);
/* The end of the process: cancels what runs. */
void image_close_all(struct vmpool *vm);
bool image_all_closed(const struct vmpool *vm);

#endif
