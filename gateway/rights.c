#include "rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int rights_find(struct rights *ret, const char *user, struct error *err)
{
    struct rights found = {0};
    if (!*user) {
        *ret = found;
        return 0;
    }
    const struct passwd *entry = getpwnam(user); /* before any thread; nobody else asks */
    if (!entry || strlen(user) >= sizeof found.user)
        return error_set(err, CE_NOT_FOUND, "gateway.user is '%s', and there is no such account", user);
    found.change = entry->pw_uid != geteuid();
    found.uid = entry->pw_uid;
    found.gid = entry->pw_gid;
    snprintf(found.user, sizeof found.user, "%s", user);
    if (found.change && geteuid() != 0)
        return error_set(
            err, CE_REFUSED,
            "gateway.user is '%s', but only root can become another account and this is not root", user);
    *ret = found;
    return 0;
}

int rights_become(const struct rights *rights, struct error *err)
{
    if (!rights->change)
        return 0;
    if (initgroups(rights->user, rights->gid) || setresgid(rights->gid, rights->gid, rights->gid) ||
        setresuid(rights->uid, rights->uid, rights->uid))
        return error_set(err, CE_IO, "cannot become '%s': %s", rights->user, strerror(errno));
    if (rights->uid != 0 && setuid(0) == 0)
        return error_set(err, CE_INTERNAL, "the rights of root come back after becoming '%s'", rights->user);
    return 0;
}

static int capabilities_drop(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = {{0}},
                                  kept[_LINUX_CAPABILITY_U32S_3] = {{0}};
    /* The bounding set needs a capability of its own to be made smaller; without it there is nothing in it to
     * be had, because no program gains rights any more. */
    for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        (void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capget, &header, held))
        return -1;
#ifdef __SANITIZE_ADDRESS__
    /* Builds with sanitizers only: the leak check at the end stops the threads of a process that nobody may
     * debug, and needs this one for it where it runs as root. */
    kept[0].permitted = kept[0].effective = held[0].effective & (1u << CAP_SYS_PTRACE);
#endif
    /* Where there is nothing to drop, as in systemd's unit, the call may be forbidden. */
    return memcmp(held, kept, sizeof held) ? (int)syscall(SYS_capset, &header, kept) : 0;
}

int rights_lock(struct error *err)
{
    const struct rlimit no_core = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || capabilities_drop() || setrlimit(RLIMIT_CORE, &no_core) ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return error_set(err, CE_IO, "rights cannot be given up: %s", strerror(errno));
    return 0;
}
