/* Why somebody was refused or a session ended: one code for the operator's log and the counters, one fixed
 * sentence for the person at the client, the HTTP status of the API's problem document and the RDP error
 * code (MS-RDPBCGR 2.2.5.1.1) that makes a client show a reason.
 */
#ifndef CARREL_FAIL_H
#define CARREL_FAIL_H

#include <stdbool.h>
#include <stdint.h>

/*  X(enum, "code", http, rdp, "sentence")  */
#define FAIL_TABLE(X)                                                                                        \
    X(NONE, "none", 200, 0x0, "")                                                                            \
    X(WRONG_PASSWORD, "wrong-password", 401, 0xa, "The user name or the password is not right.")             \
    X(TICKET_REFUSED, "ticket-refused", 401, 0xa,                                                            \
      "Your Kerberos ticket was not accepted. The administrator can see why.")                               \
    X(NEEDS_PASSWORD, "needs-password", 403, 0x9,                                                            \
      "Your desktop needs your password, so it cannot be used with a ticket. Log in with the password.")     \
    X(TOO_MANY_TRIES, "too-many-tries", 429, 0x7,                                                            \
      "There were too many failed log-ins. Wait a little before you try again.")                             \
    X(WRONG_CODE, "wrong-code", 401, 0xa, "The one-time code is not right.")                                 \
    X(CODE_NEEDED, "code-needed", 403, 0x7,                                                                  \
      "This account needs a one-time code, which cannot be asked for here.")                                 \
    X(CODE_NOT_SET_UP, "code-not-set-up", 403, 0x9,                                                          \
      "One-time codes are required, and none are set up for this account. Its administrator can do it.")     \
    X(PASSWORD_EXPIRED, "password-expired", 403, 0x7,                                                        \
      "The password of this account has to be changed, which cannot be done here.")                          \
    X(PASSWORD_REFUSED, "password-refused", 400, 0x7, "The new password is not acceptable.")                 \
    X(ACCOUNT_DISABLED, "account-disabled", 403, 0x7, "This account is disabled.")                           \
    X(NOT_ENTITLED, "not-entitled", 403, 0x9, "This account has no desktop assigned to it.")                 \
    X(NO_SUCH_POOL, "no-such-pool", 404, 0x400, "There is no pool of that name.")                            \
    X(POOL_DISABLED, "pool-disabled", 409, 0x7, "The pool is closed at the moment.")                         \
    X(OUTSIDE_HOURS, "outside-hours", 403, 0x9, "Your desktop is not open at this time of the day.")         \
    X(OUTSIDE_NETWORKS, "outside-networks", 403, 0x9, "Your desktop cannot be used from this network.")      \
    X(NO_DESKTOP, "no-desktop", 503, 0x408, "All desktops of the pool are in use. Try again later.")         \
    X(USER_SESSIONS, "user-sessions", 409, 0x7, "You have as many sessions as you may have at once.")        \
    X(POOL_SESSIONS, "pool-sessions", 503, 0x408, "The pool has as many sessions as it may have at once.")   \
    X(POOL_WAITING, "pool-waiting", 503, 0x408,                                                              \
      "As many users as may already wait for a desktop of the pool.")                                        \
    X(ALL_SESSIONS, "all-sessions", 503, 0x408, "There are as many sessions as there may be at once.")       \
    X(DESKTOP_STARTING, "desktop-starting", 503, 0x406,                                                      \
      "Your desktop is starting. Connect again in about half a minute.")                                     \
    X(POOL_FAILED, "pool-failed", 503, 0x411,                                                                \
      "The pool cannot start desktops at the moment. Its administrator can see why.")                        \
    X(GUEST_UNREACHABLE, "guest-unreachable", 502, 0x412, "Your desktop does not answer. Connect again.")    \
    X(GUEST_MISTRUSTED, "guest-mistrusted", 502, 0x412,                                                      \
      "Your desktop did not prove its identity, so the connection was refused.")                             \
    X(GUEST_PROTOCOL, "guest-protocol", 502, 0x412,                                                          \
      "Your desktop answered in a way that is not understood.")                                              \
    X(GUEST_FAILED, "guest-failed", 502, 0x412,                                                              \
      "Your desktop stopped working. Connect again for a new one.")                                          \
    X(DATA_DISK, "data-disk", 503, 0x412,                                                                    \
      "Your data disk cannot be brought to your desktop. Its administrator can see why.")                    \
    X(HOST_LOST, "host-lost", 502, 0x412,                                                                    \
      "The machine that your desktop ran on was lost. Connect again in a minute.")                           \
    X(HOST_AWAITED, "host-awaited", 503, 0x412,                                                              \
      "The machine with your desktop does not answer. Your desktop is there again when the machine is.")     \
    X(HOST_MAINTENANCE, "host-maintenance", 503, 0x1,                                                        \
      "Your desktop was stopped because its machine needs maintenance. Connect again.")                      \
    X(GUEST_CLOSED, "guest-closed", 200, 0x0, "The desktop ended the connection.")                           \
    X(CLIENT_CLOSED, "client-closed", 200, 0x0, "The client ended the connection.")                          \
    X(CLIENT_PROTOCOL, "client-protocol", 400, 0x10c9, "The client sent something that is not understood.")  \
    X(CLIENT_SECURITY, "client-security", 400, 0x0, "The client does not offer TLS security.")               \
    X(CLIENT_TIMEOUT, "client-timeout", 408, 0x7, "The client took too long to log in.")                     \
    X(TAKEN_OVER, "taken-over", 409, 0x5, "The same user connected from another place.")                     \
    X(LOGOFF, "logoff", 200, 0xc, "The user logged off.")                                                    \
    X(ADMIN_DISCONNECT, "admin-disconnect", 200, 0x1, "An administrator disconnected the session.")          \
    X(ADMIN_LOGOFF, "admin-logoff", 200, 0x2, "An administrator ended the session.")                         \
    X(IDLE_LIMIT, "idle-limit", 200, 0x3,                                                                    \
      "There was no input for so long that the session was disconnected.")                                   \
    X(SESSION_LIMIT, "session-limit", 200, 0x4, "The session lasted as long as it may.")                     \
    X(DISCONNECT_LIMIT, "disconnect-limit", 410, 0x0, "Nobody came back to the disconnected session.")       \
    X(BROKER_UNREACHABLE, "broker-unreachable", 503, 0x408,                                                  \
      "The service that assigns desktops does not answer. Try again in a minute.")                           \
    X(GATEWAY_LIMIT, "gateway-limit", 503, 0x7, "The gateway has too many connections. Try again later.")    \
    X(GATEWAY_CLOSING, "gateway-closing", 503, 0x1, "The gateway is being stopped.")                         \
    X(GATEWAY_LOST, "gateway-lost", 503, 0x0, "The gateway of this session was lost.")                       \
    X(NO_SHOW, "no-show", 410, 0x0, "Nobody came for the desktop that was kept.")                            \
    X(SESSION_ENDED, "session-ended", 410, 0x1, "The session was ended.")                                    \
    X(LOBBY_FAILED, "lobby-failed", 503, 0x412,                                                              \
      "The picture that was shown meanwhile broke off. Connect again.")                                      \
    X(CANCELLED, "cancelled", 200, 0xc, "The user left before the desktop was there.")                       \
    X(INTERNAL, "internal", 500, 0x412, "Something went wrong inside. The log has the reason.")

enum fail {
#define X(name, code, http, rdp, sentence) FAIL_##name,
    FAIL_TABLE(X)
#undef X
        FAIL_COUNT
};

const char *fail_code(enum fail fail);     /* "wrong-password" */
const char *fail_sentence(enum fail fail); /* for the person at the client */
unsigned fail_http_status(enum fail fail);
/* A limit that an administrator has set was reached: a sentence for the person behind it says which. */
bool fail_is_limit(enum fail fail);
uint32_t fail_rdp_error(enum fail fail); /* for Set Error Info; 0: nothing is sent */
enum fail fail_parse(const char *code);  /* FAIL_INTERNAL for an unknown code */

#endif
