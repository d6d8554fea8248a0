/* What a session may do, as an administrator says it: per pool and per entitlement, KEY=VALUE by key.
 *
 *     clipboard, files           off | to-guest | from-guest | both
 *     drives, printers, ports, smartcards, audio-out, audio-in, usb, cameras, multi-monitor    on | off
 *     idle-limit, disconnect-limit, session-limit, session-warning    90s, 30min, 8h, 7d, or none
 *     deny-channels              NAME,NAME,... or none
 *     hours                      Mon-Fri 07:00-19:00 Europe/Berlin; Sat 09:00-13:00, or any
 *     networks                   10.0.0.0/8,2001:db8::/32, or any
 *
 * A key that nobody has set allows everything, as a Windows session host does out of the box: a new pool works
 * with every client's features, and what must not be is said where it matters.
 * Pure functions on the caller's memory, any thread.
 */
#ifndef CARREL_POLICY_H
#define CARREL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

enum {
    POLICY_CHANNELS_MAX = 16, /* entries of each list; a policy with more is refused, ... */
    POLICY_WINDOWS_MAX = 16,
    POLICY_NETWORKS_MAX = 32, /* ... and where lists are joined, what does not fit is not granted */
    POLICY_CHANNEL_SIZE = 64,
    POLICY_ZONE_SIZE = 40,
    POLICY_VALUE_SIZE = 2048, /* one value as text */
    POLICY_TEXT_SIZE = 6144,  /* all of them */
    POLICY_TIME_MAX_S = 365 * 24 * 3600,
    POLICY_WARNING_S = 300, /* before the end of a session, where nothing else is said */
};

enum policy_key {
    /* ways */
    POLICY_CLIPBOARD,
    POLICY_FILES, /* through the clipboard; never more than the clipboard itself */
    /* on or off */
    POLICY_DRIVES,
    POLICY_PRINTERS,
    POLICY_PORTS, /* serial and parallel */
    POLICY_SMARTCARDS,
    POLICY_AUDIO_OUT,
    POLICY_AUDIO_IN,
    POLICY_USB,
    POLICY_CAMERAS,
    POLICY_MULTI_MONITOR,
    /* times */
    POLICY_IDLE_LIMIT,       /* without input: the connection is closed, the session is kept */
    POLICY_DISCONNECT_LIMIT, /* how long a disconnected session is kept */
    POLICY_SESSION_LIMIT,    /* from its log-in to its end */
    POLICY_SESSION_WARNING,
    POLICY_NUMBER_COUNT,
    /* lists */
    POLICY_DENY_CHANNELS = POLICY_NUMBER_COUNT,
    POLICY_HOURS,
    POLICY_NETWORKS,
    POLICY_KEY_COUNT
};

/* The bits of a way. */
enum policy_way { POLICY_TO_GUEST = 1, POLICY_FROM_GUEST = 2 };

/* Minutes of days in a time zone. Behind TO (up to 24:00) it is closed; FROM above TO reaches into the next
 * day. */
struct policy_window {
    uint8_t days; /* bit 0: Monday */
    uint16_t from_min, to_min;
    char zone[POLICY_ZONE_SIZE]; /* "Europe/Berlin"; "": the broker's own */
};

struct policy_network {
    bool is_v6;
    uint8_t bits;
    uint8_t address[16]; /* IPv4 in the first four */
};

struct policy {
    uint32_t set; /* bit of each key that was said; the others are as the next one above has them */
    uint32_t numbers[POLICY_NUMBER_COUNT];               /* ways; 0 or 1; seconds, 0: no limit */
    unsigned channel_count, window_count, network_count; /* none: nothing denied, any time, any place */
    char channels[POLICY_CHANNELS_MAX][POLICY_CHANNEL_SIZE];
    struct policy_window windows[POLICY_WINDOWS_MAX];
    struct policy_network networks[POLICY_NETWORKS_MAX];
};

const char *policy_key_name(enum policy_key key);
int policy_key_parse(const char *name); /* enum policy_key, or -1 */

/* The key's value, or what holds where nobody has set it. */
uint32_t policy_number(const struct policy *policy, enum policy_key key);

/* Sets one key from its text; "default" leaves it to the next one above. CE_BAD_INPUT with a sentence. */
int policy_set(struct policy *policy, const char *key, const char *value, struct error *err) MUST_CHECK;

/* The value of a key that is set, in the form that policy_set() reads; "" for one that is not. */
void policy_value_print(const struct policy *policy, enum policy_key key, char ret[POLICY_VALUE_SIZE]);

/* All set keys, a line "KEY=VALUE" each: how the store keeps it. Empty: nothing is set. */
void policy_print(const struct policy *policy, char ret[POLICY_TEXT_SIZE]);
int policy_parse(const char *text, struct policy *ret, struct error *err) MUST_CHECK;

/* TOP's keys replace those of BASE: an entitlement's policy over its pool's, in both directions. */
void policy_over(struct policy *base, const struct policy *top);

/* Rights add up: a user whom several groups entitle has of each key the most that one of those groups says.
 * A group that says nothing about a key has no part in it. */
void policy_join(struct policy *sum, const struct policy *other);

/* ADDRESS is a printed IPv4 or IPv6 address; one that cannot be read is in no network. */
bool policy_allows_address(const struct policy *policy, const char *address);

/* Whether MINUTE (0-1439) of WEEKDAY (0: Monday) in the window's own zone lies in it. */
bool policy_window_has(const struct policy_window *window, unsigned weekday, unsigned minute);

/* Names of channels are compared without regard to case. */
bool policy_denies_channel(const struct policy *policy, const char *name);

#endif
