/* Accounts: who is asking and what they may do, and the audit log of who did what. */
#include "accounts/accounts.h"

static const struct route routes[] = {
	{"GET", "/v1/me", ROLE_NONE, accounts_me, false, "", ""},
	{"GET", "/v1/audit", ROLE_ADMIN, accounts_audit, true, "limit after", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "accounts", .routes = routes, .threads = 4};

	return app_run(&program, argc, argv);
}
