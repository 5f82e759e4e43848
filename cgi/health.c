/* GET /healthz: whether the stores work; GET /readyz: whether everything can be served; GET /metrics: figures for
 * Prometheus. */
#include "health/health.h"
#include "program.h"

static const struct route routes[] = {
	{"GET", "/healthz", ROLE_NONE, health_healthz, false, ROUTE_ANY, ROUTE_ANY},
	{"GET", "/readyz", ROLE_NONE, health_readyz, false, ROUTE_ANY, ROUTE_ANY},
	{"GET", "/metrics", ROLE_VIEWER, health_metrics, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "health", .routes = routes, .threads = 8, .images = true};

	return program_run(&program, argc, argv);
}
