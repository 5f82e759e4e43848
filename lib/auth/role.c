/* The names of the roles. */
#include "auth/role.h"

static const char *const role_names[] = {"none", "viewer", "annotator", "contributor", "admin"};
enum { ROLES = sizeof(role_names) / sizeof(role_names[0]) };

const char *role_name(enum role role)
{
	return (size_t)role < ROLES ? role_names[role] : role_names[ROLE_NONE];
}

int role_parse(const char *name, enum role *out, struct err *err)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (strcmp(name, role_names[i]) == 0) {
			*out = (enum role)i;
			return 0;
		}
	}
	return err_set(err, ERR_BAD_REQUEST, "\"%.40s\" is no role: viewer, annotator, contributor, admin",
	               name);
}
