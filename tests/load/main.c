/* carrel-load: RDP clients and fake guests to load a gateway with. See carrel-load(1). */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bare.h"
#include "limit.h"
#include "plan.h"
#include "record.h"
#include "report.h"
#include "run.h"
#include "tls_memory.h"

enum {
    EXIT_REQUIRED = 1,
    EXIT_USAGE = 2,
    EXIT_RUN = 3,
};

static int outputs_write(const struct plan *plan, const struct report *report, struct error *err)
{
    int rc = 0;
    if (!plan->quiet)
        report_text(report, plan->json_path || plan->csv_path || plan->html_path ? stderr : stdout);
    if (plan->json_path)
        rc = report_json(report, plan->json_path, err);
    if (!rc && plan->csv_path)
        rc = report_csv(report, plan->csv_path, err);
    if (!rc && plan->html_path)
        rc = report_html(report, plan->html_path, err);
    return rc;
}

/* A figure that a requirement names and the run did not produce has not been met either. */
static int requires_check(const struct plan *plan, struct report *report)
{
    int status = 0;
    for (unsigned i = 0; i < plan->require_count; i++) {
        const struct require *require = &plan->requires[i];
        struct report_rule *rule = &report->rules[report->rule_count++];
        *rule = (struct report_rule){.text = require->text, .found = "no such figure"};
        if (!require_holds(require, report, &rule->holds)) {
            const struct report_metric *metric = report_find(report, require->name);
            report_value_print(metric->unit, metric->value, rule->found, sizeof rule->found);
        }
        if (!rule->holds) {
            fprintf(stderr, "carrel-load: '%s' does not hold: %s\n", rule->text, rule->found);
            status = EXIT_REQUIRED;
        }
    }
    return status;
}

int main(int argc, char **argv)
{
    static struct plan plan;
    struct error err = {0};
    struct run *run = NULL;
    struct rlimit files;
    tls_memory_init();
    int rc = plan_parse(&plan, argc, argv, &err);
    if (rc > 0)
        return 0;
    if (rc) {
        fprintf(stderr, "carrel-load: %s\n", err.text);
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    struct report *report = calloc(1, sizeof *report);
    if (!report)
        return EXIT_RUN;
    if (plan.scenario == PLAN_LIMIT)
        rc = limit_run(&plan, report, &err);
    else if (plan.scenario == PLAN_BARE)
        rc = bare_run(&plan, report, &err);
    else if (plan.scenario == PLAN_RECORD)
        rc = record_run(&plan, report, &err);
    else
        rc = run_all(&run, &plan, report, &err);
    int status = rc ? EXIT_RUN : requires_check(&plan, report);
    if (!rc)
        rc = outputs_write(&plan, report, &err);
    if (rc)
        status = EXIT_RUN;
    if (rc)
        fprintf(stderr, "carrel-load: %s\n", err.text);
    run_destroy(&run);
    free(report);
    return status;
}
