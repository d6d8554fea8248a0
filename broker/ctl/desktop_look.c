/* carrelctl desktop log, screenshot, console */
#include "desktop_look.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "base64.h"
#include "format.h"
#include "table.h"

/* LEN bytes into FILE, or with "-" to the output. */
static int write_out(struct ctl *ctl, const char *file, const void *bytes, size_t len)
{
    if (!strcmp(file, "-")) {
        if (fwrite(bytes, 1, len, ctl->out) != len || fflush(ctl->out))
            return ctl_fail(ctl, CTL_FAILED, "the output cannot be written: %s", strerror(errno));
        return CTL_OK;
    }
    FILE *to = fopen(file, "we");
    if (!to)
        return ctl_fail(ctl, CTL_FAILED, "%s: %s", file, strerror(errno));
    bool good = fwrite(bytes, 1, len, to) == len;
    good = !fclose(to) && good;
    return good ? CTL_OK : ctl_fail(ctl, CTL_FAILED, "%s: it could not be written whole", file);
}

/* Each line of TEXT with BEFORE before it: a guest's words, which do no harm to a terminal. */
static void put_lines(struct ctl *ctl, const char *before, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        char *line = strndup(text, len), *clean = malloc(len * 4 + 1);
        if (line && clean)
            fprintf(ctl->out, "%s%s\n", before, format_clean(clean, len * 4 + 1, line));
        free(line);
        free(clean);
        text += len + (text[len] == '\n');
    }
}

/* --- last words ------------------------------------------------------------------------------------------ */

static void put_words(struct ctl *ctl, const json_t *failure)
{
    const char *words = api_text(failure, "last_words"), *name = api_text(failure, "desktop");
    if (!*words)
        return;
    fprintf(ctl->out, "\nThe end of its serial log (whole: carrelctl desktop log %s --kept):\n",
            *name ? name : api_text(failure, "name"));
    put_lines(ctl, "  ", words);
}

int desktop_show_with_words(struct ctl *ctl, const char *path, const struct field *fields, const char *where)
{
    CLEANUP_JSON json_t *object = NULL;
    int rc = api_call(ctl, "GET", path, NULL, &object);
    if (rc)
        return rc;
    if (ctl->json) {
        ctl_print_json(ctl, object);
        return CTL_OK;
    }
    table_show(ctl, fields, object);
    put_words(ctl, *where ? json_object_get(object, where) : object);
    return CTL_OK;
}

/* --- log ------------------------------------------------------------------------------------------------- */

/* Has the running guest's log read. A desktop that is gone or off has only what was kept: not a failure. */
static int refresh_log(struct ctl *ctl, const char *name)
{
    CLEANUP_TEXT char *path = api_path("/v1/desktops/%s", name);
    CLEANUP_TEXT char *log_path = api_path("/v1/desktops/%s/log", name);
    CLEANUP_JSON json_t *desktop = api_ask(ctl, path), *ordered = NULL;
    const char *state = api_text(desktop, "state");
    if (!*state || !strcmp(state, "failed") || !strcmp(state, "stopped") || !strcmp(state, "cloning"))
        return CTL_OK;
    int rc = api_call(ctl, "POST", log_path, NULL, &ordered);
    return rc ? rc : act_wait_order(ctl, ordered, NULL);
}

int desktop_log(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_TEXT char *path = api_path("/v1/desktops/%s/log", name);
    CLEANUP_JSON json_t *log = NULL;
    int rc = args_given(ctl, "kept") ? CTL_OK : refresh_log(ctl, name);
    if (!rc)
        rc = api_call(ctl, "GET", path, NULL, &log);
    if (rc)
        return rc;
    if (ctl->json) {
        ctl_print_json(ctl, log);
        return CTL_OK;
    }
    if (ctl->err_tty && api_flag(log, "failed"))
        fprintf(ctl->err, "of its failure at %s: %s\n", api_text(log, "at"), api_text(log, "reason"));
    const char *text = api_text(log, "text"), *file = args_value(ctl, "output");
    if (file)
        return write_out(ctl, file, text, strlen(text));
    put_lines(ctl, "", text);
    return CTL_OK;
}

/* --- screenshot ------------------------------------------------------------------------------------------ */

int desktop_screenshot(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0), *file = args_value(ctl, "output");
    CLEANUP_TEXT char *path = api_path("/v1/desktops/%s/screenshot", name);
    CLEANUP_JSON json_t *ordered = NULL, *answer = NULL;
    if (!strcmp(file, "-") && ctl->out_tty)
        return ctl_fail(ctl, CTL_USAGE, "a picture on a terminal helps nobody: name a file with --output");
    int rc = api_call(ctl, "POST", path, NULL, &ordered);
    if (!rc)
        rc = act_wait_order(ctl, ordered, NULL);
    if (!rc)
        rc = api_call(ctl, "GET", path, NULL, &answer);
    if (rc)
        return rc;
    const char *text = api_text(answer, "png");
    size_t room = strlen(text) / 4 * 3 + 3, len = 0;
    uint8_t *png = malloc(room);
    if (!png || base64_decode(text, png, room, &len))
        rc = ctl_fail(ctl, CTL_FAILED, "the broker's picture is not understood");
    else
        rc = write_out(ctl, file, png, len);
    free(png);
    if (!rc && strcmp(file, "-") != 0)
        ctl_say(ctl, "%s: the screen of desktop %s, %zu KiB", file, name, (len + 1023) / 1024);
    return rc;
}

/* --- console --------------------------------------------------------------------------------------------- */

/* The console is libvirt's own, opened with the rights of whoever runs this: the broker says where it is. */
static int run_virsh(struct ctl *ctl, const json_t *where, bool force)
{
    const char *argv[] = {"virsh",
                          "--quiet",
                          "--escape",
                          "^]",
                          "--connect",
                          api_text(where, "uri"),
                          "console",
                          force ? "--force" : "--safe",
                          api_text(where, "domain"),
                          NULL};
    fflush(ctl->out);
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(errno == ENOENT ? 127 : 126);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return ctl_fail(ctl, CTL_FAILED, "virsh cannot be started: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return ctl_fail(ctl, CTL_FAILED,
                        "virsh is not there: the console is opened with it (package libvirt-clients)");
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return ctl_fail(
            ctl, CTL_FAILED,
            "the console could not be opened, or broke off; somebody else may have it: `carrelctl "
            "event list` says who asked for it, --force takes it from them");
    return CTL_OK;
}

int desktop_console(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/desktops/%s/console", args_word(ctl, 0));
    CLEANUP_JSON json_t *where = NULL;
    if (!ctl->json && (!isatty(STDIN_FILENO) || !ctl->out_tty))
        return ctl_fail(ctl, CTL_USAGE, "a console needs a terminal");
    int rc = api_call(ctl, "POST", path, NULL, &where);
    if (rc)
        return rc;
    if (ctl->json) {
        ctl_print_json(ctl, where);
        return CTL_OK;
    }
    ctl_say(ctl, "Serial console of desktop %s on host %s; Ctrl+] leaves it.", api_text(where, "desktop"),
            api_text(where, "host"));
    return run_virsh(ctl, where, args_given(ctl, "force"));
}
