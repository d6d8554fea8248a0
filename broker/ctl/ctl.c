#include "ctl.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api.h"
#include "args.h"
#include "carrel_build.h"
#include "complete.h"
#include "format.h"
#include "help.h"
#include "secret.h"

#define SENTENCE_SIZE 2048

static void vcomplain(struct ctl *ctl, char *ret_sentence, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
static void vcomplain(struct ctl *ctl, char *ret_sentence, const char *fmt, va_list ap)
{
    char words[SENTENCE_SIZE];
    vsnprintf(words, sizeof words, fmt, ap);
    format_clean(ret_sentence, SENTENCE_SIZE, words);
    if (ctl->silent)
        return;
    fflush(ctl->out);
    fprintf(ctl->err, "carrelctl: %s\n", ret_sentence);
}

void ctl_complain(struct ctl *ctl, const char *fmt, ...)
{
    char sentence[SENTENCE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vcomplain(ctl, sentence, fmt, ap);
    va_end(ap);
}

int ctl_fail(struct ctl *ctl, enum ctl_exit status, const char *fmt, ...)
{
    static const char *const codes[] = {
        [CTL_OK] = "none",           [CTL_FAILED] = "failed",
        [CTL_USAGE] = "bad-request", [CTL_NOT_FOUND] = "not-found",
        [CTL_REFUSED] = "conflict",  [CTL_UNREACHABLE] = "unreachable",
    };
    char sentence[SENTENCE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vcomplain(ctl, sentence, fmt, ap);
    va_end(ap);
    if (ctl->json && !ctl->silent) {
        CLEANUP_JSON json_t *problem =
            json_pack("{s:s, s:s, s:s}", "type", "about:blank", "detail", sentence, "code", codes[status]);
        ctl_print_json(ctl, problem);
    }
    return (int)status;
}

void ctl_say(struct ctl *ctl, const char *fmt, ...)
{
    if (ctl->json)
        return;
    char words[SENTENCE_SIZE], clean[SENTENCE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    fprintf(ctl->out, "%s\n", format_clean(clean, sizeof clean, words));
}

void ctl_print_json(struct ctl *ctl, const json_t *document)
{
    json_dumpf(document, ctl->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
    fputc('\n', ctl->out);
}

/* Passwords pass through jansson's memory: what it frees is wiped. */
static void wiping_free(void *bytes)
{
    if (bytes)
        secret_wipe_bytes(bytes, malloc_usable_size(bytes));
    free(bytes);
}

static void guard_secrets(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    json_set_alloc_funcs(malloc, wiping_free);
}

/* Which socket: the option, the environment, the configuration. */
static int find_socket(struct ctl *ctl, const struct ctl_args *args)
{
    const char *socket = NULL, *file = NULL;
    for (unsigned i = 0; i < args->given_count; i++) {
        if (!strcmp(args->given[i].name, "socket"))
            socket = args->given[i].value;
        if (!strcmp(args->given[i].name, "config"))
            file = args->given[i].value;
    }
    if (!socket && !file)
        socket = getenv("CARREL_SOCKET");
    if (socket && *socket) {
        if (strlen(socket) >= sizeof ctl->socket_path)
            return ctl_fail(ctl, CTL_USAGE, "the socket's path is too long");
        snprintf(ctl->socket_path, sizeof ctl->socket_path, "%s", socket);
        return CTL_OK;
    }
    struct config config;
    struct error err = {0};
    const char *usual = CARREL_SYSCONFDIR "/carrel.conf";
    config_init(&config);
    /* An administrator need not be able to read the daemons' file: then the usual socket is tried. */
    bool skip = !file && access(usual, R_OK) != 0;
    if (!skip && config_load(&config, file ? file : usual, &err))
        return ctl_fail(ctl, CTL_USAGE, "%s", err.text);
    snprintf(ctl->socket_path, sizeof ctl->socket_path, "%s", config.broker_socket);
    return CTL_OK;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    struct ctl_args args = {0};
    int rc = args_parse(ctl, argc, argv, &args);
    if (rc)
        return rc;
    if (args.version) {
        fprintf(ctl->out, "carrelctl %s\n", CARREL_VERSION);
        return CTL_OK;
    }
    if (args.help) {
        help_print(ctl->out, args.noun, args.command);
        return CTL_OK;
    }
    if (!args.command) {
        help_print(ctl->err, args.noun, NULL);
        return CTL_USAGE;
    }
    if (ctl->columns && !args.command->fields)
        return ctl_fail(ctl, CTL_USAGE, "%s%s%s prints no table, so --columns has no meaning there",
                        args.noun->name, *args.command->verb ? " " : "", args.command->verb);
    rc = find_socket(ctl, &args);
    if (rc)
        return rc;
    ctl->args = &args;
    rc = args.command->run(ctl);
    ctl->args = NULL;
    return rc;
}

/* Names may be in any script; a terminal that says nothing about its encoding gets UTF-8. */
static void choose_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static int finish(struct ctl *ctl, int rc)
{
    api_close(ctl);
    /* A full disk behind a redirection must not look like success. */
    if ((fflush(ctl->out) || ferror(ctl->out)) && !rc) {
        ctl_complain(ctl, "the output cannot be written: %s", strerror(errno));
        return CTL_FAILED;
    }
    return rc;
}

int ctl_main(int argc, char **argv, FILE *out, FILE *err)
{
    struct ctl ctl = {.out = out, .err = err};
    ctl.out_tty = fileno(out) >= 0 && isatty(fileno(out));
    ctl.err_tty = fileno(err) >= 0 && isatty(fileno(err));
    choose_locale();
    guard_secrets();
    if (secret_library_init())
        return finish(&ctl, ctl_fail(&ctl, CTL_FAILED, "libsodium cannot be started"));
    if (argc > 1 && !strcmp(argv[1], "help"))
        return finish(&ctl, help_run(&ctl, argc - 2, argv + 2));
    if (argc > 1 && !strcmp(argv[1], "__complete"))
        return finish(&ctl, complete_run(&ctl, argc - 2, argv + 2));
    return finish(&ctl, run(&ctl, argc, argv));
}
