/* What the broker orders of gateways. Store thread only. */
#ifndef CARREL_BROKER_GATEWAY_H
#define CARREL_BROKER_GATEWAY_H

#include <carrel/store.h>

/* Asks the process BOOT_ID of GATEWAY ("": whichever has it) to close a connection and to tell its client CODE.
 */
int gateway_order_close(struct db *db, const char *gateway, const char *boot_id, const char *session_id,
                        uint32_t connection, enum fail code) MUST_CHECK;

#endif
