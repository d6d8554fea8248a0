/* Paints a scene with cairo and pango: any script that the system has fonts for, smooth at any size, and the
 * typing direction of a name. Drawing letters by hand would be neither. The thread of the visit.
 */
#ifndef CARREL_LOBBY_PAINT_H
#define CARREL_LOBBY_PAINT_H

#include <stdint.h>

#include <carrel/error.h>

#include "scene.h"

struct paint;

/* A picture of 32 bits a pixel (blue, green, red, unused); its rows are a multiple of four pixels. */
int paint_create(struct paint **ret, unsigned width, unsigned height) MUST_CHECK;
void paint_destroy(struct paint **paint);

void paint_scene(struct paint *paint, const struct scene *scene, uint64_t now_ms);
const uint32_t *paint_pixels(const struct paint *paint);
unsigned paint_stride(const struct paint *paint); /* pixels of a row */

/* The byte offset of the field's text that is nearest to X of the picture. */
size_t paint_caret_at(struct paint *paint, const struct scene *scene, enum form_part part, double x);

/* Finds the system's fonts, before the sandbox closes. */
void paint_warm_up(void);

#endif
