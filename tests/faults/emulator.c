/* Stands in for QEMU in the domains of the fault tests, and becomes it: a start of guest POOL-N first waits until nobody
 * has a lock on the file hold-POOL beside this program, so that a test decides how long a desktop is "cloning". A guest
 * whose file fail-POOL is there does not start at all.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define QEMU "/usr/bin/qemu-system-x86_64"

/* The pool in "guest=POOL-N,...": false in libvirt's questions about what QEMU can do. */
static bool find_pool(int argc, char **argv, char *ret, size_t size)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "guest=", 6) != 0)
            continue;
        snprintf(ret, size, "%.*s", (int)strcspn(argv[i] + 6, ","), argv[i] + 6);
        char *dash = strrchr(ret, '-');
        if (dash)
            *dash = 0;
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    char pool[128], dir[PATH_MAX], path[PATH_MAX + 160];
    ssize_t len = readlink("/proc/self/exe", dir, sizeof dir - 1);
    if (len > 0 && find_pool(argc, argv, pool, sizeof pool)) {
        dir[len] = 0;
        *strrchr(dir, '/') = 0;
        snprintf(path, sizeof path, "%s/fail-%s", dir, pool);
        if (!access(path, F_OK)) {
            fprintf(stderr, "this guest is not to start\n");
            return 1;
        }
        snprintf(path, sizeof path, "%s/hold-%s", dir, pool);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            (void)flock(fd, LOCK_SH);
    }
    execv(QEMU, argv);
    perror(QEMU);
    return 127;
}
