#include "tls_fingerprint.h"

#include <string.h>

#include "suite.h"

/* openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=t -days 36500 */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBbzCCARWgAwIBAgIUCJAVQoMK5gGOADPx3rtwQDINK/UwCgYIKoZIzj0EAwIw\n"
                          "DDEKMAgGA1UEAwwBdDAgFw0yNjExMjMxMzIzMDZaGA8yMTI2MTAzMDEzMjMwNlow\n"
                          "DDEKMAgGA1UEAwwBdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBphmNaohdtM\n"
                          "Gi5D5Vzo0cH1X/vB/K2WYLkJKfFDp5kJ1UzPouTOBT0wg6qaSA5K/DnQ5q1/5b5N\n"
                          "J9IXvCs/+yqjUzBRMB0GA1UdDgQWBBQz6+767br4kd07izB3+UV/diP41TAfBgNV\n"
                          "HSMEGDAWgBQz6+767br4kd07izB3+UV/diP41TAPBgNVHRMBAf8EBTADAQH/MAoG\n"
                          "CCqGSM49BAMCA0gAMEUCIQC28ZPHZrAqdupip/zY70byXBWn1fgMyYom98SaGgEX\n"
                          "GAIgHuiX9Q1Eaw2uudXOEw5BRjWfzMCLUE2Gui9fvq/GUAg=\n"
                          "-----END CERTIFICATE-----\n";

static void is_the_sha256_of_the_der(void)
{
    char fingerprint[FINGERPRINT_SIZE];
    struct error err = {0};
    CU_ASSERT_EQUAL(tls_fingerprint_of_pem(pem, sizeof pem - 1, fingerprint, &err), 0);
    CU_ASSERT_STRING_EQUAL(fingerprint, "0211ff8711eba87a4490d145fbf641267a4fe0757c221b6b969cbe6058a80495");
}

static void refuses_what_is_not_a_certificate(void)
{
    char fingerprint[FINGERPRINT_SIZE] = "untouched";
    struct error err = {0};
    CU_ASSERT_EQUAL(tls_fingerprint_of_pem("", 0, fingerprint, &err), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(tls_fingerprint_of_pem("-----BEGIN CERTIFICATE-----\nAAAA\n", 33, fingerprint, &err),
                    CE_BAD_INPUT);
    CU_ASSERT_EQUAL(tls_fingerprint_of_pem(pem, sizeof pem / 2, fingerprint, &err), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(fingerprint, "untouched");
}

SUITE("tls_fingerprint", TEST(is_the_sha256_of_the_der), TEST(refuses_what_is_not_a_certificate))
