/* Every page of the lobby as a PNG, by the lobby's own code: lobby_pictures FOLDER [WIDTH HEIGHT SCALE-PERCENT].
 * For people who change how it looks; without a size, at all those that it should look well at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>

#include "paint.h"
#include "scene.h"

struct size {
    unsigned width, height, scale_percent;
};

static const struct size sizes[] = {{800, 600, 100},   {1024, 768, 100}, {1920, 1080, 100},
                                    {3840, 2160, 100}, {1024, 768, 200}, {1920, 1080, 200},
                                    {3840, 2160, 200}, {640, 480, 100},  {480, 800, 100}};

struct shot {
    const char *name;
    struct lobby_show show;
    const char *typed; /* a tab goes to the next field */
    enum form_key key;
    bool caps_lock;
};

#define SENTENCE                                                                                             \
    "The new password has to be at least 12 characters long, must not contain your name, and must not be "   \
    "one of the five that you had before. Please choose another one, for example four words that have "      \
    "nothing to do with each other."

static const struct shot shots[] = {
    {"wait-unknown",
     {.page = LOBBY_PAGE_WAIT, .text = "Your user name and password are being checked."},
     "",
     0,
     false},
    {"wait",
     {.page = LOBBY_PAGE_WAIT,
      .text = "Your desktop is starting. Your place in the queue is 3.",
      .session = "s-4f2a9c0d11e37b65",
      .percent = 40,
      .seconds = 75},
     "",
     0,
     false},
    {"notice",
     {.page = LOBBY_PAGE_NOTICE,
      .text = "The pool cannot start desktops at the moment. Its administrator can see why.",
      .session = "s-4f2a9c0d11e37b65"},
     "",
     0,
     false},
    {"login-empty", {.page = LOBBY_PAGE_LOGIN}, "", 0, false},
    {"login-caps",
     {.page = LOBBY_PAGE_LOGIN, .user = "j\xc3\xbcrgen.gro\xc3\x9f@example.org"},
     "geheim",
     0,
     true},
    {"login-wrong",
     {.page = LOBBY_PAGE_LOGIN,
      .user = "anna",
      .bad = true,
      .text = "The user name or the password is not right."},
     "",
     0,
     false},
    {"login-arabic",
     {.page = LOBBY_PAGE_LOGIN,
      .user = "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7 \xd8\xb9\xd8\xa7\xd9\x84\xd9\x85"},
     "",
     FORM_KEY_TAB,
     false},
    {"login-cjk",
     {.page = LOBBY_PAGE_LOGIN, .user = "\xe5\xb1\xb1\xe7\x94\xb0\xe8\x8a\xb1\xe5\xad\x90"},
     "x",
     0,
     false},
    {"login-long",
     {.page = LOBBY_PAGE_LOGIN},
     "CORPORATE-DIRECTORY\\a.very.long.user.name.that.does.not.fit@subsidiary.example.org",
     0,
     false},
    {"code",
     {.page = LOBBY_PAGE_CODE, .text = "The six digits that your app shows, please."},
     "314159",
     0,
     false},
    {"code-wrong",
     {.page = LOBBY_PAGE_CODE,
      .bad = true,
      .text = "That code is not right. Wait for the next one if it has just changed."},
     "",
     0,
     false},
    {"password",
     {.page = LOBBY_PAGE_NEW_PASSWORD,
      .text = "Your password has expired. Choose a new one of at least 12 characters."},
     "one\ttwo",
     0,
     false},
    {"password-differs", {.page = LOBBY_PAGE_NEW_PASSWORD, .text = ""}, "one\ttwo", FORM_KEY_ENTER, true},
    {"password-long", {.page = LOBBY_PAGE_NEW_PASSWORD, .bad = true, .text = SENTENCE}, "", 0, false},
    {"pools",
     {.page = LOBBY_PAGE_POOL,
      .text = "Which desktop would you like?",
      .pool_count = 4,
      .pools = {{"design", "Workstations with graphics, for the design team", "", 3, true, false},
                {"lab", "Measuring room", "Your desktop is not open at this time of the day.", 0, false,
                 false},
                {"office", "The usual desktop", "", 12, true, true},
                {"tests", "", "", 0, true, false}}},
     "",
     0,
     false},
    {"pools-closed",
     {.page = LOBBY_PAGE_POOL,
      .text = "None of your desktops can be used at the moment.",
      .bad = true,
      .pool_count = 2,
      .pools = {{"lab", "", "Your desktop is not open at this time of the day.", 0, false, false},
                {"office", "",
                 "The pool is closed at the moment, because its image is being replaced; it opens again on "
                 "Monday at 8:00.",
                 0, false, false}}},
     "",
     0,
     false},
};

