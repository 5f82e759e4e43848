/* `admin first`: makes the first user if there is none. */
#include "admin.h"
#include "auth/users.h"
#include "deed.h"
#include "fastcgi/roster.h"

int admin_first(int argc, char **argv, config_env *env)
{
	struct config config;
	int status = admin_load_config(argc, argv, env, &config);
	if (status != ADMIN_DONE)
		return status;
	struct dataset_store *store = NULL;
	struct roster roster;
	char key[USERS_KEY_MAX];
	bool made = false;
	struct err err;
	int failed = dataset_store_open(&store, &config, &err);
	if (!failed) {
		roster_init(&roster, &config, store);
		failed = users_add_first(&roster.place, &made, key, &err);
	}
	if (failed) {
		fprintf(stderr, "the first user cannot be made: %s\n", err.text);
		status = ADMIN_FAILED;
	} else if (made) {
		printf("There was no user, so " USERS_FIRST " was added, who may do everything; the key, which is shown only now:\n"
		       "%s\n",
		       key);
	}
	explicit_bzero(key, sizeof(key));
	if (made)
		deed_tell("image-label-server", &config, store, env, &(struct deed){"user.add", USERS_FIRST, NULL});
	dataset_store_free(store);
	config_release(&config);
	return status == ADMIN_DONE && fflush(stdout) != 0 ? ADMIN_FAILED : status;
}
