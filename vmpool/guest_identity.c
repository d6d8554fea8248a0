#include "guest_identity.h"

#include <crypt.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "last_line.h"

/* The password is random and 24 characters long, so that the cheapest hash is as safe as the dearest, and a log-in
 * on an emulated processor does not wait for a dear one. */
#define HASH_PREFIX "$6$rounds=1000$"

#define RANDOM_MAX 64 /* bytes */
#define RANDOM_HEX_SIZE (RANDOM_MAX * 2 + 1)

/* Perl: RNDRESEEDCRNG of random(4). */
#define RESEED "open($r, \"+<\", \"/dev/urandom\") && ioctl($r, 0x5207, 0) or exit 1"

/* Clones share what the golden guest's random generator was. A fresh generation id makes kernels that know it
 * reseed themselves (Linux since 5.18); others are told to, with bytes of the host's. Without either the clone
 * must not live. Then what a log-in needs, then the rest; by the shell itself where it can, since every program that
 * is started costs an emulated processor more than all that it does. SSH keys take their time in the background: no clone's
 * SSH port can be reached before, and the golden guest's keys are gone at once.
 *
 * What is asked twice runs twice, one after the other, and what the host knows is what the later one wrote, so the earlier
 * one does nothing if it comes second. */
static const char identity_function[] =
    "nl='\n'\n"
    "aware() {\n"
    "  for d in /sys/bus/acpi/drivers/vmgenid /sys/bus/platform/drivers/vmgenid; do\n"
    "    for link in \"$d\"/*:*; do [ ! -L \"$link\" ] || return 0; done\n"
    "  done\n"
    "  return 1\n"
    "}\n"
    "set_clock() {\n"
    "  [ -z \"$clock\" ] || ! echo \"$now\" >&5 || ! read -r said <&6 || [ \"$said\" != ok ] || return 0\n"
    "  if ! aware; then\n"
    "    perl -e '" RESEED "' ||\n"
    "      { echo 'its random generator cannot be reseeded' >&2; exit 1; }\n"
    "  fi\n"
    "  date -s \"@$now\" >/dev/null\n"
    "}\n"
    "set_password() {\n"
    "  found= shadow= today=$((${now%.*} / 86400))\n"
    "  while IFS= read -r line; do\n"
    "    case $line in \"$user\":*:*:*)\n"
    "      line=${line#*:*:*:}\n"
    "      line=$user:$hash:$today:$line found=1\n"
    "      ;;\n"
    "    esac\n"
    "    shadow=$shadow$line$nl\n"
    "  done </etc/shadow\n"
    "  if [ -n \"$found\" ]; then\n"
    "    printf '%s' \"$shadow\" >/etc/shadow\n"
    "  else\n"
    "    echo \"$user:$hash\" | chpasswd -e\n"
    "  fi\n"
    "}\n"
    "identity() {\n"
    "  last=0\n"
    "  [ ! -e /run/carrel-identity ] || read -r last </run/carrel-identity\n"
    "  [ \"$turn\" -gt \"$last\" ] || exit 0\n"
    "  echo \"$turn\" >/run/carrel-identity\n"
    "  umask 077\n"
    "  printf '%s' \"$seed\" >/dev/urandom\n"
    "  set_clock\n"
    "  if [ -d /etc/xrdp ]; then\n"
    "    [ -e /etc/xrdp/key.pem ] || install -m 640 -o root -g xrdp /dev/null /etc/xrdp/key.pem\n"
    "    [ -e /etc/xrdp/cert.pem ] || install -m 644 /dev/null /etc/xrdp/cert.pem\n"
    "    printf '%s' \"$key\" >/etc/xrdp/key.pem\n"
    "    printf '%s' \"$certificate\" >/etc/xrdp/cert.pem\n"
    "  fi\n"
    "  [ -z \"$user\" ] || set_password\n"
    "  read -r old </proc/sys/kernel/hostname\n"
    "  echo \"$name\" >/proc/sys/kernel/hostname\n"
    "  umask 022\n"
    "  echo \"$name\" >/etc/hostname\n"
    "  if [ -e /etc/hosts ]; then\n"
    "    hosts=\n"
    "    while IFS= read -r line; do\n"
    "      case $line in *[[:space:]]\"$old\") line=${line%\"$old\"}$name ;; esac\n"
    "      hosts=$hosts$line$nl\n"
    "    done </etc/hosts\n"
    "    printf '%s' \"$hosts\" >/etc/hosts\n"
    "  fi\n"
    "  echo \"$machine\" >/etc/machine-id\n"
    "  if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then\n"
    "    echo \"$machine\" >/var/lib/dbus/machine-id\n"
    "  fi\n"
    "  for f in /etc/ssh/ssh_host_*; do [ ! -e \"$f\" ] || rm -f \"$f\"; done\n"
    "  if command -v ssh-keygen >/dev/null; then\n"
    "    { ssh-keygen -A && systemctl try-restart ssh; } </dev/null >/dev/null 2>&1 5>&- 6>&- 8>&- 9>&- &\n"
    "  fi\n"
    "}\n";

