#include "host_lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"
#include "suite.h"

/* The lanes' threads stand still here: a job runs when a test says that its call has come back. */
struct virt_host {
    struct virt_host *next;
    const struct virt_host_events *events;
    void *events_arg;
    void (*done)(void *arg, int rc, const struct error *err);
    void *arg; /* of the job; NULL: none runs */
    bool closing;
    int (*run)(struct virt_conn *conn, void *arg, struct error *err);
};

static struct vmpool vm;
static struct host host;
static struct virt_host *opened; /* the newest first */
static char done[64];            /* the letters of the jobs that are done, in their order */

int virt_host_open(struct virt_host **ret, uv_loop_t *loop, const char *uri, uint64_t keepalive_ms,
                   const struct virt_host_events *events, void *arg)
{
    struct virt_host *virt = calloc(1, sizeof *virt);
    if (!virt)
        return CE_NOMEM;
    virt->events = events;
    virt->events_arg = arg;
    virt->next = opened;
    opened = virt;
    *ret = virt;
    return 0;
}

int virt_host_submit(struct virt_host *virt, int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                     void (*on_done)(void *arg, int rc, const struct error *err), void *arg)
{
    CU_ASSERT_PTR_NULL(virt->arg); /* nothing ever waits behind another job */
    virt->run = run;
    virt->done = on_done;
    virt->arg = arg;
    return 0;
}

/* What is under way ends first. */
void virt_host_close(struct virt_host *virt)
{
    virt->closing = true;
}

void virt_host_abandon(struct virt_host *virt)
{
}

void virt_host_hold(struct virt_host *virt, uint64_t epoch, uint64_t until_ns)
{
}

struct host *host_find(struct vmpool *of, const char *id)
{
    return host.leaving ? NULL : &host;
}

bool lease_of_host(const struct vmpool *of, const char *id, uint64_t *ret_epoch, uint64_t *ret_until_ns)
{
    *ret_epoch = host.epoch;
    *ret_until_ns = 0;
    return true;
}

void reconcile_want(struct vmpool *of)
{
}

static void begin(void)
{
    memset(&vm, 0, sizeof vm);
    memset(&host, 0, sizeof host);
    list_init(&vm.lanes);
    list_init(&vm.hosts);
    list_init(&host.entry);
    list_init(&host.lane_jobs);
    list_append(&vm.hosts, &host.entry);
    host.vm = &vm;
    host.epoch = 1;
    snprintf(host.row.id, sizeof host.row.id, "h-1");
    snprintf(host.row.uri, sizeof host.row.uri, "qemu:///system");
    done[0] = 0;
}

/* The host goes. */
static void end(void)
{
    host.leaving = true;
    host_lane_drive_all(&vm);
    CU_ASSERT(!host_lane_all_closed(&vm));
    CU_ASSERT(host_lane_is_open(&host));
    while (opened) {
        struct virt_host *virt = opened;
        const struct error err = {.code = CE_CANCELLED};
        CU_ASSERT(virt->closing);
        opened = virt->next;
        if (virt->arg)
            virt->done(virt->arg, CE_CANCELLED, &err);
        virt->events->closed(virt->events_arg);
        free(virt);
    }
    CU_ASSERT(host_lane_all_closed(&vm));
    CU_ASSERT(!host_lane_is_open(&host));
    host_lane_drive_all(&vm);
    CU_ASSERT(list_is_empty(&vm.lanes));
}

static int run(struct virt_conn *conn, void *arg, struct error *err)
{
    return 0;
}

static void on_done(void *arg, int rc, const struct error *err)
{
    char *letter = arg;
    strcat(done, letter);
    strcat(done, rc == CE_CANCELLED ? "!" : rc == CE_UNREACHABLE ? "?" : "");
}

static int submit(enum host_lane_kind kind, const char *letter)
{
    static char letters[128][2];
    char *text = letters[(unsigned char)*letter & 127];
    text[0] = *letter;
    return host_lane_submit(&host, kind, run, on_done, text);
}

/* The call that the lane opened as the COUNTth before the newest makes comes back. */
static void come_back(int count)
{
    struct virt_host *virt = opened;
    while (count--)
        virt = virt->next;
    void *arg = virt->arg;
    virt->arg = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(arg);
    struct error err = {0};
    virt->done(arg, virt->run(NULL, arg, &err), &err);
}

static unsigned lane_count(void)
{
    unsigned count = 0;
    list_for_each (pos, &vm.lanes)
        count++;
    return count;
}

