/* What the gateway asks the lobby to paint as a banner: one JSON object that goes along with the descriptor on which
 * the picture (banner_picture.h) is to come back.
 *
 *     {"text": "...", "width": 1280, "height": 800, "scale": 100, "depth": 24}
 *
 * Pure functions, any thread.
 */
#ifndef CARREL_BANNER_MESSAGE_H
#define CARREL_BANNER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <carrel/error.h>
#include <carrel/ids.h>

enum { BANNER_MESSAGE_MAX_BYTES = 4096 };

struct banner_request {
    char text[MESSAGE_TEXT_SIZE];
    unsigned width, height; /* pixels of the screen that it is for */
    unsigned scale;         /* per cent */
    unsigned depth;         /* bits a pixel: banner_depth_is_known() */
};

bool banner_depth_is_known(unsigned depth);

/* RET_LEN bytes, no terminator. CE_LIMIT: it does not fit; CE_NOMEM. */
int banner_request_write(const struct banner_request *request, char ret[BANNER_MESSAGE_MAX_BYTES],
                         size_t *ret_len) MUST_CHECK;
/* CE_BAD_INPUT: not exactly such an object. */
int banner_request_read(const char *bytes, size_t len, struct banner_request *ret) MUST_CHECK;

#endif
