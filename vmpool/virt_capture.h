/* What is taken from a guest to be looked at: a picture of its screen, the end of what it wrote to its serial port.
 * Host's thread only.
 */
#ifndef VMPOOL_VIRT_CAPTURE_H
#define VMPOOL_VIRT_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "virt_domain.h"

#define SCREEN_RAW_MAX (64u << 20) /* of what QEMU gives; a larger picture is refused */

/* As QEMU gives it, PNG or PPM; *RET is freed by the caller. */
int virt_capture_screen(struct virt_conn *conn, const struct guest_key *key, uint8_t **ret, size_t *ret_len,
                        struct error *err) MUST_CHECK;

/* The last MAX bytes of the file NAME in the host's directory DIR; *RET is freed by the caller, and NULL where the
 * file is not there or empty. The file is often the host's root's: where vmpool may not read it libvirt does. */
int virt_capture_tail(struct virt_conn *conn, const char *dir, const char *name, size_t max, char **ret,
                      size_t *ret_len, bool *ret_cut, struct error *err) MUST_CHECK;

#endif
