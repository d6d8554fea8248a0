/* Golden images on hosts with storage of their own: a READY image that an enabled pool wants there is uploaded,
 * checked, and noted in the store (host_images); placement waits for that. One copy runs per host, on a connection
 * of its own, so that the host's other work goes on. A copy that was broken off is begun again from the start.
 *
 * Loop's thread.
 */
#ifndef VMPOOL_IMAGE_COPY_H
#define VMPOOL_IMAGE_COPY_H

#include "host.h"
#include "vmpool.h"

#define IMAGE_COPY_RETRY_MS 60000 /* before a copy that failed is tried again */
#define IMAGE_COPY_TELL_MS 2000   /* between two notes of how far it is */

/* Where the files of an image lie on a host. */
struct image_paths {
    char disk[1024];
    char kernel[1024];
    char initrd[1024];
    char probe_initrd[1100];
};

/* HOST may be NULL: here. */
void image_copy_paths(const struct host *host, const struct image_row *image, struct image_paths *ret);

/* Whether guests can be cloned from the image on the host. */
bool image_copy_is_there(const struct vmpool *vm, const struct host_row *host, const char *image_id);

void image_copy_drive_all(struct vmpool *vm);
void image_copy_clock_was_set(struct vmpool *vm);

/* Whether a host still has files of the image: it is not deleted before. */
bool image_copy_remains(const struct vmpool *vm, const char *image_id);

void image_copy_close_all(struct vmpool *vm);
void image_copy_abandon_all(struct vmpool *vm); /* those whose host does not come back */
bool image_copy_all_closed(const struct vmpool *vm);
void image_copy_free_all(struct vmpool *vm);

#endif
