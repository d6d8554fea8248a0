#include "scene.h"

#include <string.h>

#include "suite.h"

static struct scene scene;

static void begin(const struct lobby_show *show)
{
    memset(&scene, 0, sizeof scene);
    scene_size(&scene, 1024, 768, 100);
    scene_show(&scene, show, 0);
}

static void begin_choice(void)
{
    struct lobby_show show = {.page = LOBBY_PAGE_POOL, .pool_count = 12};
    for (unsigned i = 0; i < show.pool_count; i++) {
        show.pools[i].name[0] = (char)('a' + i);
        show.pools[i].open = i != 0;
        show.pools[i].current = i == 9;
    }
    begin(&show);
}

static void a_form_stays_as_it_is_unless_the_try_was_wrong(void)
{
    struct lobby_show show = {.page = LOBBY_PAGE_LOGIN, .user = "ada"};
    begin(&show);
    scene_type(&scene, "x");
    scene_show(&scene, &show, 5);
    CU_ASSERT_STRING_EQUAL(scene.form.fields[FORM_SECOND].text, "x");
    CU_ASSERT_EQUAL(scene_key(&scene, FORM_KEY_ENTER), FORM_SENT);
    show.bad = true;
    scene_show(&scene, &show, 6);
    CU_ASSERT_STRING_EQUAL(scene.form.fields[FORM_SECOND].text, "");
    CU_ASSERT_EQUAL(scene_type(&scene, "y"), FORM_CHANGED);
}

static void no_secret_outlives_its_page(void)
{
    static const char zeros[FORM_FIELD_SIZE];
    begin(&(struct lobby_show){.page = LOBBY_PAGE_LOGIN, .user = "ada"});
    scene_type(&scene, "s3cret");
    scene_show(&scene, &(struct lobby_show){.page = LOBBY_PAGE_WAIT}, 1);
    CU_ASSERT_EQUAL(memcmp(scene.form.fields[FORM_SECOND].text, zeros, sizeof zeros), 0);
}

static void two_passwords_that_differ_are_told_until_the_next_key(void)
{
    bool bad;
    begin(&(struct lobby_show){.page = LOBBY_PAGE_NEW_PASSWORD, .text = "Expired."});
    CU_ASSERT_STRING_EQUAL(scene_text(&scene, &bad), "Expired.");
    CU_ASSERT_FALSE(bad);
    scene_type(&scene, "one");
    scene_key(&scene, FORM_KEY_TAB);
    scene_type(&scene, "two");
    CU_ASSERT_EQUAL(scene_key(&scene, FORM_KEY_ENTER), FORM_DIFFERENT);
    CU_ASSERT_NOT_EQUAL(strcmp(scene_text(&scene, &bad), "Expired."), 0);
    CU_ASSERT_TRUE(bad);
    scene_type(&scene, "o");
    CU_ASSERT_STRING_EQUAL(scene_text(&scene, &bad), "Expired.");
}

static void caps_lock_is_told_where_a_secret_is_typed(void)
{
    begin(&(struct lobby_show){.page = LOBBY_PAGE_LOGIN});
    scene.caps_lock = true;
    CU_ASSERT_STRING_EQUAL(scene_hint(&scene), "");
    scene_key(&scene, FORM_KEY_TAB);
    CU_ASSERT_STRING_NOT_EQUAL(scene_hint(&scene), "");
    scene.caps_lock = false;
    CU_ASSERT_STRING_EQUAL(scene_hint(&scene), "");
}

static void the_pool_with_the_session_is_chosen_and_in_sight(void)
{
    begin_choice();
    CU_ASSERT_EQUAL(scene.form.list.chosen, 9);
    CU_ASSERT_TRUE(scene.form.list.top > 0);
    CU_ASSERT_TRUE(scene.form.list.top + scene.layout.rows > 9);
}

static void rows_are_clicked_where_they_are_seen(void)
{
    begin_choice();
    const struct rect *list = &scene.layout.parts[FORM_LIST];
    double x = list->x + 5, y = list->y + 1.5 * scene.layout.row_height;
    unsigned row = scene.form.list.top + 1;
    CU_ASSERT_EQUAL(scene_click(&scene, x, y, 0, 1000), FORM_CHANGED);
    CU_ASSERT_EQUAL(scene.form.list.chosen, row);
    CU_ASSERT_EQUAL(scene_click(&scene, x, y, 0, 9000), FORM_SAME); /* too late for a double click */
    CU_ASSERT_EQUAL(scene_click(&scene, x, y, 0, 9200), FORM_SENT);
}

static void a_closed_row_tells_its_whole_reason(void)
{
    bool bad;
    begin(&(struct lobby_show){
        .page = LOBBY_PAGE_POOL,
        .text = "Which one?",
        .pool_count = 2,
        .pools = {{.name = "a", .reason = "Not at night."}, {.name = "b", .open = true}}});
    const struct rect *list = &scene.layout.parts[FORM_LIST];
    CU_ASSERT_EQUAL(scene_click(&scene, list->x + 5, list->y + 5, 0, 1), FORM_CHANGED);
    CU_ASSERT_STRING_EQUAL(scene_text(&scene, &bad), "Not at night.");
    CU_ASSERT_EQUAL(scene.form.list.chosen, 1);
    scene_key(&scene, FORM_KEY_TAB);
    CU_ASSERT_STRING_EQUAL(scene_text(&scene, &bad), "Which one?");
}

static void the_bar_moves_with_the_time(void)
{
    begin(&(struct lobby_show){.page = LOBBY_PAGE_WAIT, .percent = 40, .seconds = 10});
    CU_ASSERT_EQUAL(scene_left_s(&scene, 0), 10);
    CU_ASSERT_EQUAL(scene_left_s(&scene, 4000), 6);
    CU_ASSERT_EQUAL(scene_left_s(&scene, 60000), 1);
    CU_ASSERT_TRUE(scene_percent(&scene, 5000) > 69 && scene_percent(&scene, 5000) < 71);
    CU_ASSERT_TRUE(scene_percent(&scene, 60000) < 100);
}

SUITE("scene", TEST(a_form_stays_as_it_is_unless_the_try_was_wrong), TEST(no_secret_outlives_its_page),
      TEST(two_passwords_that_differ_are_told_until_the_next_key),
      TEST(caps_lock_is_told_where_a_secret_is_typed), TEST(the_pool_with_the_session_is_chosen_and_in_sight),
      TEST(rows_are_clicked_where_they_are_seen), TEST(a_closed_row_tells_its_whole_reason),
      TEST(the_bar_moves_with_the_time))
