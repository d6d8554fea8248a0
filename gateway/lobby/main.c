/* carrel-lobby: shows pictures to clients whose desktop is not there yet. The gateway starts it, with a socket as
 * descriptor 3 through which visits come: two descriptors each, the RDP stream and the control socket. One descriptor
 * with a request is for the picture of a banner. When the gateway closes that socket, the lobby ends.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "banner_message.h"
#include "banner_serve.h"
#include "log.h"
#include "paint.h"
#include "peer.h"
#include "sandbox.h"
#include "secret.h"

enum {
    HAND_OVER_FD = 3,
    THREAD_STACK_BYTES = 1024 * 1024,
};

struct visit_ends {
    int rdp, control;
};

static void json_wipe_and_free(void *memory)
{
    if (memory)
        secret_wipe_bytes(memory, malloc_usable_size(memory));
    free(memory);
}

static void *serve(void *arg)
{
    struct visit_ends ends = *(struct visit_ends *)arg;
    free(arg);
    peer_serve(ends.rdp, ends.control);
    return NULL;
}

static void serve_start(const struct visit_ends *ends)
{
    pthread_t thread;
    pthread_attr_t attributes;
    struct visit_ends *own = malloc(sizeof *own);
    if (own && !pthread_attr_init(&attributes)) {
        *own = *ends;
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void)pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
        int rc = pthread_create(&thread, &attributes, serve, own);
        (void)pthread_attr_destroy(&attributes);
        if (!rc)
            return;
    }
    log_error("No thread for a visit.");
    free(own);
    close(ends->rdp);
    close(ends->control);
}

/* The next visit; false: the gateway has gone. What comes in between for a banner is seen to. */
static bool visit_take(struct visit_ends *ret)
{
    char bytes[BANNER_MESSAGE_MAX_BYTES], ancillary[CMSG_SPACE(2 * sizeof(int))];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof bytes};
    int fds[2];
    for (;;) {
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary, .msg_controllen = sizeof ancillary};
        ssize_t n = recvmsg(HAND_OVER_FD, &message, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof fds[0])) {
            memcpy(fds, CMSG_DATA(header), sizeof fds[0]);
            banner_serve(fds[0], bytes, (size_t)n);
            continue;
        }
        if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof fds))
            continue;
        memcpy(fds, CMSG_DATA(header), sizeof fds);
        *ret = (struct visit_ends){.rdp = fds[0], .control = fds[1]};
        return true;
    }
}

static bool is_started_by_gateway(void)
{
    int type;
    socklen_t len = sizeof type;
    return getsockopt(HAND_OVER_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int main(void)
{
    struct error err = {0};
    struct visit_ends ends;
    if (!is_started_by_gateway()) {
        fprintf(stderr, "carrel-lobby is started by carrel-gateway, see carrel-gateway(8).\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    json_set_alloc_funcs(malloc, json_wipe_and_free);
    peer_library_init();
    paint_warm_up();
    if (secret_library_init() || sandbox_enter(&err)) {
        log_error("The lobby does not start: %s", err.text[0] ? err.text : "no random numbers");
        return 1;
    }
    while (visit_take(&ends))
        serve_start(&ends);
    /* Visits end with the gateway, and their threads with the process: nothing is left to be told to anybody. */
    _exit(0);
}
