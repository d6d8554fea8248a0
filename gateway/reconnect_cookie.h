/* The cookie of automatic reconnection (MS-RDPBCGR 2.2.4.2, ARC_SC_PRIVATE_PACKET, in a Save Session Info PDU,
 * 2.2.10.1): written for the client, and taken out of what a guest says.
 *
 *     infoType = 3 | Length FieldsPresent | cbFieldData cookie | cbFieldData errors | padding of 570 bytes
 *        4 bytes        2         4             4        28           4        8
 *
 * Pure functions, any thread.
 */
#ifndef CARREL_GATEWAY_RECONNECT_COOKIE_H
#define CARREL_GATEWAY_RECONNECT_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer.h"

enum {
    RECONNECT_RANDOM_LEN = 16,
    RECONNECT_VERIFIER_LEN = 16,
    RECONNECT_COOKIE_PDU_MAX_LEN = 700, /* room in which reconnect_cookie_write() always succeeds */
};

/* A whole TPKT packet: Save Session Info with nothing but the cookie. */
void reconnect_cookie_write(struct writer *w, uint16_t io_channel, uint32_t share_id, uint32_t logon_id,
                            const uint8_t random[RECONNECT_RANDOM_LEN]);

/* INFO is the extended logon info of a Save Session Info PDU, from Length on. Takes the guest's cookie out in
 * place: what follows it moves up, the padding grows. True when there was one. */
bool reconnect_cookie_strip(uint8_t *info, size_t len);

/* What a client brings back, as hexadecimal text. */
void reconnect_verifier_print(const uint8_t verifier[RECONNECT_VERIFIER_LEN],
                              char ret_text[2 * RECONNECT_VERIFIER_LEN + 1]);

#endif
