#include "golden_shape.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden_files.h"
#include "suite.h"

#define GOOD                                                                                                 \
    "<domain type='${virt}'><name>${name}</name><uuid>${uuid}</uuid>${metadata}<os><type arch='x86_64' "     \
    "machine='q35'>hvm</type>${boot}</os>${cpu}<vcpu>${vcpus}</vcpu><a>${disk}</"                            \
    "a>${interface}${commandline}</domain>"

/* What a test changes; the rest is a host and a pool that instant clones can be made on. */
static struct pool_row pool;
static struct image_row image;
static struct host_row host;
static struct golden_shape shape;

static void start(const char *text)
{
    struct error err = {0};
    struct template *template = NULL;
    int rc = template_parse(&template, "domain.xml", text, &err);
    CU_ASSERT_EQUAL(rc, 0);
    pool = (struct pool_row){.network = "user", .vcpus = 2, .memory_mib = 768};
    image = (struct image_row){.id = "i-1", .guest_user = "desktop"};
    host = (struct host_row){.id = "h-1",
                             .uri = "qemu:///system",
                             .storage = "shared",
                             .hypervisor_version = "QEMU 7.2.0",
                             .libvirt_version = "9.0.0"};
    shape = (struct golden_shape){.template = template,
                                  .installation = "inst",
                                  .pool = &pool,
                                  .image = &image,
                                  .kernel = "",
                                  .initrd = "",
                                  .host = &host,
                                  .processor = "p1"};
}

static void finish(void)
{
    struct template *template = (struct template *)(uintptr_t)shape.template;
    template_destroy(&template);
}

static void name_now(char ret[ID_SIZE])
{
    char uuid[37];
    struct error err = {0};
    ret[0] = 0;
    CU_ASSERT_EQUAL(golden_shape_name(&shape, ret, uuid, &err), 0);
    CU_ASSERT_TRUE(golden_id_is_valid(ret));
    CU_ASSERT_EQUAL(strlen(uuid), 36);
    CU_ASSERT_EQUAL(uuid[14], '4');
}

