/* Capability sets in Demand Active and Confirm Active (MS-RDPBCGR 2.2.1.13): what the gateway changes in them.
 * Pure function, any thread.
 */
#ifndef CARREL_SHARE_CAPS_H
#define CARREL_SHARE_CAPS_H

#include <stddef.h>
#include <stdint.h>

/* PAYLOAD is what one Send Data PDU carries on the IO channel. In each Demand Active and Confirm Active in it
 * the Virtual Channel Capability Set (2.2.7.1.10) says afterwards that channels are not compressed. What is not
 * understood stays as it is. */
void share_caps_forbid_compression(uint8_t *payload, size_t len);

#endif
