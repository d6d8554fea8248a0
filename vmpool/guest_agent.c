#include "guest_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <sodium.h>
#include <uv.h>

#include "json_cleanup.h"
#include "last_line.h"

#define ANSWER_MAX (1024 * 1024) /* a longer answer of a guest is not parsed */

/* Runs EXECUTE and gives its "return" member. ARGUMENTS is consumed. */
static int command_within(struct virt_conn *conn, const struct guest_key *key, const char *execute,
                          json_t *arguments, int timeout_s, json_t **ret, struct error *err)
{
    CLEANUP_JSON json_t *request = json_object();
    if (!request)
        return error_set(err, CE_NOMEM, "out of memory");
    json_object_set_new(request, "execute", json_string(execute));
    if (arguments)
        json_object_set_new(request, "arguments", arguments);
    char *text = json_dumps(request, JSON_COMPACT), *answer = NULL;
    if (!text)
        return error_set(err, CE_NOMEM, "out of memory");
    int rc = virt_domain_agent(conn, key, text, timeout_s, &answer, err);
    secret_wipe_bytes(text, strlen(text)); /* a password may have been in it */
    free(text);
    if (rc)
        return rc;
    size_t len = strlen(answer);
    CLEANUP_JSON json_t *reply = len <= ANSWER_MAX ? json_loadb(answer, len, 0, NULL) : NULL;
    free(answer);
    json_t *value = json_object_get(reply, "return");
    if (!value)
        return error_set(err, CE_BAD_INPUT, "the guest agent's answer to %s is not understood", execute);
    *ret = json_incref(value);
    return 0;
}

static int command(struct virt_conn *conn, const struct guest_key *key, const char *execute,
                   json_t *arguments, json_t **ret, struct error *err)
{
    return command_within(conn, key, execute, arguments, AGENT_TIMEOUT_S, ret, err);
}

/* Bytes from a member in base64, terminated for C callers; freed by the caller. */
static char *decode(const json_t *object, const char *member, size_t *ret_len)
{
    const char *text = json_string_value(json_object_get(object, member));
    size_t len = text ? strlen(text) : 0;
    char *bytes = calloc(1, len + 1);
    if (!bytes)
        return NULL;
    size_t got = 0;
    if (len && sodium_base642bin((unsigned char *)bytes, len, text, len, "\r\n", &got, NULL,
                                 sodium_base64_VARIANT_ORIGINAL)) {
        free(bytes);
        return NULL;
    }
    *ret_len = got;
    return bytes;
}

int guest_agent_ping(struct virt_conn *conn, const struct guest_key *key, struct error *err)
{
    CLEANUP_JSON json_t *answer = NULL;
    return command(conn, key, "guest-ping", NULL, &answer, err);
}

int guest_agent_set_password(struct virt_conn *conn, const struct guest_key *key, const char *user,
                             const struct secret *password, struct error *err)
{
    char encoded[(SECRET_MAX_BYTES / 3 + 2) * 4 + 1];
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)password->bytes, password->len,
                      sodium_base64_VARIANT_ORIGINAL);
    CLEANUP_JSON json_t *answer = NULL;
    json_t *arguments = json_pack("{s:s,s:s,s:b}", "username", user, "password", encoded, "crypted", 0);
    secret_wipe_bytes(encoded, sizeof encoded);
    return command_within(conn, key, "guest-set-user-password", arguments, AGENT_PASSWORD_TIMEOUT_S, &answer,
                          err);
}