/* Through the agent: whoever waits in the guest, or is at it, is ended first. */
static const char agent_body[] = "set -e\n"
                                 "clock= waiter=\n"
                                 "[ ! -e /run/carrel-waiter ] || read -r waiter </run/carrel-waiter || true\n"
                                 "[ -z \"$waiter\" ] || kill \"$waiter\" 2>/dev/null || true\n"
                                 "exec 9>>/run/carrel-identity.lock\n"
                                 "flock 9 || true\n"
                                 "identity\n";

/* The waiter: frozen in the golden guest, it runs on in each clone, and all that it needs is in memory: no program is
 * started, no agent asked. Its first word blocks until the host listens; a read would end at once where nobody does. A
 * shell cannot set the clock, so Perl waits beside it where there is one (227 is clock_settime() on x86-64). */
static const char waiter_body[] =
    "text() {\n"
    "  text=\n"
    "  while IFS= read -r line && [ \"$line\" != . ]; do text=$text$line$nl; done\n"
    "  [ \"$line\" = . ]\n"
    "}\n"
    "keep_clock() {\n"
    "  clock=\n"
    "  command -v perl >/dev/null && [ \"$(uname -m)\" = x86_64 ] || return 0\n"
    "  rm -f /run/carrel-clock.in /run/carrel-clock.out\n"
    "  mkfifo -m 600 /run/carrel-clock.in /run/carrel-clock.out\n"
    "  perl -e '$_ = <STDIN>; /^(\\d+)\\.(\\d{3})$/ or exit 1;\n"
    "    " RESEED ";\n"
    "    syscall(227, 0, pack(\"qq\", $1, $2 * 1000000)) == 0 or exit 1;\n"
    "    print \"ok\\n\"' </run/carrel-clock.in >/run/carrel-clock.out 8>&- 9>&- &\n"
    "  exec 5<>/run/carrel-clock.in 6</run/carrel-clock.out\n"
    "  clock=1\n"
    "}\n"
    "waiter() {\n"
    "  set -e\n"
    "  exec 9>>/run/carrel-identity.lock\n"
    "  flock 9 || true\n"
    "  exec 8<>\"$port\"\n"
    "  keep_clock\n"
    "  exec <&8 >&8 2>&8\n"
    "  trap 'echo \"failed $?\"' EXIT\n"
    "  read -r pid rest </proc/self/stat\n"
    "  echo \"$pid\" >/run/carrel-waiter\n"
    "  echo ready\n"
    "  for value in turn now seed machine name user hash; do read -r \"$value\"; done\n"
    "  text\n"
    "  key=$text\n"
    "  text\n"
    "  certificate=$text\n"
    "  identity\n"
    "  trap - EXIT\n"
    "  echo \"done $turn\"\n"
    "  : >/run/carrel-waiter\n"
    "  exit 0\n"
    "}\n"
    "port=/dev/virtio-ports/" GUEST_IDENTITY_PORT "\n"
    "[ -e \"$port\" ] || { echo \"there is no $port\" >&2; exit 1; }\n"
    ": >/run/carrel-waiter\n"
    "(waiter) </dev/null >/dev/null 2>&1 &\n"
    "left=60\n"
    "until [ -s /run/carrel-waiter ]; do\n"
    "  [ $left -gt 0 ] || { echo 'nobody waits for an identity' >&2; exit 1; }\n"
    "  sleep 1\n"
    "  left=$((left - 1))\n"
    "done\n"
    "rest\n";

/* Quiet: for two seconds in a row less than a quarter of a processor was busy; /proc/stat counts hundredths. The X server's
 * key is filed under the host's name, and the clone has another one, so its programs no longer find it: the X server is
 * told to take its user's programs without a key. At last an image may stop what would work in each clone for nobody. */
