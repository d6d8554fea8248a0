#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "suite.h"

#define GOOD                                                                                                 \
    "<domain "                                                                                               \
    "type='${virt}'>\n<name>${name}</name><uuid>${uuid}</uuid>${metadata}\n<a>${disk}</a>${commandline}</"   \
    "domain>\n"

static const struct guest_spec sample = {.name = "demo-1",
                                         .uuid = "11111111-2222-4333-8444-555555abcdef",
                                         .genid = "g",
                                         .pool = "demo",
                                         .installation = "inst",
                                         .desktop_id = "d-1",
                                         .epoch = 7,
                                         .disk = "/d",
                                         .serial_log = "/s",
                                         .kernel = "",
                                         .initrd = "",
                                         .cmdline = "",
                                         .network = "user",
                                         .vcpus = 2,
                                         .memory_mib = 768,
                                         .address = "192.0.2.7",
                                         .port = 42001};

static void refuses(const char *text, int code, const char *words)
{
    struct template *template = NULL;
    struct error err = {0};
    CU_ASSERT_EQUAL(template_parse(&template, "domain.xml", text, &err), code);
    CU_ASSERT_PTR_NULL(template);
    if (!strstr(err.text, words))
        printf("\n\"%s\" is not in \"%s\"\n", words, err.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
}

static char *expand(const char *text, const struct guest_spec *spec)
{
    struct template *template = NULL;
    struct error err = {0};
    if (template_parse(&template, "domain.xml", text, &err)) {
        printf("%s\n", err.text);
        return strdup("");
    }
    char *xml = template_expand(template, spec);
    template_destroy(&template);
    return xml;
}

static void says_the_line_of_an_unknown_placeholder(void)
{
    refuses("<domain>\n${name}${uuid}${metadata}${disk}\n${nmae}</domain>", CE_BAD_INPUT,
            "domain.xml:3: unknown placeholder ${nmae}");
}

static void says_the_line_of_a_placeholder_that_is_not_closed(void)
{
    refuses("<domain>\n${name</domain>", CE_BAD_INPUT, "domain.xml:2: a placeholder is not closed");
    refuses("<domain>${", CE_BAD_INPUT, "domain.xml:1: a placeholder is not closed");
}

static void demands_what_makes_a_guest_ours(void)
{
    refuses("<domain>${name}${uuid}${disk}</domain>", CE_BAD_INPUT, "${metadata} must be there exactly once");
    refuses("<domain>${name}${uuid}${disk}${disk}${metadata}</domain>", CE_BAD_INPUT,
            "${disk} must be there exactly once");
}

static void says_the_line_where_the_xml_is_not_well_formed(void)
{
    refuses("<domain>\n<name>${name}</name>\n<uuid>${uuid}</uid>\n${metadata}${disk}</domain>", CE_BAD_INPUT,
            "domain.xml:3:");
    refuses("<domain>\n<name>${name}</name>\n<uuid>${uuid}</uuid>\n${metadata}${disk}", CE_BAD_INPUT,
            "domain.xml:4:");
}

static void demands_a_domain(void)
{
    refuses("<network>${name}${uuid}${disk}${metadata}</network>", CE_BAD_INPUT, "must be <domain>");
}

static void values_are_escaped(void)
{
    struct guest_spec spec = sample;
    spec.disk = "/a'b\"<&>";
    char *xml = expand(GOOD, &spec);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<a>/a&apos;b&quot;&lt;&amp;&gt;</a>"));
    free(xml);
}

static void marks_the_domain_as_ours(void)
{
    char *xml = expand(GOOD, &sample);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<metadata><carrel:desktop xmlns:carrel='" CARREL_METADATA_NS
                                       "' installation='inst' id='d-1' epoch='7'/></metadata>"));
    free(xml);
}

static void forwards_a_loopback_port_on_a_user_network(void)
{
    char *xml = expand(GOOD, &sample);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "restrict=on,hostfwd=tcp:192.0.2.7:42001-:3389"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "mac=52:54:00:ca:44:e1"));
    free(xml);
}