static int read_file(struct virt_conn *conn, const struct guest_key *key, const char *path, char **ret,
                     size_t *ret_len, struct error *err)
{
    CLEANUP_JSON json_t *handle = NULL, *content = NULL, *closed = NULL;
    int rc = command(conn, key, "guest-file-open", json_pack("{s:s,s:s}", "path", path, "mode", "r"), &handle,
                     err);
    if (rc)
        return rc == CE_UNREACHABLE ? rc : CE_NOT_FOUND;
    json_int_t number = json_integer_value(handle);
    rc = command(conn, key, "guest-file-read",
                 json_pack("{s:I,s:i}", "handle", number, "count", AGENT_FILE_MAX), &content, err);
    struct error ignored;
    (void)!command(conn, key, "guest-file-close", json_pack("{s:I}", "handle", number), &closed, &ignored);
    if (rc)
        return rc;
    char *bytes = decode(content, "buf-b64", ret_len);
    if (!bytes)
        return error_set(err, CE_BAD_INPUT, "the guest agent's file content is not understood");
    *ret = bytes;
    return 0;
}

int guest_agent_fingerprint(struct virt_conn *conn, const struct guest_key *key, char ret[FINGERPRINT_SIZE],
                            struct error *err)
{
    char *pem = NULL;
    size_t len = 0;
    int rc = read_file(conn, key, "/etc/xrdp/cert.pem", &pem, &len, err);
    if (rc)
        return rc;
    rc = tls_fingerprint_of_pem(pem, len, ret, err);
    free(pem);
    return rc;
}

/* There is no event for the end of a program in the guest, so its status is asked with growing pauses. */
static int exec(struct virt_conn *conn, const struct guest_key *key, json_t *arguments, char **ret,
                struct error *err)
{
    CLEANUP_JSON json_t *started = NULL;
    int rc = command(conn, key, "guest-exec", arguments, &started, err);
    if (rc)
        return rc;
    json_int_t pid = json_integer_value(json_object_get(started, "pid"));
    uint64_t until_ns = uv_hrtime() + (uint64_t)AGENT_EXEC_TIMEOUT_MS * 1000000;
    for (long pause_ms = 30; uv_hrtime() < until_ns; pause_ms = pause_ms < 500 ? pause_ms * 2 : 500) {
        const struct timespec pause = {.tv_nsec = pause_ms * 1000000};
        (void)nanosleep(&pause, NULL);
        CLEANUP_JSON json_t *status = NULL;
        rc = command(conn, key, "guest-exec-status", json_pack("{s:I}", "pid", pid), &status, err);
        if (rc)
            return rc;
        if (!json_is_true(json_object_get(status, "exited")))
            continue;
        if (json_integer_value(json_object_get(status, "exitcode")))
            return error_set(err, CE_IO, "a program in the guest failed");
        size_t len;
        *ret = decode(status, "out-data", &len);
        return *ret ? 0 : error_set(err, CE_BAD_INPUT, "the guest agent's output is not understood");
    }
    return error_set(err, CE_TIMEOUT, "a program in the guest did not end in time");
}

int guest_agent_start(struct virt_conn *conn, const struct guest_key *key, const char *script,
                      int64_t *ret_pid, struct error *err)
{
    size_t len = strlen(script), size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *encoded = malloc(size);
    if (!encoded)
        return error_set(err, CE_NOMEM, "out of memory");
    sodium_bin2base64(encoded, size, (const unsigned char *)script, len, sodium_base64_VARIANT_ORIGINAL);
    CLEANUP_JSON json_t *started = NULL;
    json_t *arguments =
        json_pack("{s:s,s:s,s:b}", "path", "/bin/sh", "input-data", encoded, "capture-output", 1);
    secret_wipe_bytes(encoded, size); /* the script may hold secrets */
    free(encoded);
    int rc = command(conn, key, "guest-exec", arguments, &started, err);
    if (!rc)
        *ret_pid = json_integer_value(json_object_get(started, "pid"));
    return rc;
}

static void last_words(const json_t *status, char *ret, size_t size)
{
    size_t len = 0;
    char *bytes = decode(status, "err-data", &len);
    last_line_plain(bytes ? bytes : "", len, ret, size);
    free(bytes);
}

