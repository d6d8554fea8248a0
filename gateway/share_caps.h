/* Capability sets of a Demand Active or Confirm Active PDU (MS-RDPBCGR 2.2.1.13.1, 2.2.1.13.2): what a share can do
 * read out of them, and channel compression taken out of them in place.
 *
 * Pure functions, any thread.
 */
#ifndef CARREL_SHARE_CAPS_H
#define CARREL_SHARE_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the gateway has to know of a share to paint into it or to ask for a new picture. */
struct share_facts {
    /* Of the server's Demand Active: */
    uint16_t width, height, depth; /* pixels; bits a pixel */
    bool refresh;                  /* it takes Refresh Rect */
    bool suppress;                 /* it takes Suppress Output */
    /* Of the client's Confirm Active: */
    bool fast_path_output;
    bool no_bitmap_header; /* bitmaps come without TS_CD_HEADER */
};

/* PAYLOAD is what one Send Data PDU carries on the IO channel. VCCAPS_COMPR_* are cleared in its Virtual
 * Channel Capability Sets (2.2.7.1.10); the length never changes, and what is not understood stays as it is. */
void share_caps_forbid_compression(uint8_t *payload, size_t len);

/* The same payload: what its sets say is written into FACTS, the rest of which stays as it was. */
void share_caps_read(const uint8_t *payload, size_t len, struct share_facts *facts);

#endif