static void a_written_memory_is_reached_where_its_guest_goes_on(void)
{
    struct guest_spec there = sample;
    there.address = "198.51.100.20";
    there.port = 9;
    char *xml = expand(GOOD, &sample);
    char *expected = expand(GOOD, &there);
    char *changed = template_set_forward(xml, there.address, there.port);
    CU_ASSERT_STRING_EQUAL(changed, expected);
    free(changed);
    free(xml);
    free(expected);

    /* What a template of one's own forwards is none of ours. */
    static const char other[] = "<qemu:arg value='user,id=more,hostfwd=tcp:192.0.2.7:42001-:3389'/>";
    changed = template_set_forward(other, there.address, there.port);
    CU_ASSERT_STRING_EQUAL(changed, other);
    free(changed);
}

static char *expand_shipped(const char *name, const struct guest_spec *spec)
{
    struct template *template = NULL;
    struct error err = {0};
    char path[256];
    snprintf(path, sizeof path, CARREL_SOURCE_DIR "/config/%s", name);
    int rc = template_load(&template, path, &err);
    CU_ASSERT_EQUAL(rc, 0);
    if (rc)
        return strdup("");
    char *xml = template_expand(template, spec);
    template_destroy(&template);
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), "x", NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    CU_ASSERT_PTR_NOT_NULL(doc);
    xmlFreeDoc(doc);
    CU_ASSERT_PTR_NULL(strstr(xml, "${"));
    return xml;
}

static void the_shipped_template_fills_for_both_networks_and_both_ways_to_boot(void)
{
    struct guest_spec spec = sample;
    char *xml = expand_shipped("domain.xml", &spec);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<boot dev='hd'/>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "type='qemu'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<tb-cache unit='MiB'>256</tb-cache>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "cache='unsafe'"));
    free(xml);
    spec.fork = true;
    xml = expand_shipped("domain.xml", &spec);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<tb-cache unit='MiB'>128</tb-cache>"));
    free(xml);
    spec.warm = true;
    xml = expand_shipped("domain.xml", &spec);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<tb-cache unit='MiB'>96</tb-cache>"));
    free(xml);
    spec.fork = spec.warm = false;
    spec.network = "desktops";
    spec.kernel = "/k";
    spec.initrd = "/i";
    spec.cmdline = "root=/dev/vda";
    spec.kvm = true;
    spec.keep = true;
    xml = expand_shipped("domain.xml", &spec);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<source network='desktops'/>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<port isolated='yes'/>"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(xml, "<kernel>/k</kernel><initrd>/i</initrd><cmdline>root=/dev/vda</cmdline>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "type='kvm'"));
    CU_ASSERT_PTR_NULL(strstr(xml, "tb-cache"));
    CU_ASSERT_PTR_NULL(strstr(xml, "hostfwd"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "cache='writeback'"));
    free(xml);
}

static void the_one_for_windows_has_what_windows_wants(void)
{
    struct guest_spec spec = sample;
    spec.nvram = "/d.nvram";
    spec.one_socket = true;
    spec.vcpus = 4;
    char *xml = expand_shipped("domain-windows.xml", &spec);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<nvram>/d.nvram</nvram>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<topology sockets='1' dies='1' cores='4' threads='1'/>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "name='secure-boot'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "persistent_state='no'"));
    CU_ASSERT_PTR_NULL(strstr(xml, "hyperv")); /* of no use without KVM */
    free(xml);
    spec.kvm = true;
    spec.keep = true;
    xml = expand_shipped("domain-windows.xml", &spec);
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<hyperv mode='custom'>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<timer name='hypervclock' present='yes'/>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(xml, "persistent_state='yes'"));
    free(xml);
}

