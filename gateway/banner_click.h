/* A click on the gateway's banner, found in the client's input and kept from the guest: in a PDU that tells of a
 * button going down inside the banner, that event becomes one of the mouse's movement to the same place, and so does
 * the button's release, wherever that is. All else in the PDU stays, and its length.
 *
 * Pure functions, any thread; fast path (MS-RDPBCGR 2.2.8.1.2.2.3) and slow path (2.2.8.1.1.3.1.1.3).
 */
#ifndef CARREL_BANNER_CLICK_H
#define CARREL_BANNER_CLICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct banner_click {
    uint16_t left, top, width, height; /* where a click counts; an empty one takes none */
    uint16_t held;                     /* buttons whose release the guest must not see either */
    bool clicked;
};

/* PDU is one whole fast-path PDU of the client. */
void banner_click_fast_path(struct banner_click *click, uint8_t *pdu, size_t len);
/* PAYLOAD is what a Send Data PDU of the client carries on the IO channel: one Input PDU. */
void banner_click_slow_path(struct banner_click *click, uint8_t *payload, size_t len);

#endif
