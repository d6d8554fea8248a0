#include "host_processor.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static void read_host(const char *cpu, char ret[HOST_PROCESSOR_SIZE])
{
    char text[1024];
    snprintf(text, sizeof text,
             "<capabilities><host><uuid>x</uuid>%s<topology/></host><guest><arch/></guest></capabilities>",
             cpu);
    host_processor_read(text, ret);
}

static void another_model_or_feature_is_another_processor(void)
{
    char first[HOST_PROCESSOR_SIZE], model[HOST_PROCESSOR_SIZE], feature[HOST_PROCESSOR_SIZE];
    read_host("<cpu><arch>x86_64</arch><model>Nehalem</model><feature name='vmx'/></cpu>", first);
    read_host("<cpu><arch>x86_64</arch><model>Skylake</model><feature name='vmx'/></cpu>", model);
    read_host("<cpu><arch>x86_64</arch><model>Nehalem</model><feature name='vme'/></cpu>", feature);
    CU_ASSERT_EQUAL(strlen(first), HOST_PROCESSOR_SIZE - 1);
    CU_ASSERT_STRING_NOT_EQUAL(first, model);
    CU_ASSERT_STRING_NOT_EQUAL(first, feature);
    CU_ASSERT_STRING_NOT_EQUAL(model, feature);
}

static void what_changes_from_boot_to_boot_is_left_out(void)
{
    char first[HOST_PROCESSOR_SIZE], second[HOST_PROCESSOR_SIZE];
    read_host("<cpu><arch>x86_64</arch><model>Nehalem</model><microcode version='1'/>"
              "<counter name='tsc' frequency='2100000000'/></cpu>",
              first);
    read_host("<cpu>\n<arch>x86_64</arch>\n<model>Nehalem</model><microcode version='2'/>"
              "<counter name='tsc' frequency='2100000007'/></cpu>",
              second);
    CU_ASSERT_STRING_EQUAL(first, second);
}

static void a_host_that_says_nothing_has_none(void)
{
    char ret[HOST_PROCESSOR_SIZE];
    read_host("", ret);
    CU_ASSERT_STRING_EQUAL(ret, "");
    host_processor_read("no XML", ret);
    CU_ASSERT_STRING_EQUAL(ret, "");
}

SUITE("vmpool host_processor", TEST(another_model_or_feature_is_another_processor),
      TEST(what_changes_from_boot_to_boot_is_left_out), TEST(a_host_that_says_nothing_has_none))
