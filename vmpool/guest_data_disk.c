#include "guest_data_disk.h"

#include <stdlib.h>
#include <string.h>

#include "guest_agent.h"

/* $1 its serial number. The page of the serial number (0x80) is the guest's kernel's, not what udev made of it. One that
 * vmpool no longer waits for may still run: only one at a time works on a disk. */
#define FIND_SH                                                                                              \
    "exec 9>/run/carrel-data.lock && flock 9 || exit 1\n"                                                    \
    "find_disk() {\n"                                                                                        \
    "  dev=\n"                                                                                               \
    "  for d in /sys/block/sd*; do\n"                                                                        \
    "    [ -e \"$d/device/vpd_pg80\" ] || continue\n"                                                        \
    "    grep -qaF \"$1\" \"$d/device/vpd_pg80\" && dev=/dev/${d##*/} && return 0\n"                         \
    "  done\n"                                                                                               \
    "  return 1\n"                                                                                           \
    "}\n"                                                                                                    \
    "say() { echo \"error: $1\"; exit 0; }\n"

/* $1 serial, $2 "home" or a folder, $3 user, $4 1: a file system may be made. A home gets what the user's home of the image
 * has before it is a home: until that is done the file system is called carrel-new. */
static const char mount_sh[] = FIND_SH
    "at=$2\n"
    "if [ \"$at\" = home ]; then\n"
    "  at=$(getent passwd \"$3\" | cut -d: -f6)\n"
    "  [ -n \"$at\" ] && [ \"$at\" != / ] || say \"the guest has no user $3 with a home\"\n"
    "fi\n"
    "n=0\n"
    "until find_disk \"$1\"; do n=$((n + 1)); [ $n -lt 40 ] || say 'it did not appear in the guest'; sleep "
    "0.1; done\n"
    "mounted=\n"
    "while read -r what where rest; do [ \"$what\" != \"$dev\" ] || [ \"$where\" != \"$at\" ] || mounted=1; "
    "done </proc/mounts\n"
    "[ -z \"$mounted\" ] || { echo ok; exit 0; }\n"
    "type=$(blkid -p -o value -s TYPE \"$dev\" 2>/dev/null)\n"
    "if [ -z \"$type\" ]; then\n"
    "  [ \"$4\" = 1 ] || say 'there is no file system on it any more that the guest knows'\n"
    "  command -v mkfs.ext4 >/dev/null || say 'the guest has no mkfs.ext4 to make a file system with "
    "(package e2fsprogs)'\n"
    "  mkfs.ext4 -q -F -L carrel-new \"$dev\" >/dev/null 2>&1 || say 'no file system could be made on it'\n"
    "fi\n"
    "mkdir -p \"$at\" || say \"the folder $at cannot be made\"\n"
    "if [ \"$(blkid -p -o value -s LABEL \"$dev\")\" = carrel-new ]; then\n"
    "  mkdir -p /run/carrel-data && mount \"$dev\" /run/carrel-data || say 'it cannot be mounted'\n"
    "  owner=$3\n"
    "  id \"$owner\" >/dev/null 2>&1 || owner=root\n"
    "  cp -a \"$at/.\" /run/carrel-data/ && chown \"$owner:\" /run/carrel-data && umount /run/carrel-data "
    "||\n"
    "    say \"what is in $at could not be copied to it\"\n"
    "  e2label \"$dev\" carrel-data || say 'it could not be labelled'\n"
    "fi\n"
    "mount -o nosuid,nodev \"$dev\" \"$at\" || say 'it cannot be mounted'\n"
    "echo ok\n";

/* Whoever still works with files on it is a user's program: the session has ended. */
static const char unmount_sh[] = FIND_SH
    "find_disk \"$1\" || { echo ok; exit 0; }\n"
    "while read -r what where rest; do [ \"$what\" != \"$dev\" ] || sync -f \"$where\"; done </proc/mounts\n"
    "n=0\n"
    "while where=$(grep \"^$dev \" /proc/mounts | head -n 1 | cut -d' ' -f2) && [ -n \"$where\" ]; do\n"
    "  umount \"$where\" 2>/dev/null && continue\n"
    "  n=$((n + 1))\n"
    "  [ $n -lt 15 ] || say 'programs of the guest keep it in use'\n"
    "  for dir in /proc/[0-9]*; do\n"
    "    uid=\n"
    "    while read -r key value rest; do case $key in Uid:) uid=$value; break ;; esac; done 2>/dev/null "
    "<\"$dir/status\"\n"
    "    [ \"${uid:-0}\" -ge 1000 ] && [ \"$uid\" -lt 60000 ] && kill -KILL \"${dir#/proc/}\" 2>/dev/null\n"
    "  done\n"
    "  sleep 0.2\n"
    "done\n"
    "echo ok\n";

static int understood(char *out, int rc, struct error *err)
{
    if (rc)
        return rc;
    out[strcspn(out, "\n")] = '\0';
    if (!strncmp(out, "error: ", 7))
        rc = error_set(err, CE_REFUSED, "%.200s", out + 7);
    else if (strcmp(out, "ok") != 0)
        rc = error_set(err, CE_BAD_INPUT, "the guest's answer is not understood");
    free(out);
    return rc;
}

int guest_data_disk_mount(struct virt_conn *conn, const struct guest_key *key, const char *id, const char *at,
                          const char *user, bool fresh, struct error *err)
{
    const char *const words[] = {id, at, user, fresh ? "1" : "0", NULL};
    char *out = NULL;
    int rc = guest_agent_sh(conn, key, mount_sh, words, &out, err);
    return understood(out, rc, err);
}

int guest_data_disk_unmount(struct virt_conn *conn, const struct guest_key *key, const char *id,
                            struct error *err)
{
    const char *const words[] = {id, NULL};
    char *out = NULL;
    int rc = guest_agent_sh(conn, key, unmount_sh, words, &out, err);
    return understood(out, rc, err);
}
