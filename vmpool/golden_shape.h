/* What a golden guest is made of, as an id: everything that a clone has to have in common with it. Pure; any thread. */
#ifndef VMPOOL_GOLDEN_SHAPE_H
#define VMPOOL_GOLDEN_SHAPE_H

#include <stdbool.h>

#include <carrel/rows.h>

#include "template.h"

struct golden_shape {
    const struct template *template;
    const char *installation;
    const struct pool_row *pool; /* its processors, memory, network and warmth */
    const struct image_row *image;
    const char *kernel; /* where they lie on the host; empty: the guest brings its own */
    const char *initrd;
    const struct host_row *host; /* hypervisor and libvirt of this version */
    const char *processor;       /* of the host, which guests see where they run on KVM */
    bool kvm;
};

/* ID and UUID follow from the shape alone. CE_UNSUPPORTED with the reason where guests of it cannot be forked. */
int golden_shape_name(const struct golden_shape *shape, char ret_id[ID_SIZE], char ret_uuid[37],
                      struct error *err) MUST_CHECK;

/* The account whose session a golden guest of that shape has, or "". */
const char *golden_shape_user(const struct golden_shape *shape);

/* Whether the hypervisor behind a libvirt URI is on this machine, so that it can be handed open files. */
bool golden_uri_is_local(const char *uri);

/* Whether the golden guests of the host are out of vmpool's reach, but for libvirt: on another machine, or in
 * storage that vmpool does not see. Known once the host was looked at. */
bool golden_host_is_far(const struct host_row *host);

#endif
