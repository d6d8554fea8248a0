/* Identifiers as the store, the API and the logs spell them: one letter that says what it is, a hyphen and
 * sixteen characters of base32 (80 random bits): "s-4hx2k..." is a session wherever it is seen. */
#ifndef CARREL_IDS_H
#define CARREL_IDS_H

#define ID_SIZE 24      /* bytes with the terminator */
#define NAME_SIZE 65    /* names of users, pools, images, hosts, gateways: 1-64 bytes, see name_is_valid() */
#define ADDRESS_SIZE 64 /* a printed IP address, or a host name of a static desktop */
#define REASON_SIZE 400
#define MESSAGE_TEXT_SIZE 501  /* what somebody is told on the screen: up to 500 bytes of UTF-8 */
#define SENDER_SIZE 64         /* who says it */
#define MESSAGE_SHOW_MAX_S 600 /* so long it may stay there */
#define REPORTS_MAX 64         /* of connections, that a gateway sends in one request */

enum id_kind {
    ID_USER = 'u',
    ID_GROUP = 'g',
    ID_ENTITLEMENT = 'e',
    ID_IMAGE = 'i',
    ID_POOL = 'p',
    ID_HOST = 'h',
    ID_MACHINE = 'm',
    ID_DATA_DISK = 'v',
    ID_DESKTOP = 'd',
    ID_SESSION = 's',
    ID_ORDER = 'o',
    ID_TOKEN = 't',
    ID_EXCHANGE = 'x', /* a log-in by NLA that is under way or was proven */
    ID_BOOT = 'b',     /* one start of a gateway's process */
    ID_QUESTION = 'q', /* what a log-in asks a person */
    ID_STORAGE = 'v',  /* a directory with desktops' disks, wherever it is seen */
};

/* Fills ID with a fresh random identifier. */
void id_make(enum id_kind kind, char id[ID_SIZE]);

/* Names: letters, digits, '.', '_', '-', beginning with a letter or digit; users may also have '@'.
 * Returns 1 or 0. */
int name_is_valid(const char *name);
int user_name_is_valid(const char *name);

#endif