static const char golden_body[] =
    "rest() {\n"
    "  quiet=0 left=20 last=0\n"
    "  while [ $quiet -lt 2 ] && [ $left -gt 0 ]; do\n"
    "    read -r _ u n s _ </proc/stat\n"
    "    now=$((u + n + s))\n"
    "    if [ $((now - last)) -lt 25 ]; then quiet=$((quiet + 1)); else quiet=0; fi\n"
    "    last=$now left=$((left - 1))\n"
    "    sleep 1\n"
    "  done\n"
    "}\n"
    "timeout 60 systemctl is-system-running --wait >/dev/null 2>&1\n"
    "listens() { grep -q ':0D3D [0-9A-F:]* 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null; }\n"
    "left=60\n"
    "until listens; do\n"
    "  [ $left -gt 0 ] || { echo 'nothing listens on port 3389' >&2; exit 1; }\n"
    "  sleep 1\n"
    "  left=$((left - 1))\n"
    "done\n"
    "if [ -n \"$user\" ]; then\n"
    "  runuser -u \"$user\" -- xrdp-sesrun -t Xorg -g 1280x800 -b 24 ||\n"
    "    { echo 'xrdp-sesrun opened no session' >&2; exit 1; }\n"
    "  rest\n"
    "  home=$(eval echo \"~$user\")\n"
    "  found=\n"
    "  for dir in /proc/[0-9]*; do\n"
    "    read -r name 2>/dev/null <\"$dir/comm\" || continue\n"
    "    case $name in Xorg | Xvnc) ;; *) continue ;; esac\n"
    "    display= cookies=.Xauthority last=\n"
    "    for word in $(tr '\\0' ' ' <\"$dir/cmdline\"); do\n"
    "      case $word in :*) display=$word ;; esac\n"
    "      [ \"$last\" != -auth ] || cookies=$word\n"
    "      last=$word\n"
    "    done\n"
    "    case $cookies in /*) ;; *) cookies=$home/$cookies ;; esac\n"
    "    runuser -u \"$user\" -- env \"DISPLAY=$display\" \"XAUTHORITY=$cookies\" \\\n"
    "      xhost \"+si:localuser:$user\" >/dev/null ||\n"
    "      { echo 'its X server could not be told of its user by xhost' >&2; exit 1; }\n"
    "    found=1\n"
    "  done\n"
    "  [ -n \"$found\" ] || { echo 'the session has no X server' >&2; exit 1; }\n"
    "fi\n"
    "rest\n"
    "if [ -n \"$user\" ] && [ -x " GUEST_FREEZE_HOOK " ]; then\n"
    "  " GUEST_FREEZE_HOOK " || { echo '" GUEST_FREEZE_HOOK " failed' >&2; exit 1; }\n"
    "fi\n";

/* Appends NAME='VALUE'; the shell sees any VALUE as it is. */
static void assign(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s='", name);
    for (const char *p = value; *p; p++) {
        if (*p == '\'')
            fputs("'\\''", out);
        else
            fputc(*p, out);
    }
    fputs("'\n", out);
}