static void pools_many(struct lobby_show *ret)
{
    *ret = (struct lobby_show){.page = LOBBY_PAGE_POOL, .pool_count = LOBBY_POOLS_MAX};
    for (unsigned i = 0; i < LOBBY_POOLS_MAX; i++) {
        struct lobby_pool *pool = &ret->pools[i];
        snprintf(
            pool->name, sizeof pool->name,
            i == 20 ? "a-name-as-long-as-one-may-be-%02u-abcdefghijklmnopqrstuvwxyz0123456" : "pool-%02u", i);
        snprintf(pool->description, sizeof pool->description,
                 "Desktops of department %u, with everything that they need and a description that is longer "
                 "than a line",
                 i);
        snprintf(pool->reason, sizeof pool->reason, "Your desktop cannot be used from this network.");
        pool->open = i % 5 != 1;
        pool->ready = i % 4 * 7;
        pool->current = i == 19;
    }
}

static int shot_save(const struct shot *shot, const struct size *size, const char *folder)
{
    static struct scene scene;
    struct paint *paint;
    char path[4096];
    memset(&scene, 0, sizeof scene);
    if (paint_create(&paint, size->width, size->height))
        return 1;
    scene_size(&scene, size->width, size->height, size->scale_percent);
    scene_show(&scene, &shot->show, 0);
    scene.caps_lock = shot->caps_lock;
    for (const char *c = shot->typed; *c; c++) {
        const char one[2] = {*c, '\0'};
        if (*c == '\t')
            (void)scene_key(&scene, FORM_KEY_TAB);
        else
            (void)scene_type(&scene, one);
    }
    if (shot->key != FORM_KEY_TAB || !strcmp(shot->name, "login-arabic"))
        (void)scene_key(&scene, shot->key);
    paint_scene(paint, &scene, 0);
    snprintf(path, sizeof path, "%s/%s-%ux%u-%u.png", folder, shot->name, size->width, size->height,
             size->scale_percent);
    cairo_surface_t *picture = cairo_image_surface_create_for_data(
        (unsigned char *)(uintptr_t)paint_pixels(paint), CAIRO_FORMAT_RGB24, (int)size->width,
        (int)size->height, (int)paint_stride(paint) * 4);
    cairo_status_t status = cairo_surface_write_to_png(picture, path);
    if (status != CAIRO_STATUS_SUCCESS)
        fprintf(stderr, "%s: %s\n", path, cairo_status_to_string(status));
    cairo_surface_destroy(picture);
    paint_destroy(&paint);
    return status != CAIRO_STATUS_SUCCESS;
}

static int size_save(const struct size *size, const char *folder)
{
    static struct shot many = {.name = "pools-many", .typed = ""};
    int failed = 0;
    pools_many(&many.show);
    for (size_t i = 0; i < sizeof shots / sizeof shots[0]; i++)
        failed |= shot_save(&shots[i], size, folder);
    return failed | shot_save(&many, size, folder);
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc != 2 && argc != 5) {
        fprintf(stderr, "usage: lobby_pictures FOLDER [WIDTH HEIGHT SCALE-PERCENT]\n");
        return 2;
    }
    if (argc == 5) {
        const struct size size = {(unsigned)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10),
                                  (unsigned)strtoul(argv[4], NULL, 10)};
        return size_save(&size, argv[1]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        failed |= size_save(&sizes[i], argv[1]);
    return failed;
}
