#include "error_info.h"

#include "suite.h"

static void names_the_codes_that_carrel_sends(void)
{
    CU_ASSERT_STRING_EQUAL(rdp_error_info_name(0), "NONE");
    CU_ASSERT_STRING_EQUAL(rdp_error_info_name(RDP_ERRINFO_DISCONNECTED_BY_OTHER_CONNECTION),
                           "DISCONNECTED_BY_OTHERCONNECTION");
    CU_ASSERT_STRING_EQUAL(rdp_error_info_name(RDP_ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES),
                           "SERVER_INSUFFICIENT_PRIVILEGES");
    CU_ASSERT_STRING_EQUAL(rdp_error_info_name(RDP_ERRINFO_LOGOFF_BY_USER), "LOGOFF_BY_USER");
    CU_ASSERT_STRING_EQUAL(rdp_error_info_name(RDP_ERRINFO_CB_DESTINATION_POOL_NOT_FREE),
                           "CB_DESTINATION_POOL_NOT_FREE");
    CU_ASSERT_STRING_EQUAL(rdp_error_info_name(0x1126), "SECURITYDATATOOSHORT23");
}

static void a_code_without_name_is_unknown(void)
{
    CU_ASSERT_STRING_EQUAL(rdp_error_info_name(0x8), "UNKNOWN");
    CU_ASSERT_STRING_EQUAL(rdp_error_info_name(0xffffffff), "UNKNOWN");
}

SUITE("error_info", TEST(names_the_codes_that_carrel_sends), TEST(a_code_without_name_is_unknown))