static void a_file_that_is_missing_or_too_large_is_refused(void)
{
    struct template *template = NULL;
    struct error err = {0};
    CU_ASSERT_EQUAL(template_load(&template, "/nonexistent/domain.xml", &err), CE_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nonexistent/domain.xml"));
    CU_ASSERT_EQUAL(template_load(&template, "/dev/zero", &err), CE_LIMIT);
}

/* Both map the same file; only the golden guest changes it. */
static void a_fork_maps_the_memory_for_itself_and_waits_for_its_state(void)
{
    struct guest_spec spec = sample;
    spec.ram_file = "/g/a,b.ram";
    char *golden = expand(GOOD, &spec);
    spec.fork = true;
    char *fork = expand(GOOD, &spec);
    spec.far = true;
    char *far = expand(GOOD, &spec);
    CU_ASSERT_PTR_NOT_NULL(strstr(golden, "mem-path=/g/a,,b.ram,size=768M,share=on"));
    CU_ASSERT_PTR_NULL(strstr(golden, "-incoming"));
    CU_ASSERT_PTR_NOT_NULL(strstr(fork, "mem-path=/g/a,,b.ram,size=768M,share=off"));
    CU_ASSERT_PTR_NOT_NULL(strstr(fork, "'-incoming'/><qemu:arg value='defer'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(fork, "<qemu:del capability='cpu-unavailable-features'/>"));
    CU_ASSERT_PTR_NOT_NULL(strstr(far, "size=768M,share=off"));
    CU_ASSERT_PTR_NULL(strstr(far, "-incoming")); /* nobody there could hand it its state */
    free(golden);
    free(fork);
    free(far);
}

static void a_card_that_comes_later_is_the_same_card(void)
{
    static const char text[] = "<domain><name>${name}</name><uuid>${uuid}</uuid>${metadata}<a>${disk}</a>"
                               "${interface}</domain>";
    struct guest_spec spec = sample;
    spec.network = "lan<1>";
    char *now = expand(text, &spec);
    spec.nic_later = true;
    char *later = expand(text, &spec);
    char *card = template_interface(spec.network, spec.uuid);
    CU_ASSERT_PTR_NOT_NULL_FATAL(card);
    CU_ASSERT_PTR_NOT_NULL(strstr(now, card));
    CU_ASSERT_PTR_NOT_NULL(strstr(card, "isolated='yes'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(card, "lan&lt;1&gt;"));
    CU_ASSERT_PTR_NULL(strstr(later, "<interface"));
    free(now);
    free(later);
    free(card);
}

static void tells_whether_it_has_a_channel(void)
{
    static const char *const names[] = {"name='org.qemu.guest_agent.0'", "name=\"org.qemu.guest_agent.0\"",
                                        "name='org.carrel.session.0'"};
    for (int i = 0; i < 3; i++) {
        char text[300];
        struct template *template = NULL;
        struct error err;
        snprintf(text, sizeof text,
                 "<domain><name>${name}</name><uuid>${uuid}</uuid>${metadata}<a>${disk}</a>"
                 "<channel type='unix'><target type='virtio' %s/></channel></domain>",
                 names[i]);
        CU_ASSERT_EQUAL_FATAL(template_parse(&template, "domain.xml", text, &err), 0);
        CU_ASSERT_EQUAL(template_has_channel(template, "org.qemu.guest_agent.0"), i < 2);
        template_destroy(&template);
    }
}

SUITE("template", TEST(says_the_line_of_an_unknown_placeholder),
      TEST(says_the_line_of_a_placeholder_that_is_not_closed), TEST(demands_what_makes_a_guest_ours),
      TEST(says_the_line_where_the_xml_is_not_well_formed), TEST(demands_a_domain), TEST(values_are_escaped),
      TEST(marks_the_domain_as_ours), TEST(forwards_a_loopback_port_on_a_user_network),
      TEST(a_written_memory_is_reached_where_its_guest_goes_on),
      TEST(the_shipped_template_fills_for_both_networks_and_both_ways_to_boot),
      TEST(the_one_for_windows_has_what_windows_wants), TEST(a_file_that_is_missing_or_too_large_is_refused),
      TEST(a_fork_maps_the_memory_for_itself_and_waits_for_its_state),
      TEST(a_card_that_comes_later_is_the_same_card), TEST(tells_whether_it_has_a_channel))
