/* Preloaded into carrel-vmpool by the fault tests: the wall clock is set by as many seconds as the file that
 * FAULT_CLOCK names says. No other clock is touched, as when an administrator or a time daemon sets it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret);
    const char *path = clock == CLOCK_REALTIME ? getenv("FAULT_CLOCK") : NULL;
    int fd = rc || !path ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rc;
    char text[32] = "";
    if (read(fd, text, sizeof text - 1) > 0)
        ret->tv_sec += strtol(text, NULL, 10);
    close(fd);
    return 0;
}
