#include "policy_rules.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rdpdr.h"

enum { NAME_ROOM = 256 };

static bool is_off(const struct policy *policy, enum policy_key key)
{
    return policy_number(policy, key) == 0;
}

/* Dynamic channels that are a feature of their own. A name that ends in '*' stands for all that begin so. */
static const struct {
    const char *name;
    enum policy_key key;
    uint32_t denial;
} dynamic[] = {
    {"AUDIO_PLAYBACK_DVC", POLICY_AUDIO_OUT, DENIED_AUDIO_OUT},       /* MS-RDPEA */
    {"AUDIO_PLAYBACK_LOSSY_DVC", POLICY_AUDIO_OUT, DENIED_AUDIO_OUT}, /* MS-RDPEA */
    {"AUDIO_INPUT", POLICY_AUDIO_IN, DENIED_AUDIO_IN},                /* MS-RDPEAI */
    {"URBDRC", POLICY_USB, DENIED_USB},                               /* MS-RDPEUSB */
    {"PNPDR", POLICY_USB, DENIED_USB},                                /* MS-RDPEPNP */
    {"FileRedirectorChannel", POLICY_USB, DENIED_USB},                /* MS-RDPEPNP */
    {"RDCamera_Device_*", POLICY_CAMERAS, DENIED_CAMERAS},            /* MS-RDPECAM */
    {"TSVCTKT", POLICY_PRINTERS, DENIED_PRINTERS},                    /* MS-RDPEXPS */
    {"XPSRD", POLICY_PRINTERS, DENIED_PRINTERS},                      /* MS-RDPEXPS */
    /* MS-RDPEDISP: it could ask for more monitors during the session. */
    {"Microsoft::Windows::RDS::DisplayControl", POLICY_MULTI_MONITOR, DENIED_MULTI_MONITOR},
};

static const struct {
    enum policy_key key;
    uint32_t rdpdr_types;
    uint32_t denial;
} devices[] = {
    {POLICY_DRIVES, RDPDR_DRIVE, DENIED_DRIVES},
    {POLICY_PRINTERS, RDPDR_PRINTER, DENIED_PRINTERS},
    {POLICY_PORTS, RDPDR_SERIAL | RDPDR_PARALLEL, DENIED_PORTS},
    {POLICY_SMARTCARDS, RDPDR_SMARTCARD, DENIED_SMARTCARDS},
};

enum { DEVICES = sizeof devices / sizeof devices[0] };

uint32_t policy_clipboard_ways(const struct policy *policy)
{
    return policy_number(policy, POLICY_CLIPBOARD);
}

uint32_t policy_file_ways(const struct policy *policy)
{
    return policy_number(policy, POLICY_CLIPBOARD) & policy_number(policy, POLICY_FILES);
}

uint32_t policy_devices_denied(const struct policy *policy)
{
    uint32_t denied = 0;
    for (size_t i = 0; i < DEVICES; i++)
        denied |= is_off(policy, devices[i].key) ? devices[i].denial : 0;
    return denied;
}

/* A type that is not known is denied with the first one that is: nobody can say what it would let through. */
uint32_t policy_device_denial(const struct policy *policy, uint32_t rdpdr_type)
{
    uint32_t denied = policy_devices_denied(policy);
    for (size_t i = 0; i < DEVICES; i++) {
        if (devices[i].rdpdr_types & rdpdr_type)
            return denied & devices[i].denial;
    }
    return denied;
}

static uint32_t by_name(const struct policy *policy, const char *name)
{
    uint32_t denied = 0;
    for (unsigned i = 0; policy_denies_channel(policy, name) && i < policy->channel_count; i++)
        denied |= strcasecmp(policy->channels[i], name) ? 0 : (uint32_t)DENIED_CHANNEL << i;
    return denied;
}

uint32_t policy_static_denial(const struct policy *policy, const char *name)
{
    uint32_t denied = by_name(policy, name);
    if (!strcasecmp(name, "cliprdr") && !policy_clipboard_ways(policy))
        denied |= DENIED_CLIPBOARD_TO_GUEST | DENIED_CLIPBOARD_FROM_GUEST;
    if (!strcasecmp(name, "rdpdr") && policy_devices_denied(policy) == DENIED_DEVICES)
        denied |= DENIED_DEVICES;
    if (!strcasecmp(name, "rdpsnd") && is_off(policy, POLICY_AUDIO_OUT))
        denied |= DENIED_AUDIO_OUT;
    return denied;
}

static bool name_fits(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);
    return pattern[len - 1] == '*' ? !strncasecmp(pattern, name, len - 1) : !strcasecmp(pattern, name);
}

/* Static channels of which a part is denied are looked into; under the same name as dynamic ones nobody would.
 */
static uint32_t partly_denied(const struct policy *policy, const char *name)
{
    uint32_t ways = policy_clipboard_ways(policy) & policy_file_ways(policy);
    if (!strcasecmp(name, "cliprdr"))
        return (ways & POLICY_TO_GUEST ? 0U : DENIED_CLIPBOARD_TO_GUEST) |
               (ways & POLICY_FROM_GUEST ? 0U : DENIED_CLIPBOARD_FROM_GUEST);
    return strcasecmp(name, "rdpdr") ? 0 : policy_devices_denied(policy);
}

uint32_t policy_dynamic_denial(const struct policy *policy, const char *name, size_t name_len)
{
    char text[NAME_ROOM];
    if (name_len >= sizeof text)
        name_len = sizeof text - 1;
    memcpy(text, name, name_len);
    text[name_len] = '\0';
    uint32_t denied = policy_static_denial(policy, text) | partly_denied(policy, text);
    for (size_t i = 0; i < sizeof dynamic / sizeof dynamic[0]; i++) {
        if (is_off(policy, dynamic[i].key) && name_fits(dynamic[i].name, text))
            denied |= dynamic[i].denial;
    }
    return denied;
}

bool policy_denies_anything(const struct policy *policy)
{
    const uint32_t both = POLICY_TO_GUEST | POLICY_FROM_GUEST;
    for (int key = POLICY_DRIVES; key <= POLICY_MULTI_MONITOR; key++) {
        if (is_off(policy, (enum policy_key)key))
            return true;
    }
    return policy_file_ways(policy) != both ||
           (policy->set & 1U << POLICY_DENY_CHANNELS && policy->channel_count);
}

void policy_denials_print(const struct policy *policy, uint32_t denied, char *ret, size_t size)
{
    static const char *const words[] = {"clipboard-to-guest",
                                        "clipboard-from-guest",
                                        "files-to-guest",
                                        "files-from-guest",
                                        "drives",
                                        "printers",
                                        "ports",
                                        "smartcards",
                                        "audio-out",
                                        "audio-in",
                                        "usb",
                                        "cameras",
                                        "multi-monitor"};
    size_t used = 0;
    ret[0] = '\0';
    for (unsigned bit = 0; bit < 32 && used < size; bit++) {
        unsigned channel = bit - 16;
        if (!(denied & 1U << bit))
            continue;
        const char *blank = used ? " " : "";
        if (bit < sizeof words / sizeof words[0])
            used += (size_t)snprintf(ret + used, size - used, "%s%s", blank, words[bit]);
        else if (bit >= 16 && channel < policy->channel_count)
            used +=
                (size_t)snprintf(ret + used, size - used, "%schannel:%s", blank, policy->channels[channel]);
    }
}
