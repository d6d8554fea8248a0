#include "paint.h"

#include <string.h>

#include "suite.h"

enum { WIDTH = 800, HEIGHT = 600 };

static struct scene scene;
static struct paint *paint;

static void begin(const struct lobby_show *show, const char *typed)
{
    memset(&scene, 0, sizeof scene);
    scene_size(&scene, WIDTH, HEIGHT, 100);
    scene_show(&scene, show, 0);
    scene_type(&scene, typed);
    CU_ASSERT_EQUAL_FATAL(paint_create(&paint, WIDTH, HEIGHT), 0);
    paint_scene(paint, &scene, 0);
}

/* A fingerprint of what is seen. */
static uint64_t seen(void)
{
    uint64_t print = 0;
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < WIDTH; x++)
            print = print * 31 + (paint_pixels(paint)[y * paint_stride(paint) + x] & 0xffffff);
    paint_destroy(&paint);
    return print;
}

static uint64_t password_seen(const char *password)
{
    begin(&(struct lobby_show){.page = LOBBY_PAGE_LOGIN, .user = "ada"}, password);
    return seen();
}

static void a_password_is_not_in_the_picture(void)
{
    CU_ASSERT_EQUAL(password_seen("s3cret"), password_seen("xyzabc"));
    CU_ASSERT_EQUAL(password_seen("\xc3\xa4"), password_seen("W"));
    CU_ASSERT_NOT_EQUAL(password_seen("s3cret"), password_seen("s3cret!"));
}

static void what_cannot_be_pressed_looks_so(void)
{
    const struct rect *button = &scene.layout.parts[FORM_GO];
    begin(&(struct lobby_show){.page = LOBBY_PAGE_CODE}, "");
    size_t at = (size_t)(button->y + 4) * paint_stride(paint) + (size_t)(button->x + 20);
    uint32_t off = paint_pixels(paint)[at];
    paint_destroy(&paint);
    begin(&(struct lobby_show){.page = LOBBY_PAGE_CODE}, "123456");
    CU_ASSERT_NOT_EQUAL(paint_pixels(paint)[at], off);
    paint_destroy(&paint);
}

static void a_click_finds_the_place_in_the_text(void)
{
    const struct rect *field;
    begin(&(struct lobby_show){.page = LOBBY_PAGE_LOGIN, .user = "\xc3\xa4\xc3\xb6\xc3\xbc"}, "\xc3\xa4z");
    field = &scene.layout.parts[FORM_FIRST];
    CU_ASSERT_EQUAL(paint_caret_at(paint, &scene, FORM_FIRST, field->x), 0);
    CU_ASSERT_EQUAL(paint_caret_at(paint, &scene, FORM_FIRST, field->x + field->width - 1), 6);
    size_t at = 0;
    for (unsigned x = 0; x < (unsigned)field->width; x++) {
        size_t next = paint_caret_at(paint, &scene, FORM_FIRST, field->x + x);
        CU_ASSERT_TRUE(next == at || next == at + 2); /* between characters, from left to right */
        at = next;
    }
    /* Dots stand for characters, not for bytes. */
    CU_ASSERT_EQUAL(paint_caret_at(paint, &scene, FORM_SECOND, field->x), 0);
    CU_ASSERT_EQUAL(paint_caret_at(paint, &scene, FORM_SECOND, field->x + field->width - 1), 3);
    paint_destroy(&paint);
}

static void every_page_is_another_picture(void)
{
    uint64_t pages[LOBBY_PAGE_COUNT];
    for (unsigned i = 0; i < LOBBY_PAGE_COUNT; i++) {
        begin(&(struct lobby_show){.page = (enum lobby_page)i,
                                   .text = "The same words.",
                                   .pool_count = 2,
                                   .pools = {{.name = "a", .open = true}, {.name = "b", .reason = "No."}}},
              "");
        pages[i] = seen();
        for (unsigned k = 0; k < i; k++)
            CU_ASSERT_NOT_EQUAL(pages[i], pages[k]);
    }
}

SUITE("paint", TEST(a_password_is_not_in_the_picture), TEST(what_cannot_be_pressed_looks_so),
      TEST(a_click_finds_the_place_in_the_text), TEST(every_page_is_another_picture))
