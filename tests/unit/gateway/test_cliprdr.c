#include "cliprdr.h"

#include <string.h>

#include "suite.h"

static size_t begin(struct writer *w, uint16_t type, uint16_t flags)
{
    writer_u16_le(w, type);
    writer_u16_le(w, flags);
    size_t at = writer_len(w);
    writer_u32_le(w, 0);
    return at;
}

static void end(struct writer *w, size_t at)
{
    put_u32_le(w->start + at, (uint32_t)(writer_len(w) - at - 4));
}

static void long_name(struct writer *w, uint32_t id, const char *name)
{
    writer_u32_le(w, id);
    for (const char *c = name; *c; c++)
        writer_u16_le(w, (uint8_t)*c);
    writer_u16_le(w, 0);
}

static void short_name(struct writer *w, uint32_t id, const char *name, bool ascii)
{
    writer_u32_le(w, id);
    uint8_t *room = writer_take(w, 32);
    memset(room, 0, 32);
    for (size_t i = 0; name[i] && i < (ascii ? 32 : 16); i++)
        room[ascii ? i : 2 * i] = (uint8_t)name[i];
}

static void reads_the_beginning_of_a_message(void)
{
    static const uint8_t bytes[] = {4, 0, 1, 0, 4, 0, 0, 0, 13, 0, 0, 0};
    struct cliprdr_header header;
    CU_ASSERT_EQUAL_FATAL(cliprdr_parse(bytes, sizeof bytes, &header), 0);
    CU_ASSERT_EQUAL(header.type, CLIPRDR_DATA_REQUEST);
    CU_ASSERT_EQUAL(header.flags, CLIPRDR_OK);
    CU_ASSERT_EQUAL(header.data_len, 4);
    CU_ASSERT_EQUAL(header.number, 13);
    CU_ASSERT_EQUAL(cliprdr_parse(bytes, 8, &header), 0);
    CU_ASSERT_EQUAL(header.number, 0);
    CU_ASSERT_EQUAL(cliprdr_parse(bytes, 7, &header), CE_BAD_INPUT);
}

static void takes_files_out_of_a_list_with_long_names(void)
{
    uint8_t bytes[512], wanted[512];
    struct writer w = writer_init(bytes, sizeof bytes), v = writer_init(wanted, sizeof wanted);
    size_t at = begin(&w, CLIPRDR_FORMAT_LIST, 0);
    long_name(&w, 13, "");
    long_name(&w, 0xc0bc, "FileGroupDescriptorW");
    long_name(&w, 0xc0ba, "FileContents");
    long_name(&w, 0xc0c1, "HTML Format");
    long_name(&w, 15, "");
    end(&w, at);
    at = begin(&v, CLIPRDR_FORMAT_LIST, 0);
    long_name(&v, 13, "");
    long_name(&v, 0xc0c1, "HTML Format");
    end(&v, at);
    struct cliprdr_formats removed;
    size_t len = writer_len(&w);
    CU_ASSERT_EQUAL(cliprdr_remove_files(bytes, &len, true, &removed), 0);
    CU_ASSERT_EQUAL_FATAL(len, writer_len(&v));
    CU_ASSERT_EQUAL(memcmp(bytes, wanted, len), 0);
    CU_ASSERT_EQUAL_FATAL(removed.count, 3);
    CU_ASSERT_EQUAL(removed.ids[0], 0xc0bc);
    CU_ASSERT_EQUAL(removed.ids[2], 15);
}

static void takes_files_out_of_lists_with_short_names(void)
{
    for (int ascii = 0; ascii < 2; ascii++) {
        uint8_t bytes[512];
        struct cliprdr_formats removed;
        struct writer w = writer_init(bytes, sizeof bytes);
        size_t at = begin(&w, CLIPRDR_FORMAT_LIST, ascii ? CLIPRDR_ASCII_NAMES : 0);
        short_name(&w, 1, "", ascii);
        short_name(&w, 0xc001, "FileContents", ascii);
        end(&w, at);
        size_t len = writer_len(&w);
        CU_ASSERT_EQUAL(cliprdr_remove_files(bytes, &len, false, &removed), 0);
        CU_ASSERT_EQUAL(len, 8 + 36);
        CU_ASSERT_EQUAL(removed.count, 1);
    }
}