static int hash_password(const struct secret *password, char ret[CRYPT_OUTPUT_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./";
    char setting[sizeof HASH_PREFIX + 17];
    size_t n = (size_t)snprintf(setting, sizeof setting, "%s", HASH_PREFIX);
    for (int i = 0; i < 16; i++)
        setting[n++] = letters[randombytes_uniform(sizeof letters - 1)];
    setting[n] = 0;
    struct crypt_data data = {0};
    const char *hash = crypt_rn(password->bytes, setting, &data, (int)sizeof data);
    int rc = hash && *hash == '$' ? 0 : CE_INTERNAL;
    snprintf(ret, CRYPT_OUTPUT_SIZE, "%s", rc ? "" : hash);
    secret_wipe_bytes(&data, sizeof data);
    return rc;
}

static void random_hex(size_t bytes, char ret[RANDOM_HEX_SIZE])
{
    unsigned char random[RANDOM_MAX];
    randombytes_buf(random, bytes);
    sodium_bin2hex(ret, RANDOM_HEX_SIZE, random, bytes);
    secret_wipe_bytes(random, sizeof random);
}

static int finish_script(FILE *out, struct error *err)
{
    bool full = ferror(out) || fflush(out);
    full = fclose(out) || full;
    return full ? error_set(err, CE_LIMIT, "the script for the guest is too long") : 0;
}

/* What is not in guest_identity and is made for one script, or is written otherwise there. */
struct made {
    char hash[CRYPT_OUTPUT_SIZE];
    char now[32];
    char turn[24];
    char seed[RANDOM_HEX_SIZE], machine[RANDOM_HEX_SIZE];
};

static int make(const struct guest_identity *identity, struct made *ret, struct error *err)
{
    ret->hash[0] = 0;
    if (*identity->user && hash_password(identity->password, ret->hash))
        return error_set(err, CE_INTERNAL, "the guest's password could not be hashed");
    snprintf(ret->now, sizeof ret->now, "%lld.%03d", (long long)(identity->now_ms / 1000),
             (int)(identity->now_ms % 1000));
    snprintf(ret->turn, sizeof ret->turn, "%lld", (long long)identity->now_ms);
    random_hex(64, ret->seed);
    random_hex(16, ret->machine);
    return 0;
}

/* No second copy of what is secret stays in the stream's buffer. */
static FILE *open_script(char ret[GUEST_SCRIPT_MAX])
{
    memset(ret, 0, GUEST_SCRIPT_MAX);
    FILE *out = fmemopen(ret, GUEST_SCRIPT_MAX - 1, "w");
    if (out)
        setvbuf(out, NULL, _IONBF, 0);
    return out;
}

/* For whatever names all of an identity. The caller wipes MADE. */
static int begin(const struct guest_identity *identity, char ret[GUEST_SCRIPT_MAX], struct made *ret_made,
                 FILE **ret_out, struct error *err)
{
    int rc = make(identity, ret_made, err);
    if (rc)
        return rc;
    *ret_out = open_script(ret);
    if (*ret_out)
        return 0;
    secret_wipe_bytes(ret_made, sizeof *ret_made);
    return error_set(err, CE_NOMEM, "out of memory");
}

int guest_identity_script(const struct guest_identity *identity, char ret[GUEST_SCRIPT_MAX],
                          struct error *err)
{
    struct made made;
    FILE *out;
    int rc = begin(identity, ret, &made, &out, err);
    if (rc)
        return rc;
    assign(out, "name", identity->name);
    assign(out, "now", made.now);
    assign(out, "turn", made.turn);
    assign(out, "user", identity->user);
    assign(out, "hash", made.hash);
    assign(out, "key", identity->tls->key);
    assign(out, "certificate", identity->tls->certificate);
    assign(out, "seed", made.seed);
    assign(out, "machine", made.machine);
    secret_wipe_bytes(&made, sizeof made);
    fputs(identity_function, out);
    fputs(agent_body, out);
    return finish_script(out, err);
}

int guest_identity_lines(const struct guest_identity *identity, char ret[GUEST_SCRIPT_MAX], struct error *err)
{
    struct made made;
    if (strpbrk(identity->name, "\n\r") || strpbrk(identity->user, "\n\r"))
        return error_set(err, CE_BAD_INPUT, "a name for the guest has several lines");
    int rc = make(identity, &made, err);
    if (rc)
        return rc;
    FILE *out = open_script(ret);
    if (!out)
        return error_set(err, CE_NOMEM, "out of memory");
    fprintf(out, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n", made.turn, made.now, made.seed, made.machine, identity->name,
            identity->user, made.hash);
    fprintf(out, "%s.\n%s.\n", identity->tls->key, identity->tls->certificate);
    secret_wipe_bytes(&made, sizeof made);
    return finish_script(out, err);
}

enum guest_heard guest_identity_heard(const char *text, char *ret_words, size_t size)
{
    static const char ready[] = "ready\n";
    const size_t head = sizeof ready - 1;
    *ret_words = 0;
    if (!strchr(text, '\n'))
        return GUEST_HEARD_NOTHING;
    if (strncmp(text, ready, head) != 0)
        return GUEST_HEARD_OTHER;
    for (const char *line = text + head, *end; (end = strchr(line, '\n')); line = end + 1) {
        if (!strncmp(line, "done ", 5))
            return GUEST_HEARD_DONE;
        if (!strncmp(line, "failed ", 7)) {
            last_line_plain(text + head, (size_t)(line - text) - head, ret_words, size);
            return GUEST_HEARD_FAILED;
        }
    }
    return GUEST_HEARD_READY;
}

int guest_golden_script(const char *warm_user, bool waits, char ret[GUEST_SCRIPT_MAX], struct error *err)
{
    FILE *out = open_script(ret);
    if (!out)
        return error_set(err, CE_NOMEM, "out of memory");
    assign(out, "user", warm_user);
    fputs(golden_body, out);
    if (waits) {
        fputs(identity_function, out);
        fputs(waiter_body, out);
    }
    fputs("sync\n", out);
    return finish_script(out, err);
}
