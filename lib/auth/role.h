/* The roles, least first. Pure; thread-safe. */
#ifndef AUTH_ROLE_H
#define AUTH_ROLE_H

#include "base/err.h"

/* Each may do what those before it may. */
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_ANNOTATOR, ROLE_CONTRIBUTOR, ROLE_ADMIN };

const char *role_name(enum role role);                             /* "viewer", …; "none" */
int role_parse(const char *name, enum role *out, struct err *err); /* ERR_BAD_REQUEST; accepts "none" */

#endif
