/* Which channels a policy denies, and the words for what was denied. Pure functions, any thread.
 *
 * Denials are a set of bits: what was kept from a session, for its record. A static channel that has one is
 * renamed, so that the guest never opens it; a dynamic channel that has one is renamed in the guest's request,
 * so that the client refuses it.
 */
#ifndef CARREL_POLICY_RULES_H
#define CARREL_POLICY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/policy.h>

enum policy_denial {
    DENIED_CLIPBOARD_TO_GUEST = 1 << 0,
    DENIED_CLIPBOARD_FROM_GUEST = 1 << 1,
    DENIED_FILES_TO_GUEST = 1 << 2,
    DENIED_FILES_FROM_GUEST = 1 << 3,
    DENIED_DRIVES = 1 << 4,
    DENIED_PRINTERS = 1 << 5,
    DENIED_PORTS = 1 << 6,
    DENIED_SMARTCARDS = 1 << 7,
    DENIED_AUDIO_OUT = 1 << 8,
    DENIED_AUDIO_IN = 1 << 9,
    DENIED_USB = 1 << 10,
    DENIED_CAMERAS = 1 << 11,
    DENIED_MULTI_MONITOR = 1 << 12,
    DENIED_CHANNEL = 1 << 16, /* the first of deny-channels; the others follow */
};

enum { DENIED_DEVICES = DENIED_DRIVES | DENIED_PRINTERS | DENIED_PORTS | DENIED_SMARTCARDS };

/* The ways that are open; files only where the clipboard is. */
uint32_t policy_clipboard_ways(const struct policy *policy);
uint32_t policy_file_ways(const struct policy *policy);

/* The kinds of redirected devices that POLICY denies, of DENIED_DEVICES; of one RDPDR type. */
uint32_t policy_devices_denied(const struct policy *policy);
uint32_t policy_device_denial(const struct policy *policy, uint32_t rdpdr_type);

/* 0: the channel is allowed. */
uint32_t policy_static_denial(const struct policy *policy, const char *name);
uint32_t policy_dynamic_denial(const struct policy *policy, const char *name, size_t name_len);

/* Whether any channel could be denied, so that somebody has to look. */
bool policy_denies_anything(const struct policy *policy);

/* Words with blanks between them: "drives usb channel:rail". */
void policy_denials_print(const struct policy *policy, uint32_t denied, char *ret, size_t size);

#endif