static void a_lane_is_opened_while_all_others_are_busy(void)
{
    begin();
    CU_ASSERT_EQUAL(submit(HOST_LANE_GUEST, "a"), 0);
    CU_ASSERT_EQUAL(lane_count(), 1);
    come_back(0);
    CU_ASSERT_EQUAL(submit(HOST_LANE_GUEST, "b"), 0);
    CU_ASSERT_EQUAL(lane_count(), 1);
    CU_ASSERT_EQUAL(submit(HOST_LANE_GUEST, "c"), 0);
    CU_ASSERT_EQUAL(lane_count(), 2);
    come_back(0);
    come_back(1);
    CU_ASSERT_STRING_EQUAL(done, "acb");
    end();
}

static void a_call_that_hangs_keeps_no_other_job(void)
{
    begin();
    const char *const letters[] = {"a", "b", "c", "d", "e", "f", "g"};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        CU_ASSERT_EQUAL(submit(HOST_LANE_GUEST, letters[i]), 0);
    CU_ASSERT_EQUAL(lane_count(), HOST_LANE_GUESTS);
    for (int i = 0; i < 4; i++)
        come_back(0); /* only the newest lane's calls come back */
    CU_ASSERT_STRING_EQUAL(done, "defg");
    for (int i = 1; i < HOST_LANE_GUESTS; i++)
        come_back(i);
    CU_ASSERT_STRING_EQUAL(done, "defgcba");
    end();
}

static void a_guest_is_ended_although_all_lanes_hang(void)
{
    begin();
    for (int i = 0; i <= HOST_LANE_GUESTS; i++)
        CU_ASSERT_EQUAL(submit(HOST_LANE_GUEST, "h"), 0);
    CU_ASSERT_EQUAL(submit(HOST_LANE_END, "e"), 0);
    come_back(0);
    CU_ASSERT_STRING_EQUAL(done, "e");
    for (int i = 1; i <= HOST_LANE_GUESTS; i++)
        come_back(i);
    come_back(1);
    end();
}

static void memories_are_not_waited_for(void)
{
    begin();
    for (int i = 0; i < HOST_LANE_SAVES; i++)
        CU_ASSERT_EQUAL(submit(HOST_LANE_SAVE, "s"), 0);
    CU_ASSERT_EQUAL(submit(HOST_LANE_SAVE, "t"), CE_BUSY);
    for (int i = 0; i < HOST_LANE_SAVES; i++)
        come_back(i);
    CU_ASSERT_EQUAL(submit(HOST_LANE_SAVE, "u"), 0);
    come_back(1);
    CU_ASSERT_STRING_EQUAL(done, "ssu");
    end();
}

static void what_waits_is_cancelled_with_its_host(void)
{
    begin();
    const char *const letters[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        CU_ASSERT_EQUAL(submit(HOST_LANE_GUEST, letters[i]), 0);
    end();
    CU_ASSERT_STRING_EQUAL(done, "e!f!d!c!b!a!");
    CU_ASSERT_EQUAL(host.lane_job_count, 0);
}

static void a_host_that_is_back_gets_new_lanes(void)
{
    begin();
    const char *const letters[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        CU_ASSERT_EQUAL(submit(HOST_LANE_GUEST, letters[i]), 0);
    host_lane_lost(&host);
    CU_ASSERT_STRING_EQUAL(done, "e?");
    CU_ASSERT_EQUAL(submit(HOST_LANE_GUEST, "f"), 0);
    CU_ASSERT_EQUAL(lane_count(), HOST_LANE_GUESTS + 1);
    CU_ASSERT(!opened->closing);
    come_back(0);
    come_back(1);
    CU_ASSERT_STRING_EQUAL(done, "e?fd");
    end();
}

static void more_than_a_host_may_have_is_refused(void)
{
    begin();
    CU_ASSERT_EQUAL(submit(HOST_LANE_COPY, "a"), 0);
    for (int i = 0; i < VIRT_HOST_JOBS_MAX; i++)
        CU_ASSERT_EQUAL(submit(HOST_LANE_COPY, ""), 0);
    CU_ASSERT_EQUAL(submit(HOST_LANE_COPY, "z"), CE_LIMIT);
    for (int i = 0; i <= VIRT_HOST_JOBS_MAX; i++)
        come_back(0);
    CU_ASSERT_STRING_EQUAL(done, "a");
    CU_ASSERT_EQUAL(submit(HOST_LANE_COPY, "b"), 0);
    come_back(0);
    end();
}

SUITE("host_lane", TEST(a_lane_is_opened_while_all_others_are_busy),
      TEST(a_call_that_hangs_keeps_no_other_job), TEST(a_guest_is_ended_although_all_lanes_hang),
      TEST(memories_are_not_waited_for), TEST(what_waits_is_cancelled_with_its_host),
      TEST(a_host_that_is_back_gets_new_lanes), TEST(more_than_a_host_may_have_is_refused))
