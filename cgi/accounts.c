/* /v1/me, /v1/users, /v1/tokens and /v1/audit: users, their tokens, and the audit log. */
#include "accounts/accounts.h"
#include "program.h"

static const struct route routes[] = {
	{"GET", "/v1/me", ROLE_NONE, accounts_me, 0, "", ""},
	{"POST", "/v1/me/password", ROLE_NONE, accounts_password, ROUTE_IN_PERSON, "", "password"},
	{"GET", "/v1/users", ROLE_ADMIN, accounts_users, ROUTE_OVERALL, "limit after", ""},
	{"POST", "/v1/users", ROLE_ADMIN, accounts_user_add, ROUTE_OVERALL, "", "user role datasets expires_at"},
	{"PATCH", "/v1/users/{user}", ROLE_ADMIN, accounts_user_change, ROUTE_OVERALL, "", "role datasets expires_at"},
	{"POST", "/v1/users/{user}/key", ROLE_ADMIN, accounts_user_key, ROUTE_OVERALL, "", ""},
	{"DELETE", "/v1/users/{user}", ROLE_ADMIN, accounts_user_remove, ROUTE_OVERALL, "", ""},
	{"GET", "/v1/tokens", ROLE_NONE, accounts_tokens, 0, "limit after user", ""},
	{"POST", "/v1/tokens", ROLE_NONE, accounts_token_add, ROUTE_IN_PERSON, "", "name scope datasets expires_at"},
	{"DELETE", "/v1/tokens/{id}", ROLE_NONE, accounts_token_remove, ROUTE_IN_PERSON, "", ""},
	{"GET", "/v1/audit", ROLE_ADMIN, accounts_audit, ROUTE_OVERALL, "limit after order", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "accounts", .routes = routes, .threads = 4, .tick = accounts_keep};

	return program_run(&program, argc, argv);
}
