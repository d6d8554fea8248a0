/* Paints a message as a banner: a box of its own for a running session's picture, and the same box on top of a page of
 * the lobby. Any thread, one call at a time for each cairo context.
 */
#ifndef CARREL_LOBBY_BANNER_PAINT_H
#define CARREL_LOBBY_BANNER_PAINT_H

#include <cairo.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "banner_message.h"

/* The picture in the bytes of banner_picture.h, the caller's to free. CE_NOMEM, CE_LIMIT. */
int banner_paint(const struct banner_request *request, uint8_t **ret_bytes, size_t *ret_len) MUST_CHECK;

/* The box in the middle of the upper edge of a screen of that size. */
void banner_paint_onto(cairo_t *cairo, const struct banner_request *request);

#endif