static void zeroes_that_fill_the_chunk_do_not_matter(void)
{
    uint8_t bytes[64] = {0};
    struct cliprdr_formats removed;
    struct writer w = writer_init(bytes, sizeof bytes);
    size_t at = begin(&w, CLIPRDR_FORMAT_LIST, 0);
    long_name(&w, 13, "");
    end(&w, at);
    size_t len = writer_len(&w) + 4;
    CU_ASSERT_EQUAL(cliprdr_remove_files(bytes, &len, true, &removed), 0);
    CU_ASSERT_EQUAL(len, 8 + 6);
}

static void refuses_lists_that_are_not_whole(void)
{
    uint8_t whole[512], bytes[512];
    struct cliprdr_formats removed;
    struct writer w = writer_init(whole, sizeof whole);
    size_t at = begin(&w, CLIPRDR_FORMAT_LIST, 0), len;
    long_name(&w, 0xc0bc, "FileGroupDescriptorW");
    end(&w, at);
    for (len = 0; len < writer_len(&w); len++) {
        size_t cut = len;
        memcpy(bytes, whole, sizeof whole);
        CU_ASSERT_EQUAL(cliprdr_remove_files(bytes, &cut, true, &removed), CE_BAD_INPUT);
    }
    put_u32_le(whole + at, 20); /* ends inside the name */
    len = writer_len(&w);
    CU_ASSERT_EQUAL(cliprdr_remove_files(whole, &len, true, &removed), CE_BAD_INPUT);
}

static void refuses_more_file_formats_than_it_remembers(void)
{
    uint8_t bytes[512];
    struct cliprdr_formats removed;
    struct writer w = writer_init(bytes, sizeof bytes);
    size_t at = begin(&w, CLIPRDR_FORMAT_LIST, 0);
    for (uint32_t i = 0; i <= CLIPRDR_FILE_FORMATS_MAX; i++)
        long_name(&w, 100 + i, "FileName");
    end(&w, at);
    size_t len = writer_len(&w);
    CU_ASSERT_EQUAL(cliprdr_remove_files(bytes, &len, true, &removed), CE_LIMIT);
}

static void changes_the_general_capabilities(void)
{
    static const uint8_t caps[] = {7, 0, 0,  0, 16, 0, 0, 0, 1,    0, 0, 0,
                                   1, 0, 12, 0, 2,  0, 0, 0, 0x3e, 0, 0, 0};
    uint8_t bytes[sizeof caps];
    uint32_t flags = 0;
    memcpy(bytes, caps, sizeof caps);
    CU_ASSERT_EQUAL(cliprdr_caps_change(bytes, sizeof bytes, CLIPRDR_CAPS_OF_FILES, &flags), 0);
    CU_ASSERT_EQUAL(flags, 0x3e);
    CU_ASSERT_EQUAL(bytes[20], CLIPRDR_LONG_NAMES);
    for (size_t cut = 0; cut < sizeof caps; cut++)
        CU_ASSERT_EQUAL(cliprdr_caps_change(bytes, cut, 0, &flags), CE_NOT_FOUND);
    bytes[14] = 3; /* a set that is shorter than its own header */
    CU_ASSERT_EQUAL(cliprdr_caps_change(bytes, sizeof bytes, 0, &flags), CE_NOT_FOUND);
}

static void writes_answers(void)
{
    uint8_t bytes[CLIPRDR_ANSWER_MAX_LEN];
    struct writer w = writer_init(bytes, sizeof bytes);
    cliprdr_write(&w, CLIPRDR_DATA_RESPONSE, CLIPRDR_FAIL);
    CU_ASSERT_EQUAL(memcmp(bytes, "\5\0\2\0\0\0\0\0", writer_len(&w)), 0);
    w = writer_init(bytes, sizeof bytes);
    cliprdr_write_no_file(&w, 0x01020304);
    CU_ASSERT_TRUE(writer_ok(&w));
    CU_ASSERT_EQUAL(memcmp(bytes, "\x9\0\2\0\4\0\0\0\4\3\2\1", writer_len(&w)), 0);
}

SUITE("cliprdr", TEST(reads_the_beginning_of_a_message), TEST(takes_files_out_of_a_list_with_long_names),
      TEST(takes_files_out_of_lists_with_short_names), TEST(zeroes_that_fill_the_chunk_do_not_matter),
      TEST(refuses_lists_that_are_not_whole), TEST(refuses_more_file_formats_than_it_remembers),
      TEST(changes_the_general_capabilities), TEST(writes_answers))