int guest_agent_ended(struct virt_conn *conn, const struct guest_key *key, int64_t pid, bool *ret,
                      struct error *err)
{
    CLEANUP_JSON json_t *status = NULL;
    int rc =
        command(conn, key, "guest-exec-status", json_pack("{s:I}", "pid", (json_int_t)pid), &status, err);
    if (rc)
        return rc;
    bool ended = json_is_true(json_object_get(status, "exited"));
    json_int_t code = json_integer_value(json_object_get(status, "exitcode"));
    if (ended && code) {
        char words[160];
        last_words(status, words, sizeof words);
        return error_set(err, CE_IO, "a script in the guest ended with status %d%s%s", (int)code,
                         *words ? ": " : "", words);
    }
    *ret = ended;
    return 0;
}

/* SESSION UID USER SEAT ...: system accounts (a greeter's, for example) are not people. */
bool guest_agent_line_is_session(const char *line)
{
    char session[64], user[64];
    unsigned uid;
    if (sscanf(line, " %63s %u %63s", session, &uid, user) != 3)
        return false;
    return uid >= 1000 && uid < 60000;
}

static int loginctl_has_users(struct virt_conn *conn, const struct guest_key *key, bool *ret,
                              struct error *err)
{
    char *out = NULL;
    int rc = exec(conn, key,
                  json_pack("{s:s,s:[s,s],s:b}", "path", "loginctl", "arg", "list-sessions", "--no-legend",
                            "capture-output", 1),
                  &out, err);
    if (rc)
        return rc;
    bool found = false;
    char *save = NULL;
    for (char *line = strtok_r(out, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        found = found || guest_agent_line_is_session(line);
    free(out);
    *ret = found;
    return 0;
}

int guest_agent_has_users(struct virt_conn *conn, const struct guest_key *key, bool *ret, struct error *err)
{
    CLEANUP_JSON json_t *users = NULL;
    int rc = command(conn, key, "guest-get-users", NULL, &users, err);
    if (!rc && json_array_size(users)) {
        *ret = true;
        return 0;
    }
    if (rc == CE_UNREACHABLE)
        return rc;
    /* Guests without utmp (Debian 13) list nobody there; guests without logind are believed. */
    bool found = false;
    int login_rc = loginctl_has_users(conn, key, &found, err);
    if (login_rc && rc)
        return login_rc;
    *ret = found;
    return 0;
}

/* An xrdp session ends with its window manager, which is the child of xrdp's session process that is neither the X
 * server nor the channels' server: when it is told to end, the session closes as at a log-off by the person, and the
 * PAM hook speaks. Other kinds of sessions are logind's. */
static const char log_off_sh[] =
    "user=$1 wanted= found=\n"
    "[ -z \"$user\" ] || wanted=$(id -u \"$user\") || exit 1\n"
    "for dir in /proc/[0-9]*; do\n"
    "  name= ppid= uid=\n"
    "  while read -r key value rest; do\n"
    "    case $key in Name:) name=$value ;; PPid:) ppid=$value ;; Uid:) uid=$value; break ;; esac\n"
    "  done 2>/dev/null <\"$dir/status\"\n"
    "  [ \"${uid:-0}\" -ge 1000 ] && [ \"$uid\" -lt 60000 ] || continue\n"
    "  [ -z \"$wanted\" ] || [ \"$uid\" = \"$wanted\" ] || continue\n"
    "  case $name in Xorg|Xvnc|xrdp-*) continue ;; esac\n"
    "  read -r parent 2>/dev/null <\"/proc/$ppid/comm\" || continue\n"
    "  case $parent in xrdp-ses*) kill -TERM \"${dir#/proc/}\" && found=1 ;; esac\n"
    "done\n"
    "[ -z \"$found\" ] || exit 0\n"
    "loginctl list-sessions --no-legend | while read -r session uid name rest; do\n"
    "  [ \"$uid\" -ge 1000 ] && [ \"$uid\" -lt 60000 ] || continue\n"
    "  [ -z \"$wanted\" ] || [ \"$uid\" = \"$wanted\" ] || continue\n"
    "  loginctl terminate-session \"$session\"\n"
    "done\n";

/* quser prints a line for each session, in which the first number between blanks is its id. */
static const char log_off_ps[] = "$user = $args[0]; quser $user 2>$null | Select-Object -Skip 1 | "
                                 "ForEach-Object { if ($_ -match '\\s(\\d+)\\s') { logoff $Matches[1] } }";

int guest_agent_log_off(struct virt_conn *conn, const struct guest_key *key, const char *user, bool windows,
                        struct error *err)
{
    char *out = NULL;
    json_t *arguments;
    if (windows && strpbrk(user, "'\"`$;|&"))
        return error_set(err, CE_BAD_INPUT, "the guest's user has a name that no command takes");
    if (windows)
        arguments = json_pack("{s:s,s:[s,s,s,s],s:b}", "path", "powershell.exe", "arg", "-NoProfile",
                              "-Command", log_off_ps, user, "capture-output", 1);
    else
        arguments = json_pack("{s:s,s:[s,s,s,s],s:b}", "path", "/bin/sh", "arg", "-c", log_off_sh, "carrel",
                              user, "capture-output", 1);
    int rc = exec(conn, key, arguments, &out, err);
    free(out);
    return rc;
}

#define CLOCK_OFF_MS 1000 /* less is the guest's own business */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* How far its clock is ahead, as seen in the middle of question and answer. */
static int clock_off(struct virt_conn *conn, const struct guest_key *key, int64_t *ret_ms, struct error *err)
{
    CLEANUP_JSON json_t *answer = NULL;
    int64_t asked_ns = now_ns();
    int rc = command(conn, key, "guest-get-time", NULL, &answer, err);
    if (!rc && !json_is_integer(answer))
        rc = error_set(err, CE_BAD_INPUT, "the guest agent tells no time");
    if (!rc)
        *ret_ms = (json_integer_value(answer) - (asked_ns + (now_ns() - asked_ns) / 2)) / 1000000;
    return rc;
}

static bool is_off(int64_t off_ms)
{
    return off_ms > CLOCK_OFF_MS || off_ms < -CLOCK_OFF_MS;
}

/* The agent sets the system's clock first and fails after that where it finds no hwclock, so what it says is not the
 * end of it. */
int guest_agent_set_clock(struct virt_conn *conn, const struct guest_key *key, int64_t *ret_off_ms,
                          struct error *err)
{
    int64_t before_ms, off_ms = 0;
    int rc = clock_off(conn, key, &before_ms, err);
    if (rc)
        return rc;
    *ret_off_ms = is_off(before_ms) ? before_ms : 0;
    if (!*ret_off_ms)
        return 0;
    CLEANUP_JSON json_t *answer = NULL;
    struct error why = {0};
    (void)!command(conn, key, "guest-set-time", json_pack("{s:I}", "time", (json_int_t)now_ns()), &answer,
                   &why);
    rc = clock_off(conn, key, &off_ms, err);
    if (rc || !is_off(off_ms))
        return rc;
    char word[32], *out = NULL;
    snprintf(word, sizeof word, "@%lld", (long long)(now_ns() / 1000000000));
    rc = exec(conn, key,
              json_pack("{s:s,s:[s,s,s],s:b}", "path", "date", "arg", "-u", "-s", word, "capture-output", 1),
              &out, err);
    free(out);
    if (!rc)
        rc = clock_off(conn, key, &off_ms, err);
    if (!rc && is_off(off_ms))
        rc = error_set(err, CE_IO, "it is off by %lld s all the same; %s", (long long)(off_ms / 1000),
                       why.text);
    return rc;
}

int guest_agent_sh(struct virt_conn *conn, const struct guest_key *key, const char *script,
                   const char *const *words, char **ret, struct error *err)
{
    json_t *args = json_pack("[s,s,s]", "-c", script, "carrel");
    for (; args && *words; words++)
        json_array_append_new(args, json_string(*words));
    if (!args)
        return error_set(err, CE_NOMEM, "out of memory");
    return exec(conn, key, json_pack("{s:s,s:o,s:b}", "path", "/bin/sh", "arg", args, "capture-output", 1),
                ret, err);
}
