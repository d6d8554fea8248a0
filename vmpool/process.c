#include "process.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct process {
    uv_process_t handle;
    uv_pipe_t out_pipe, err_pipe;
    uv_timer_t timer;
    unsigned open_handles; /* freed when the last one is closed */
    unsigned waiting_for;  /* the exit and the two ends of file: done() comes after all three */
    void (*output)(void *arg, const char *bytes, size_t len);
    void (*done)(void *arg, const struct process_result *result);
    void *arg;
    uint64_t silence_ms;
    bool is_limited; /* and a group of processes of its own */
    int rc;
    int exit_status;
    char *out;
    size_t out_len;
    char err[PROCESS_ERR_MAX + 1];
    size_t err_len;
    char chunk[16384];
};

static void on_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;
    if (--process->open_handles)
        return;
    free(process->out);
    free(process);
}

static void step_done(struct process *process)
{
    if (--process->waiting_for)
        return;
    const struct process_result result = {
        .rc = process->rc,
        .exit_status = process->exit_status,
        .out = process->out,
        .err = process->err,
    };
    process->done(process->arg, &result);
    uv_close((uv_handle_t *)&process->handle, on_closed);
    uv_close((uv_handle_t *)&process->timer, on_closed);
    uv_close((uv_handle_t *)&process->out_pipe, on_closed);
    uv_close((uv_handle_t *)&process->err_pipe, on_closed);
}

static void on_ended(uv_process_t *handle, int64_t exit_status, int signal_number)
{
    struct process *process = handle->data;
    process->exit_status = signal_number ? 128 + signal_number : (int)exit_status;
    step_done(process);
}

/* A hook's children hold its pipes, so they are ended with it. */
static void kill_it(struct process *process)
{
    if (process->is_limited && process->handle.pid > 0)
        (void)kill(-process->handle.pid, SIGKILL);
    else
        (void)uv_process_kill(&process->handle, SIGKILL);
}

static void on_silence(uv_timer_t *timer)
{
    struct process *process = timer->data;
    if (!process->rc)
        process->rc = CE_TIMEOUT;
    kill_it(process);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct process *process = handle->data;
    *buf = uv_buf_init(process->chunk, sizeof process->chunk);
}

static void keep_error(struct process *process, const char *bytes, size_t len)
{
    if (len > PROCESS_ERR_MAX) {
        bytes += len - PROCESS_ERR_MAX;
        len = PROCESS_ERR_MAX;
    }
    size_t drop = process->err_len + len > PROCESS_ERR_MAX ? process->err_len + len - PROCESS_ERR_MAX : 0;
    memmove(process->err, process->err + drop, process->err_len - drop);
    process->err_len -= drop;
    memcpy(process->err + process->err_len, bytes, len);
    process->err_len += len;
    process->err[process->err_len] = 0;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct process *process = stream->data;
    if (got < 0) {
        uv_read_stop(stream);
        step_done(process);
        return;
    }
    size_t len = (size_t)got;
    if (!process->is_limited)
        uv_timer_start(&process->timer, on_silence, process->silence_ms, 0);
    if (stream == (uv_stream_t *)&process->err_pipe) {
        keep_error(process, buf->base, len);
        return;
    }
    if (process->output)
        process->output(process->arg, buf->base, len);
    if (len > PROCESS_OUT_MAX - process->out_len)
        len = PROCESS_OUT_MAX - process->out_len;
    memcpy(process->out + process->out_len, buf->base, len);
    process->out_len += len;
    process->out[process->out_len] = 0;
}

static void init_handles(struct process *process, uv_loop_t *loop)
{
    (void)uv_pipe_init(loop, &process->out_pipe, 0);
    (void)uv_pipe_init(loop, &process->err_pipe, 0);
    (void)uv_timer_init(loop, &process->timer);
    process->handle.data = process;
    process->out_pipe.data = process;
    process->err_pipe.data = process;
    process->timer.data = process;
    process->open_handles = 4;
}

int process_start(struct process **ret, uv_loop_t *loop, const struct process_spec *spec, struct error *err)
{
    struct process *process = calloc(1, sizeof *process);
    char *out = calloc(1, PROCESS_OUT_MAX + 1);
    if (!process || !out) {
        free(process);
        free(out);
        return error_set(err, CE_NOMEM, "out of memory");
    }
    process->out = out;
    process->output = spec->output;
    process->done = spec->done;
    process->arg = spec->arg;
    process->is_limited = spec->limit_ms != 0;
    process->silence_ms = process->is_limited ? spec->limit_ms : spec->silence_ms;
    process->waiting_for = 3;
    init_handles(process, loop);
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&process->out_pipe},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&process->err_pipe},
    };
    char *argv[32];
    size_t argc = 0;
    for (; spec->argv[argc] && argc < 31; argc++)
        argv[argc] = (char *)(uintptr_t)spec->argv[argc]; /* execvp's prototype is older than const */
    argv[argc] = NULL;
    char *environment[32];
    size_t variables = 0;
    for (; spec->environment && spec->environment[variables] && variables < 31; variables++)
        environment[variables] = (char *)(uintptr_t)spec->environment[variables];
    environment[variables] = NULL;
    const uv_process_options_t options = {.file = argv[0],
                                          .args = argv,
                                          .env = spec->environment ? environment : NULL,
                                          .flags = process->is_limited ? UV_PROCESS_DETACHED : 0,
                                          .exit_cb = on_ended,
                                          .stdio = stdio,
                                          .stdio_count = 3};
    int uv_rc = uv_spawn(loop, &process->handle, &options);
    if (uv_rc) {
        int rc = error_set(err, CE_IO, "cannot run %s: %s", argv[0], uv_strerror(uv_rc));
        uv_close((uv_handle_t *)&process->handle, on_closed);
        uv_close((uv_handle_t *)&process->timer, on_closed);
        uv_close((uv_handle_t *)&process->out_pipe, on_closed);
        uv_close((uv_handle_t *)&process->err_pipe, on_closed);
        return rc;
    }
    (void)uv_read_start((uv_stream_t *)&process->out_pipe, on_alloc, on_read);
    (void)uv_read_start((uv_stream_t *)&process->err_pipe, on_alloc, on_read);
    (void)uv_timer_start(&process->timer, on_silence, process->silence_ms, 0);
    *ret = process;
    return 0;
}

void process_cancel(struct process *process)
{
    process->rc = CE_CANCELLED;
    kill_it(process);
}
