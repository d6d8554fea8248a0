/* Device redirection (MS-RDPEFS): the client's list of devices and the server's requests to one of them.
 * Pure functions, any thread. Messages are whole ones, as they stand behind the channel's header.
 */
#ifndef CARREL_RDPDR_H
#define CARREL_RDPDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

enum {
    RDPDR_HEADER_LEN = 4,
    RDPDR_REQUEST_MIN_LEN = 8, /* header and DeviceId of a DR_DEVICE_IOREQUEST */
};

/* Component and PacketId together, 2.2.1.1, as they are read in one. */
enum rdpdr_message {
    RDPDR_DEVICE_LIST = 0x44414472, /* 'rD' 'AD' DR_CORE_DEVICELIST_ANNOUNCE_REQ, 2.2.2.9 */
    RDPDR_IO_REQUEST = 0x49524472,  /* 'rD' 'RI' DR_DEVICE_IOREQUEST, 2.2.1.4 */
};

/* DeviceType, 2.2.1.3 */
enum rdpdr_type {
    RDPDR_SERIAL = 0x01,
    RDPDR_PARALLEL = 0x02,
    RDPDR_PRINTER = 0x04,
    RDPDR_DRIVE = 0x08,
    RDPDR_SMARTCARD = 0x20,
};

/* MESSAGE needs only begin here: its kind, or 0 where it is shorter than a header. */
uint32_t rdpdr_message_kind(const uint8_t *message, size_t len);

/* The DeviceId of an IO request that begins here; CE_BAD_INPUT where it is not there yet. */
int rdpdr_request_device(const uint8_t *message, size_t len, uint32_t *ret_id) MUST_CHECK;

/* Takes the devices that keep() does not want out of a RDPDR_DEVICE_LIST, in place; *len shrinks. CE_BAD_INPUT
 * where the list is not whole; it may be changed then. */
int rdpdr_keep_devices(uint8_t *message, size_t *len, bool (*keep)(void *arg, uint32_t type, uint32_t id),
                       void *arg) MUST_CHECK;

#endif
