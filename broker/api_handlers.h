/* The functions behind the routes, one file per kind of object. Each runs on the loop's thread with a request
 * whose role, path, query and body form were checked, and answers it now or later.
 */
#ifndef CARREL_BROKER_API_HANDLERS_H
#define CARREL_BROKER_API_HANDLERS_H

#include "api_request.h"

/* api_status.c */
void api_healthz(struct request *r);
void api_readyz(struct request *r);
void api_openapi(struct request *r);
void api_status(struct request *r);

/* login.c, nla.c, ticket.c, session.c, gateway.c: what gateways ask */
void api_login(struct request *r);
void api_nla_begin(struct request *r);
void api_nla_go_on(struct request *r);
void api_session_ticket(struct request *r);
void api_gateway_reports(struct request *r);
void api_gateway_heartbeat(struct request *r);
void api_gateway_orders(struct request *r);

/* api_users.c, api_groups.c, api_entitlements.c */
void api_users_list(struct request *r);
void api_users_add(struct request *r);
void api_user_get(struct request *r);
void api_user_change(struct request *r);
void api_user_delete(struct request *r);
void api_user_otp_enable(struct request *r); /* api_otp.c */
void api_user_otp_disable(struct request *r);
void api_groups_list(struct request *r);
void api_groups_add(struct request *r);
void api_group_get(struct request *r);
void api_group_delete(struct request *r);
void api_group_member_add(struct request *r);
void api_group_member_remove(struct request *r);
void api_entitlements_list(struct request *r);
void api_entitlements_add(struct request *r);
void api_entitlement_get(struct request *r);
void api_entitlement_change(struct request *r);
void api_entitlement_delete(struct request *r);

/* api_images.c, api_pools.c, api_hosts.c */
void api_images_list(struct request *r);
void api_images_add(struct request *r);
void api_image_get(struct request *r);
void api_image_delete(struct request *r);
void api_pools_list(struct request *r);
void api_pools_add(struct request *r);
void api_pool_get(struct request *r);
void api_pool_change(struct request *r);
void api_pool_delete(struct request *r);
void api_pool_retry(struct request *r);
void api_roll_get(struct request *r);
void api_roll_begin(struct request *r);
void api_roll_change(struct request *r);
void api_power_get(struct request *r); /* api_power.c */
void api_power_change(struct request *r);
void api_rules_list(struct request *r);
void api_rule_add(struct request *r);
void api_rule_delete(struct request *r);
void api_image_prune(struct request *r);
void api_image_publish(struct request *r);
void api_hosts_list(struct request *r);
void api_hosts_add(struct request *r);
void api_host_get(struct request *r);
void api_host_change(struct request *r);
void api_host_delete(struct request *r);

/* api_machines.c */
void api_machines_list(struct request *r);
void api_machines_add(struct request *r);
void api_machine_get(struct request *r);
void api_machine_change(struct request *r);
void api_machine_delete(struct request *r);

/* api_data_disks.c */
void api_data_disks_list(struct request *r);
void api_data_disk_get(struct request *r);
void api_data_disk_detach(struct request *r);
void api_data_disk_delete(struct request *r);

/* api_desktops.c, api_sessions.c, api_gateways.c */
void api_desktops_list(struct request *r);
void api_desktop_get(struct request *r);
void api_desktop_log(struct request *r);
void api_desktop_log_get(struct request *r);
void api_desktop_screenshot(struct request *r);
void api_desktop_screenshot_get(struct request *r);
void api_desktop_console(struct request *r);
void api_pool_failures(struct request *r);
void api_snapshots_list(struct request *r);
void api_snapshot_create(struct request *r);
void api_snapshot_restore(struct request *r);
void api_snapshot_delete(struct request *r);
void api_desktop_recycle(struct request *r);
void api_desktop_restart(struct request *r);
void api_desktop_maintenance(struct request *r);
void api_desktop_release(struct request *r);
void api_sessions_list(struct request *r);
void api_session_get(struct request *r);
void api_session_disconnect(struct request *r);
void api_session_logoff(struct request *r);
void api_session_message(struct request *r); /* api_session_message.c */
void api_gateways_list(struct request *r);
void api_gateway_get(struct request *r);
void api_gateway_drain(struct request *r);
void api_gateway_undrain(struct request *r);

/* api_events.c, api_orders.c */
void api_events_list(struct request *r);
void api_events_woken(struct broker *broker);      /* new events: streams look */
void api_events_keep_alive(struct broker *broker); /* every second: quiet streams get an empty line */
void api_order_get(struct request *r);

/* NULL without memory. */
json_t *api_roll_json(const struct roll_row *row, const struct roll_progress *progress);
/* The member "power" of a pool of which somebody said when its desktops run. */
int api_power_add(struct db *db, const struct pool_row *pool, json_t *json) MUST_CHECK;

#endif
