#include "guest_identity.h"

#include <crypt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

/* The password is random and 24 characters long, so that the cheapest hash is as safe as the dearest, and a log-in
 * on an emulated processor does not wait for a dear one. */
#define HASH_PREFIX "$6$rounds=1000$"

/* Clones share what the golden guest's random generator was. A fresh generation id makes kernels that know it
 * reseed themselves (Linux since 5.18); others are told to, with bytes of the host's. Without either the clone
 * must not live. Then what a log-in needs, then the rest; by the shell itself where it can, since every program that
 * is started costs an emulated processor more than all that it does. SSH keys take their time in the background: no clone's
 * SSH port can be reached before, and the golden guest's keys are gone at once.
 *
 * An agent that answers too late is asked again, and then the script runs twice: one after the other, and what the
 * host knows is what the later one wrote, so the earlier one does nothing if it comes second. */
static const char identity_body[] =
    "set -e\n"
    "exec 9>>/run/carrel-identity.lock\n"
    "flock 9 || true\n"
    "last=0\n"
    "[ ! -e /run/carrel-identity ] || read -r last </run/carrel-identity\n"
    "[ \"$turn\" -gt \"$last\" ] || exit 0\n"
    "echo \"$turn\" >/run/carrel-identity\n"
    "nl='\n'\n"
    "umask 077\n"
    "printf '%s' \"$seed\" >/dev/urandom\n"
    "aware() { for d in /sys/bus/acpi/drivers/vmgenid /sys/bus/platform/drivers/vmgenid; do\n"
    "  for link in \"$d\"/*:*; do [ ! -L \"$link\" ] || return 0; done\n"
    "done; return 1; }\n"
    "if ! aware; then\n"
    "  perl -e 'open(my $r, \"+<\", \"/dev/urandom\") && ioctl($r, 0x5207, 0) or exit 1' ||\n"
    "    { echo 'its random generator cannot be reseeded' >&2; exit 1; }\n"
    "fi\n"
    "date -s \"@$now\" >/dev/null\n"
    "if [ -d /etc/xrdp ]; then\n"
    "  [ -e /etc/xrdp/key.pem ] || install -m 640 -o root -g xrdp /dev/null /etc/xrdp/key.pem\n"
    "  [ -e /etc/xrdp/cert.pem ] || install -m 644 /dev/null /etc/xrdp/cert.pem\n"
    "  printf '%s' \"$key\" >/etc/xrdp/key.pem\n"
    "  printf '%s' \"$certificate\" >/etc/xrdp/cert.pem\n"
    "fi\n"
    "if [ -n \"$user\" ]; then\n"
    "  chpasswd -e <<END\n"
    "$user:$hash\n"
    "END\n"
    "fi\n"
    "read -r old </proc/sys/kernel/hostname\n"
    "echo \"$name\" >/proc/sys/kernel/hostname\n"
    "umask 022\n"
    "echo \"$name\" >/etc/hostname\n"
    "if [ -e /etc/hosts ]; then\n"
    "  hosts=\n"
    "  while IFS= read -r line; do\n"
    "    case $line in *[[:space:]]\"$old\") line=${line%\"$old\"}$name ;; esac\n"
    "    hosts=$hosts$line$nl\n"
    "  done </etc/hosts\n"
    "  printf '%s' \"$hosts\" >/etc/hosts\n"
    "fi\n"
    "echo \"$machine\" >/etc/machine-id\n"
    "if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then\n"
    "  echo \"$machine\" >/var/lib/dbus/machine-id\n"
    "fi\n"
    "for f in /etc/ssh/ssh_host_*; do [ ! -e \"$f\" ] || rm -f \"$f\"; done\n"
    "if command -v ssh-keygen >/dev/null; then\n"
    "  { ssh-keygen -A && systemctl try-restart ssh; } </dev/null >/dev/null 2>&1 9>&- &\n"
    "fi\n";

/* Quiet: for two seconds in a row less than a quarter of a processor was busy; /proc/stat counts hundredths. The X server's
 * key is filed under the host's name, and the clone has another one, so its programs no longer find it: the X server is
 * told to take its user's programs without a key. */
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
    "sync\n";

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

static void assign_random(FILE *out, const char *name, size_t bytes)
{
    unsigned char random[64];
    char hex[sizeof random * 2 + 1];
    randombytes_buf(random, bytes);
    sodium_bin2hex(hex, sizeof hex, random, bytes);
    assign(out, name, hex);
    secret_wipe_bytes(random, sizeof random);
    secret_wipe_bytes(hex, sizeof hex);
}

static int finish_script(FILE *out, struct error *err)
{
    bool full = ferror(out) || fflush(out);
    full = fclose(out) || full;
    return full ? error_set(err, CE_LIMIT, "the script for the guest is too long") : 0;
}

int guest_identity_script(const struct guest_identity *identity, char ret[GUEST_SCRIPT_MAX],
                          struct error *err)
{
    char hash[CRYPT_OUTPUT_SIZE] = "", now[32];
    if (*identity->user && hash_password(identity->password, hash))
        return error_set(err, CE_INTERNAL, "the guest's password could not be hashed");
    memset(ret, 0, GUEST_SCRIPT_MAX);
    FILE *out = fmemopen(ret, GUEST_SCRIPT_MAX - 1, "w");
    if (!out)
        return error_set(err, CE_NOMEM, "out of memory");
    setvbuf(out, NULL, _IONBF, 0); /* no second copy of what is secret */
    snprintf(now, sizeof now, "%lld.%03d", (long long)(identity->now_ms / 1000),
             (int)(identity->now_ms % 1000));
    assign(out, "name", identity->name);
    assign(out, "now", now);
    fprintf(out, "turn=%lld\n", (long long)identity->now_ms);
    assign(out, "user", identity->user);
    assign(out, "hash", hash);
    assign(out, "key", identity->tls->key);
    assign(out, "certificate", identity->tls->certificate);
    assign_random(out, "seed", 64);
    assign_random(out, "machine", 16);
    secret_wipe_bytes(hash, sizeof hash);
    fputs(identity_body, out);
    return finish_script(out, err);
}

int guest_golden_script(const char *warm_user, char ret[GUEST_SCRIPT_MAX], struct error *err)
{
    memset(ret, 0, GUEST_SCRIPT_MAX);
    FILE *out = fmemopen(ret, GUEST_SCRIPT_MAX - 1, "w");
    if (!out)
        return error_set(err, CE_NOMEM, "out of memory");
    assign(out, "user", warm_user);
    fputs(golden_body, out);
    return finish_script(out, err);
}
