/* A picture of a guest's screen as PNG: what QEMU older than 7.1 gives is PPM (P6, 8 bits a channel). Pure; any thread.
 */
#ifndef VMPOOL_PPM_PNG_H
#define VMPOOL_PPM_PNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#define PICTURE_SIDE_MAX 16384

struct ppm {
    uint32_t width, height;
    const uint8_t *pixels; /* borrowed: 3 bytes each, line by line */
};

bool png_is(const void *bytes, size_t len);

/* CE_BAD_INPUT; what stands behind the pixels is not looked at. */
int ppm_parse(const void *bytes, size_t len, struct ppm *ret) MUST_CHECK;

/* *RET is freed by the caller. */
int ppm_to_png(const struct ppm *ppm, uint8_t **ret, size_t *ret_len) MUST_CHECK;

#endif
