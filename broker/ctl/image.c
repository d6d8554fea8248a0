/* carrelctl image */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "progress.h"
#include "table.h"

#define LOOK_MS 300

static void put_state(const json_t *image, char *text, size_t size)
{
    const char *state = api_text(image, "state");
    if (!strcmp(state, "importing"))
        snprintf(text, size, "%s %lld %%", state, api_number(image, "percent"));
    else
        snprintf(text, size, "%s", state);
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "version", .key = "version", .place = FIELD_RIGHT},
    {.name = "state", .key = "", .kind = FIELD_STATE, .text = put_state},
    {.name = "reason", .key = "reason", .place = FIELD_SHOW_ONLY},
    {.name = "os", .title = "Operating system", .key = "os"},
    {.name = "size",
     .title = "Disk in the guest",
     .key = "virtual_size_bytes",
     .kind = FIELD_BYTES,
     .place = FIELD_NOT_ZERO | FIELD_RIGHT},
    {.name = "file",
     .title = "File",
     .key = "file_size_bytes",
     .kind = FIELD_BYTES,
     .place = FIELD_NOT_ZERO | FIELD_RIGHT},
    {.name = "format", .key = "format", .place = FIELD_HIDDEN},
    {.name = "backing", .title = "Backing file", .key = "backing", .place = FIELD_SHOW_ONLY},
    {.name = "guest-user", .title = "User in the guest", .key = "guest_user"},
    {.name = "hook",
     .title = "Session hook",
     .key = "session_hook",
     .kind = FIELD_FLAG,
     .place = FIELD_HIDDEN},
    {.name = "created", .key = "created", .kind = FIELD_TIME},
    {.name = "id", .key = "id", .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    return table_list_path(ctl, "/v1/images", fields,
                           "There are no images yet: carrelctl image import NAME FILE.qcow2");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/images/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

static int delete (struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Delete image %s and its files?", name);
    return rc ? rc
              : act(ctl, "DELETE", api_path("/v1/images/%s", name), NULL, "image %s is being deleted", name);
}

/* Until the image is ready or failed; *ret is its last answer. */
static int wait_until_ready(struct ctl *ctl, const char *name, json_t **ret)
{
    CLEANUP_TEXT char *path = api_path("/v1/images/%s", name);
    struct progress progress;
    progress_begin(&progress, ctl, "Importing %s", name);
    for (;;) {
        json_t *image = NULL;
        int rc = api_call(ctl, "GET", path, NULL, &image);
        if (rc) {
            progress_end(&progress);
            return rc;
        }
        const char *state = api_text(image, "state");
        if (strcmp(state, "importing") != 0) {
            if (!strcmp(state, "ready"))
                progress_update(&progress, 100, "ready");
            progress_end(&progress);
            *ret = image;
            return CTL_OK;
        }
        long long percent = api_number(image, "percent");
        const char *reason = api_text(image, "reason");
        progress_update(&progress, percent > 0 ? (unsigned)percent : 0,
                        *reason ? reason : "checking and copying");
        json_decref(image);
        rc = api_pause(ctl, LOOK_MS);
        if (rc)
            return rc;
    }
}

static int set_path(struct ctl *ctl, json_t *body, const char *option)
{
    const char *file = args_value(ctl, option);
    if (!file)
        return CTL_OK;
    CLEANUP_TEXT char *path = act_absolute_path(ctl, file);
    if (!path)
        return CTL_USAGE;
    json_object_set_new(body, option, json_string(path));
    return CTL_OK;
}

static int make_body(struct ctl *ctl, const char *name, const char *file, json_t *body)
{
    if (args_given(ctl, "kernel") != args_given(ctl, "initrd"))
        return ctl_fail(ctl, CTL_USAGE, "--kernel and --initrd belong together");
    if (args_given(ctl, "cmdline") && !args_given(ctl, "kernel"))
        return ctl_fail(ctl, CTL_USAGE, "--cmdline has a meaning only with --kernel and --initrd");
    CLEANUP_TEXT char *source = act_absolute_path(ctl, file);
    if (!source)
        return CTL_USAGE;
    json_object_set_new(body, "name", json_string(name));
    json_object_set_new(body, "source", json_string(source));
    act_set_text(ctl, body, "cmdline", "cmdline");
    act_set_text(ctl, body, "os", "os");
    act_set_text(ctl, body, "guest-user", "guest_user");
    if (args_given(ctl, "session-hook"))
        json_object_set_new(body, "session_hook", json_true());
    int rc = set_path(ctl, body, "kernel");
    return rc ? rc : set_path(ctl, body, "initrd");
}

/* PATH is taken over. NAME NULL: what is said of it is the new version. */
static int order(struct ctl *ctl, char *path, json_t *body, const char *name)
{
    CLEANUP_TEXT char *owned = path;
    CLEANUP_JSON json_t *image = NULL;
    char label[128];
    int rc = api_call(ctl, "POST", owned, body, &image);
    if (rc)
        return rc;
    snprintf(label, sizeof label, "%s", name ? name : api_text(image, "label"));
    if (!args_given(ctl, "no-wait")) {
        json_t *imported = NULL;
        rc = wait_until_ready(ctl, label, &imported);
        if (rc)
            return rc;
        json_decref(image);
        image = imported;
    }
    if (ctl->json)
        ctl_print_json(ctl, image);
    const char *state = api_text(image, "state");
    if (!strcmp(state, "failed")) {
        const char *reason = api_text(image, "reason");
        ctl_complain(ctl, "image %s cannot be used: %s", label, *reason ? reason : "no reason was given");
        return CTL_FAILED;
    }
    ctl_say(ctl, !strcmp(state, "ready") ? "image %s is ready" : "image %s is being imported", label);
    return CTL_OK;
}

static int import(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    int rc = make_body(ctl, name, args_word(ctl, 1), body);
    return rc ? rc : order(ctl, api_path("/v1/images"), json_incref(body), name);
}

static int publish(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    int rc = make_body(ctl, name, args_word(ctl, 1), body);
    json_object_del(body, "name");
    return rc ? rc : order(ctl, api_path("/v1/images/%s/versions", name), json_incref(body), NULL);
}

static int prune(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    CLEANUP_JSON json_t *answer = NULL;
    CLEANUP_TEXT char *path = api_path("/v1/images/%s/prune", name);
    long keep = 0;
    int rc = args_number(ctl, "keep", 0, 1000, &keep);
    if (rc)
        return rc;
    json_object_set_new(body, "keep", json_integer(keep));
    rc = api_call(ctl, "POST", path, json_incref(body), &answer);
    if (rc)
        return rc;
    const json_t *items = json_object_get(answer, "items");
    if (ctl->json)
        ctl_print_json(ctl, answer);
    for (size_t i = 0; i < json_array_size(items); i++)
        ctl_say(ctl, "image %s is being deleted", api_text(json_array_get(items, i), "label"));
    if (!json_array_size(items))
        ctl_say(ctl, "image %s has no old version that nothing refers to", name);
    return CTL_OK;
}

static const struct ctl_option import_options[] = {
    {.name = "guest-user", .value = "NAME", .help = "the account in the guest that log-ins use"},
    {.name = "os", .value = "TEXT", .help = "what is inside, for people: debian-13, windows-11"},
    {.name = "session-hook", .help = "the guest tells log-offs through org.carrel.session.0"},
    {.name = "kernel",
     .value = "FILE",
     .words = WORDS_FILE,
     .help = "boot this kernel instead of a boot loader"},
    {.name = "initrd", .value = "FILE", .words = WORDS_FILE, .help = "with --kernel"},
    {.name = "cmdline", .value = "TEXT", .help = "with --kernel: its command line"},
    {.name = "no-wait", .help = "do not wait until the image is ready"},
    {0},
};

static const struct ctl_option prune_options[] = {
    {.name = "keep", .value = "N", .help = "so many older versions stay besides the newest (0)"},
    {0},
};

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .help = "list images",
     .run = list,
     .fields = fields,
     .examples = "carrelctl image list"},
    {.verb = "show",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_VERSION},
     .run = show,
     .help = "show an image; when it failed, why",
     .details = "NAME alone is its newest version that is ready; NAME@N is one of them.",
     .examples = "carrelctl image show debian\ncarrelctl image show debian@2"},
    {.verb = "import",
     .words = "NAME FILE|DIR",
     .min_words = 2,
     .max_words = 2,
     .kinds = {WORDS_FREE, WORDS_FILE},
     .options = import_options,
     .run = import,
     .help = "make an image of a disk",
     .details =
         "FILE is a qcow2 or raw disk of any operating system with an RDP server and the QEMU guest agent;\n"
         "DIR is a folder that vmpool/image/build made, whose image.json answers the options. The disk is\n"
         "checked and copied; the file has to be readable for the user that carrel-vmpool runs as.",
     .examples = "carrelctl image import debian ./build/debian-13\n"
                 "carrelctl image import win11 /srv/win11.qcow2 --os windows-11 --guest-user desktop"},
    {.verb = "publish",
     .words = "NAME FILE|DIR",
     .min_words = 2,
     .max_words = 2,
     .kinds = {WORDS_IMAGE, WORDS_FILE},
     .options = import_options,
     .run = publish,
     .help = "make another version of an image",
     .details = "It becomes NAME@N with the next number. Pools stay as they are until they are rolled to it\n"
                "(carrelctl help pool roll). Options and FILE|DIR are those of 'image import'.",
     .examples =
         "carrelctl image publish debian ./build/debian-13\ncarrelctl pool roll office --image debian"},
    {.verb = "prune",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_IMAGE},
     .options = prune_options,
     .run = prune,
     .help = "delete old versions that nothing refers to",
     .details = "The newest version that is ready stays, and what a pool, a desktop or a roll uses.",
     .examples = "carrelctl image prune debian --keep 1"},
    {.verb = "delete",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_VERSION},
     .run = delete,
     .help = "delete an image",
     .details = "Refused while a pool or a desktop uses it.",
     .examples = "carrelctl image delete debian"},
    {0},
};

const struct ctl_noun ctl_image = {
    .name = "image",
    .help = "the golden disks that desktops are cloned from",
    .commands = commands,
};
