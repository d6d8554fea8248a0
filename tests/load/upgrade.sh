#!/bin/bash
# Replaces a gateway 20 times under 200 live sessions and constant log-ins: none may be lost or refused.
#
# usage: tests/load/upgrade.sh [CARREL_GATEWAY]
#
# CARREL_GATEWAY is build/gateway/carrel-gateway when it is not given. CARREL_UPGRADE_SESSIONS and
# CARREL_UPGRADE_TIMES choose other numbers.
set -euo pipefail
repo=$(cd "$(dirname "$0")/../.." && pwd)
export CARREL_UPGRADE_SESSIONS=${CARREL_UPGRADE_SESSIONS:-200} CARREL_UPGRADE_TIMES=${CARREL_UPGRADE_TIMES:-20}
exec "$repo/tests/integration/gateway_upgrade_test.py" "${1:-$repo/build/gateway/carrel-gateway}" \
    Upgrade.test_nobody_is_lost_or_refused_however_often_it_is_replaced
