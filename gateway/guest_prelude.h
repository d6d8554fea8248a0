/* What a guest says between Client Info and its Demand Active, while the client still looks at the lobby:
 * licensing and connect-time network detection, which the client went through with the lobby and must not see
 * again. The gateway answers in its place. Pure, any thread.
 */
#ifndef CARREL_GATEWAY_GUEST_PRELUDE_H
#define CARREL_GATEWAY_GUEST_PRELUDE_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "rdp_pdu.h"
#include "writer.h"

enum guest_prelude {
    PRELUDE_GOES_ON, /* consumed; what W got goes to the guest */
    PRELUDE_ACTIVE,  /* this is the Demand Active: the client may be switched */
    PRELUDE_OVER,    /* the guest says farewell; *RET_ERROR_INFO may say why */
};

enum { PRELUDE_ANSWER_MAX_LEN = 64 };

/* One whole TPKT packet of the guest, which stays as it is: the relay maps the Demand Active when it carries
 * it. CE_BAD_INPUT. */
int guest_prelude_hear(const struct id_map *map, const uint8_t *pdu, size_t len, struct writer *w,
                       enum guest_prelude *ret, uint32_t *ret_error_info) MUST_CHECK;

#endif
