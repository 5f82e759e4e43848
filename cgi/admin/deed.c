/* Adds what commands have done to the audit log. */
#include "deed.h"

#include <pwd.h>
#include <unistd.h>

#include "admin.h"
#include "base/json.h"
#include "base/text.h"
#include "dataset/audit.h"
#include "owner.h"

static void doer(config_env *env, struct buf *out)
{
	const char *name = getuid() == 0 ? env("SUDO_USER") : NULL;
	const struct passwd *account = name ? NULL : getpwuid(getuid());

	name = account ? account->pw_name : name;
	buf_str(out, "local:");
	if (name && text_utf8_valid(name, strlen(name)) && !text_has_control(name))
		buf_str(out, name);
	else
		buf_printf(out, "%u", (unsigned)getuid());
}

static int deed_write(const struct config *config, struct dataset_store *store, const struct audit_entry *entry,
                      struct err *err)
{
	return (config_datasets_are_files(config) && (owner_become(config->sqlite_db_dir, err) ||
	                                              admin_make_folder(config->sqlite_db_dir, 0755, err))) ||
	       audit_add(store, entry, err);
}

void deed_tell(const char *program, const struct config *config, struct dataset_store *store, config_env *env,
               const struct deed *deed)
{
	struct buf by, detail;
	struct err err;

	buf_init(&by, TEXT_LABEL_MAX);
	buf_init(&detail, AUDIT_DETAIL_MAX);
	doer(env, &by);
	if (deed->detail)
		json_print(deed->detail, &detail);
	const struct audit_entry entry = {
		.by = buf_text(&by), .action = deed->action, .target = deed->target, .dataset = "", .detail = buf_text(&detail)};
	if (deed_write(config, store, &entry, &err))
		fprintf(stderr, "%s: warning: it is done, but the audit log does not say so: %s\n", program, err.text);
	cJSON_Delete(deed->detail);
	buf_release(&by);
	buf_release(&detail);
}