static void cannot(const char *words)
{
    char id[ID_SIZE], uuid[37];
    struct error err = {0};
    CU_ASSERT_EQUAL(golden_shape_name(&shape, id, uuid, &err), CE_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
}

static void the_same_shape_has_the_same_name(void)
{
    char first[ID_SIZE], second[ID_SIZE];
    start(GOOD);
    name_now(first);
    snprintf(pool.name, sizeof pool.name, "another"); /* pools of one shape share a golden guest */
    name_now(second);
    CU_ASSERT_STRING_EQUAL(first, second);
    finish();
}

static void whatever_a_clone_must_have_in_common_changes_the_name(void)
{
    char before[ID_SIZE], after[ID_SIZE];
    start(GOOD);
#define CHANGES(statement)                                                                                   \
    do {                                                                                                     \
        name_now(before);                                                                                    \
        statement;                                                                                           \
        name_now(after);                                                                                     \
        CU_ASSERT_STRING_NOT_EQUAL(before, after);                                                           \
    } while (0)
    CHANGES(snprintf(image.id, sizeof image.id, "i-2"));
    CHANGES(snprintf(host.hypervisor_version, sizeof host.hypervisor_version, "QEMU 7.2.1"));
    CHANGES(snprintf(host.id, sizeof host.id, "h-2"));
    CHANGES(pool.memory_mib = 512);
    CHANGES(pool.vcpus = 1);
    CHANGES(pool.warm = true);
    CHANGES(snprintf(pool.network, sizeof pool.network, "lan"));
    CHANGES(shape.kvm = true); /* and with it the model of the processor */
    CHANGES(shape.kernel = "/k");
    CHANGES(shape.processor = "p2"); /* on KVM it is the guest's, too */
    finish();
}

static void software_emulation_shows_guests_nothing_of_the_hosts_processor(void)
{
    char first[ID_SIZE], second[ID_SIZE];
    start(GOOD);
    name_now(first);
    shape.processor = "p2";
    name_now(second);
    CU_ASSERT_STRING_EQUAL(first, second);
    finish();
}

static void a_machine_type_of_another_version_is_another_shape(void)
{
    char q35[ID_SIZE], older[ID_SIZE];
    start(GOOD);
    name_now(q35);
    finish();
    start("<domain type='${virt}'><name>${name}</name><uuid>${uuid}</uuid>${metadata}<os><type arch='x86_64' "
          "machine='pc-q35-6.2'>hvm</type></os>${cpu}<a>${disk}</a>${interface}${commandline}</domain>");
    name_now(older);
    CU_ASSERT_STRING_NOT_EQUAL(q35, older);
    finish();
}

static void pools_on_different_networks_share_a_golden_guest_without_a_card(void)
{
    char first[ID_SIZE], second[ID_SIZE];
    start(GOOD);
    snprintf(pool.network, sizeof pool.network, "lan");
    name_now(first);
    snprintf(pool.network, sizeof pool.network, "other");
    name_now(second);
    CU_ASSERT_STRING_EQUAL(first, second);
    finish();
}

static void says_why_a_host_cannot(void)
{
    start(GOOD);
    snprintf(host.hypervisor_version, sizeof host.hypervisor_version, "Test 0.1");
    cannot("not QEMU");
    snprintf(host.hypervisor_version, sizeof host.hypervisor_version, "QEMU 7.2.0");
    pool.warm = true;
    image.guest_user[0] = 0;
    cannot("guest user");
    finish();
}

/* By snapshots, which QEMU keeps since 6.0; on this machine older ones do, too. */
static void on_another_machine_its_state_is_kept_by_a_qemu_that_can(void)
{
    char near[ID_SIZE], far[ID_SIZE];
    start(GOOD);
    snprintf(host.hypervisor_version, sizeof host.hypervisor_version, "QEMU 5.2.0");
    name_now(near);
    snprintf(host.storage, sizeof host.storage, "own");
    cannot("older than 6.0");
    snprintf(host.storage, sizeof host.storage, "shared");
    snprintf(host.uri, sizeof host.uri, "qemu+tls://far.example.org/system");
    cannot("older than 6.0");
    snprintf(host.hypervisor_version, sizeof host.hypervisor_version, "QEMU 10.0.2");
    name_now(far);
    snprintf(host.uri, sizeof host.uri, "qemu:///system");
    name_now(near);
    CU_ASSERT_STRING_NOT_EQUAL(near, far); /* the file of its state is of another kind */
    finish();
}

static void says_what_in_the_template_cannot_be_forked(void)
{
    static const char *const bad[][2] = {
        {"<interface type='vhostuser'/>", "vhost-user"},
        {"<hostdev/>", "hostdev"},
        {"<filesystem><driver type='virtiofs'/></filesystem>", "virtiofs"},
        {"<memoryBacking/>", "memoryBacking"},
        {"<tpm/>", "TPM"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "<domain><name>${name}</name><uuid>${uuid}</uuid>${metadata}<type machine='q35'/>"
                 "<a>${disk}</a>%s${commandline}</domain>",
                 bad[i][0]);
        start(text);
        cannot(bad[i][1]);
        finish();
    }
    start("<domain><name>${name}</name><uuid>${uuid}</uuid>${metadata}<a>${disk}</a></domain>");
    cannot("${commandline}");
    finish();
    start("<domain><name>${name}</name><uuid>${uuid}</uuid>${metadata}<type machine='microvm'/><a>${disk}</a>"
          "${commandline}</domain>");
    cannot("\"microvm\"");
    finish();
}

static void uris_of_this_machine_are_known(void)
{
    CU_ASSERT_TRUE(golden_uri_is_local("qemu:///system"));
    CU_ASSERT_TRUE(golden_uri_is_local("qemu+unix:///system?socket=/run/x"));
    CU_ASSERT_FALSE(golden_uri_is_local("qemu+ssh://far/system"));
    CU_ASSERT_FALSE(golden_uri_is_local("qemu+tcp://127.0.0.1:16509/system"));
    CU_ASSERT_FALSE(golden_uri_is_local("qemu+unix://far/system"));
    CU_ASSERT_FALSE(golden_uri_is_local("nonsense"));
}

SUITE("vmpool golden_shape", TEST(the_same_shape_has_the_same_name),
      TEST(whatever_a_clone_must_have_in_common_changes_the_name),
      TEST(software_emulation_shows_guests_nothing_of_the_hosts_processor),
      TEST(a_machine_type_of_another_version_is_another_shape),
      TEST(pools_on_different_networks_share_a_golden_guest_without_a_card), TEST(says_why_a_host_cannot),
      TEST(on_another_machine_its_state_is_kept_by_a_qemu_that_can),
      TEST(says_what_in_the_template_cannot_be_forked), TEST(uris_of_this_machine_are_known))
