/* The Client Info PDU (MS-RDPBCGR 2.2.1.11): who logs in and from where, and the same PDU rewritten for the
 * guest.
 *
 * Pure functions, any thread. struct client_info and the writer's buffer hold passwords in clear: nothing
 * here wipes anything, the caller wipes both (client_info_parse() leaves a password in ret_info only when it
 * returns 0).
 */
#ifndef CARREL_CLIENT_INFO_H
#define CARREL_CLIENT_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "writer.h"

enum {
    CLIENT_INFO_FIELD_MAX_BYTES =
        512,                    /* user, password, domain, shell, directory on the wire: 2.2.1.11.1.1 */
    CLIENT_INFO_TEXT_MAX = 769, /* the same in UTF-8 (at most 3 bytes for 2) with its NUL */
    CLIENT_INFO_ADDRESS_MAX = 121,
    CLIENT_INFO_DATA_MAX_BYTES = 4096,    /* more than this is refused; known clients send 300 to 900 bytes */
    CLIENT_INFO_REWRITTEN_MAX_LEN = 8192, /* room in which client_info_rewrite() always succeeds */
};

/* flags of TS_INFO_PACKET, 2.2.1.11.1.1 */
enum client_info_flag {
    INFO_MOUSE = 0x00000001,
    INFO_DISABLECTRLALTDEL = 0x00000002,
    INFO_AUTOLOGON = 0x00000008,
    INFO_UNICODE = 0x00000010,
    INFO_MAXIMIZESHELL = 0x00000020,
    INFO_LOGONNOTIFY = 0x00000040,
    INFO_COMPRESSION = 0x00000080,
    INFO_ENABLEWINDOWSKEY = 0x00000100,
    INFO_REMOTECONSOLEAUDIO = 0x00002000,
    INFO_RAIL = 0x00008000,
    INFO_LOGONERRORS = 0x00010000,
    INFO_MOUSE_HAS_WHEEL = 0x00020000,
    INFO_PASSWORD_IS_SC_PIN = 0x00040000,
    INFO_NOAUDIOPLAYBACK = 0x00080000,
    INFO_USING_SAVED_CREDS = 0x00100000,
    INFO_AUDIOCAPTURE = 0x00200000,
    INFO_VIDEO_DISABLE = 0x00400000,
};

struct client_info {
    uint32_t code_page;
    uint32_t flags; /* enum client_info_flag */
    /* UTF-8. A client without INFO_UNICODE is read as Latin-1. */
    char domain[CLIENT_INFO_TEXT_MAX];
    char user[CLIENT_INFO_TEXT_MAX];
    char password[CLIENT_INFO_TEXT_MAX]; /* secret */
    char alternate_shell[CLIENT_INFO_TEXT_MAX];
    char working_dir[CLIENT_INFO_TEXT_MAX];
    /* From the extended part; zero and empty where the client (RDP 4) sent none. */
    bool has_extended;
    uint16_t address_family; /* 2 IPv4, 0x17 IPv6 */
    char address[CLIENT_INFO_ADDRESS_MAX];
    char client_dir[CLIENT_INFO_TEXT_MAX];
    uint32_t performance_flags;
    bool has_reconnect_cookie; /* 2.2.4.3, ARC_CS_PRIVATE_PACKET */
    uint32_t reconnect_logon_id;
    uint8_t reconnect_verifier[16]; /* secret */
};

/* DATA is the payload of the Send Data Request (mcs_pdu.data): the security header with SEC_INFO_PKT and what
 * follows. */
int client_info_parse(const uint8_t *data, size_t len, struct client_info *ret_info) MUST_CHECK;

struct client_info_guest {
    const char *user;     /* UTF-8; all three may be "" */
    const char *password; /* secret */
    const char *domain;
    bool autologon;      /* false: the guest shows its own log-in, and password is not sent */
    uint16_t user_id;    /* what the guest's Attach User Confirm gave */
    uint16_t io_channel; /* the guest's */
};

/* Appends the guest's Send Data Request with the client's own Client Info, but these credentials: always
 * INFO_UNICODE, INFO_AUTOLOGON as asked, INFO_PASSWORD_IS_SC_PIN and INFO_USING_SAVED_CREDS cleared, the
 * automatic-reconnection cookie (which belongs to this gateway, not to the guest) dropped, all else
 * unchanged. CE_BAD_INPUT where DATA or a credential does not parse or is too long, CE_LIMIT where W is full.
 */
int client_info_rewrite(const uint8_t *data, size_t len, const struct client_info_guest *guest,
                        struct writer *w) MUST_CHECK;

#endif
