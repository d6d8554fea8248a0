/* Dynamic virtual channels (MS-RDPEDYC): the request by which a server opens one on the static channel drdynvc.
 * Pure function, any thread.
 */
#ifndef CARREL_DVC_H
#define CARREL_DVC_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

enum {
    DVC_CREATE = 1,     /* Cmd, the upper four bits of a message's first byte, 2.2.2.1 */
    DVC_NAME_MAX = 255, /* a longer name is refused; messages end at 1,590 bytes */
};

struct dvc_create {
    uint32_t channel_id;
    size_t name_at, name_len; /* in the message, without the terminator */
};

/* CE_NOT_FOUND: another message. CE_BAD_INPUT: a create request that is not whole. */
int dvc_parse_create(const uint8_t *message, size_t len, struct dvc_create *ret) MUST_CHECK;

#endif
